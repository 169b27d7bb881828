//! Which products are asked for: `?domain=&owner=&tier=&lifecycle=&verdict=&tag=`. Of one name any value will do, and of several names each
//! must.

use crate::catalog::directory::{Directory, Info};
use crate::catalog::fleet::Peer;
use crate::engine::contract::name::ProductName;
use crate::engine::event::result::word;
use crate::engine::published::lifecycle::Lifecycle;
use crate::flow::io::Ms;
use crate::http::query::Pairs;
use crate::http::server::Site;
use crate::http::summary::latest;
use crate::http::workers;
use axum::response::Response;
use std::collections::BTreeMap;

const NAMES: [&str; 6] = ["domain", "owner", "tier", "lifecycle", "verdict", "tag"];
const VERDICTS: [&str; 6] = ["pass", "warn", "fail", "error", "skip", "unknown"];

pub struct Facets<'p> {
    asked: BTreeMap<&'static str, Vec<&'p str>>,
}

impl<'p> Facets<'p> {
    /// 400 for a word that no product can have.
    pub fn of(pairs: &'p Pairs) -> Result<Facets<'p>, Box<Response>> {
        for (name, words) in [("lifecycle", &Lifecycle::ALL.map(Lifecycle::word)[..]), ("verdict", &VERDICTS[..])] {
            pairs.words(name, words)?;
        }
        let asked = NAMES.map(|name| (name, pairs.all(name).filter(|value| !value.is_empty()).collect::<Vec<_>>()));
        Ok(Facets { asked: asked.into_iter().filter(|(_, values)| !values.is_empty()).collect() })
    }

    pub fn fit(
        &self,
        site: &Site,
        directory: &Directory,
        peers: &BTreeMap<String, Peer>,
        (product, info): (&ProductName, &Info),
        now: Ms,
    ) -> bool {
        let portrait = directory.portraits.get(product);
        self.asked.iter().all(|(name, asked)| {
            let is = |value: Option<&str>| value.is_some_and(|value| asked.contains(&value));
            match *name {
                "domain" => is(Some(&product.domain)),
                "owner" => is(Some(&info.owner)),
                "tier" => is(portrait.and_then(|portrait| portrait.tier.as_deref())),
                "lifecycle" => is(directory.lifecycle(product).map(Lifecycle::word)),
                "tag" => portrait.is_some_and(|portrait| portrait.tags.iter().any(|tag| is(Some(tag.as_str())))),
                _ => {
                    let standing = workers::standing(site, product, peers, now);
                    let quality = standing.as_ref().and_then(|standing| latest(&standing.owned.state));
                    is(Some(quality.map_or("unknown", |latest| word(latest.status))))
                }
            }
        })
    }
}
