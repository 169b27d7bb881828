//! What the mesh's policies say, told whenever they say something else than was told before: a record of the catalog and an event in
//! one transaction, by the worker that leads.

use crate::catalog::policies::{Judgement, Standing};
use crate::catalog::published::NotDone;
use crate::engine::event::policy::{self, Place, Said, Told};
use crate::flow::io::Message;
use crate::kafka::configured::topics;
use crate::worker::registrar::{Law, told};
use crate::worker::sole::{Records, Sole, record};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Keys are `verdict/` and policy, domain, product and contract as a JSON array: any of them may hold any character.
const PREFIX: &str = "verdict/";
/// In one transaction: some 2 KiB each.
const TOLD_AT_ONCE: usize = 500;

/// What was told last is in the catalog.
#[derive(Debug, Default)]
pub struct Rulings {
    /// What the catalog is known to have.
    kept: Option<Arc<Standing>>,
}

impl Rulings {
    /// Tells what is to be told; `leads`: whether it is this worker's to tell. What fails is tried again in the next round.
    pub fn tell(
        &mut self,
        mut sole: Sole<'_>,
        law: Law<'_>,
        standing: &Arc<Standing>,
        leads: bool,
    ) -> Result<(), NotDone> {
        if !leads {
            self.kept = None;
            return Ok(());
        }
        if self.kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, standing)) {
            return Ok(());
        }
        let now_ms = crate::clock::now_ms();
        let decide = |catalog: &Records| {
            let messages = messages(catalog, standing, law, now_ms);
            Ok((messages.len(), messages))
        };
        // What is written is in the catalog, so that nothing of it is to be told any more.
        while sole.write(decide, |catalog, count| messages(catalog, standing, law, now_ms).len() < *count)? > 0 {}
        self.kept = Some(standing.clone());
        Ok(())
    }
}

/// A record and an event for each verdict that changed, came or went.
fn messages(catalog: &Records, standing: &Standing, law: Law<'_>, now_ms: i64) -> Vec<Message> {
    let known = kept(catalog);
    let said: BTreeMap<Place, &Judgement> =
        standing.judgements.iter().map(|judgement| (place(judgement), judgement)).collect();
    let gone =
        known.iter().filter(|(place, _)| !said.contains_key(*place)).map(|(place, told)| (place, Some(told), None));
    let news = said.iter().filter_map(|(place, judgement)| {
        let (was, word, reason) = (known.get(place), judgement.verdict.word(), judgement.verdict.reason());
        let same = match was {
            Some(was) => was.status == word && was.reason == reason,
            // A policy that was never asked of it has said nothing.
            None => word == "skip",
        };
        let revision = was.map_or(0, |was| was.revision) + 1;
        let is = Told { revision, status: word.to_owned(), reason: reason.to_owned(), since_ms: now_ms };
        (!same).then_some((place, was, Some(is)))
    });
    let mut messages = Vec::new();
    for (place, was, is) in gone.chain(news).take(TOLD_AT_ONCE) {
        let facts = standing.policies.iter().find(|facts| facts.id == place.policy);
        let source = law.sources.iter().find(|source| source.plan.product == place.product);
        let event = policy::event(
            law.speaker,
            &Said {
                place,
                title: facts.map_or("", |facts| &facts.title),
                remedy: facts.map_or("", |facts| &facts.remedy),
                mode: facts.map(|facts| facts.mode.word()),
                owner: source.map_or("", |source| &source.plan.owner),
                is: is.as_ref(),
                was,
                time_ms: now_ms,
            },
        );
        let value = is.and_then(|is| serde_json::to_vec(&is).ok());
        messages.push(record(topics(law.config).catalog(), key(place), value));
        messages.push(told(law.config, event));
    }
    messages
}

fn place(judgement: &Judgement) -> Place {
    let Judgement { policy, product, contract, .. } = judgement;
    Place { policy: policy.clone(), product: product.clone(), contract: contract.clone() }
}

fn key(place: &Place) -> String {
    let Place { policy, product, contract } = place;
    format!("{PREFIX}{}", json!([policy, product.domain, product.name, contract]))
}

/// What was told last; a record that this version cannot read is left out.
fn kept(catalog: &Records) -> BTreeMap<Place, Told> {
    let of_verdicts = catalog.range(PREFIX.to_owned()..).take_while(|(key, _)| key.starts_with(PREFIX));
    let told = |(key, value): (&String, &Vec<u8>)| {
        let names: (String, String, String, Option<String>) = serde_json::from_str(key.strip_prefix(PREFIX)?).ok()?;
        let (policy, domain, name, contract) = names;
        let product = crate::engine::contract::name::ProductName { domain, name };
        Some((Place { policy, product, contract }, serde_json::from_slice(value).ok()?))
    };
    of_verdicts.filter_map(told).collect()
}
