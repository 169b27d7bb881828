//! One product with all that its page says: what its contracts say, and how it stands by the word of its owner.

use crate::catalog::directory::{Directory, Info};
use crate::catalog::fleet::Peer;
use crate::catalog::lineage::Lineage;
use crate::engine::check::verdict::Status;
use crate::engine::contract::described::Field;
use crate::engine::contract::name::ProductName;
use crate::engine::contract::plan::{Plan, Rule};
use crate::engine::lineage::node::{Edge, Node};
use crate::engine::published::lifecycle::Lifecycle;
use crate::flow::io::Ms;
use crate::flow::state::{ProductState, Summary};
use crate::http::server::Site;
use crate::http::summary::latest;
use crate::http::workers::{self, Standing};
use crate::page::verdict::rank;
use crate::page::worded::{Worded, own, worded};
use crate::page::words::encoded;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub struct Seen<'d> {
    pub name: &'d ProductName,
    pub info: &'d Info,
    /// Its contracts in force, with their rules.
    pub plans: &'d [Arc<Plan>],
    pub text: Option<&'d str>,
    /// Paths of fields, for the search.
    pub fields: Vec<&'d str>,
    /// Some field is classified.
    pub personal: bool,
    /// A word for how much it matters.
    pub tier: Option<&'d str>,
    pub lifecycle: Option<Lifecycle>,
    pub tags: &'d [String],
    pub standing: Option<Standing>,
    pub status: Status,
    pub score: Option<f64>,
    /// Made when they are asked for: of a thousand products a page shows some.
    windows: OnceCell<Vec<Window>>,
    /// Jobs that read one of its topics, ours aside; `None`: lineage is not known yet.
    pub readers: Option<BTreeSet<Node>>,
}

/// All summaries of one span of time together.
pub struct Window {
    pub start_ms: Ms,
    pub end_ms: Ms,
    pub status: Status,
    /// The lowest of its contracts'; `None` where nothing was measured.
    pub score: Option<f64>,
    pub records: u64,
    /// By rule: the worst word, and the rows that broke it.
    pub findings: BTreeMap<String, (Status, u64)>,
}

impl Window {
    /// Records a minute.
    pub fn per_minute(&self) -> Option<f64> {
        let span_ms = self.end_ms - self.start_ms;
        (span_ms > 0).then(|| self.records as f64 * 60_000.0 / span_ms as f64)
    }
}

impl<'d> Seen<'d> {
    pub fn of(
        site: &Site,
        directory: &'d Directory,
        lineage: &Lineage,
        peers: &BTreeMap<String, Peer>,
        name: &'d ProductName,
        now: Ms,
    ) -> Option<Seen<'d>> {
        let info = directory.products.get(name)?;
        let documents = directory.documents_of(name);
        let portrait = directory.portraits.get(name);
        let datasets = || documents.iter().flat_map(|document| &document.described.datasets);
        let standing = workers::standing(site, name, peers, now);
        let latest = standing.as_ref().and_then(|standing| latest(&standing.owned.state));
        let (status, score) = latest.map_or((Status::Unknown, None), |latest| (latest.status, latest.score));
        Some(Seen {
            name,
            info,
            plans: directory.plans.get(name).map(Vec::as_slice).unwrap_or_default(),
            text: portrait
                .and_then(|portrait| portrait.text.as_deref())
                .or_else(|| datasets().find_map(|dataset| dataset.text.as_deref())),
            fields: documents.iter().flat_map(|document| &document.fields).map(|field| field.path.as_str()).collect(),
            tier: portrait.and_then(|portrait| portrait.tier.as_deref()),
            lifecycle: directory.lifecycle(name),
            tags: portrait.map(|portrait| portrait.tags.as_slice()).unwrap_or_default(),
            personal: datasets().any(|dataset| classified(&dataset.fields)),
            standing,
            status,
            score,
            windows: OnceCell::new(),
            readers: (lineage.at_ms > 0).then(|| readers(lineage, &info.topics)),
        })
    }

    /// Oldest first.
    pub fn windows(&self) -> &[Window] {
        let made = || self.standing.as_ref().map(|standing| windows(&standing.owned.state)).unwrap_or_default();
        self.windows.get_or_init(made)
    }

    pub fn href(&self) -> String {
        href(self.name)
    }

    /// A rule of its contracts; `None` for what the daemon itself asks.
    pub fn rule(&self, id: &str) -> Option<&'d Rule> {
        self.plans.iter().flat_map(|plan| &plan.rules).find(|rule| rule.id == id)
    }

    /// A rule in words; one that is gone goes by its id.
    pub fn worded(&self, id: &str) -> Worded {
        match self.rule(id) {
            Some(rule) => worded(rule),
            None => {
                own(id).unwrap_or_else(|| Worded { good: format!("{id} holds"), bad: format!("{id} does not hold") })
            }
        }
    }

    /// What the last window found, worst first: rule, word, rows.
    pub fn findings(&self) -> Vec<(&str, Status, u64)> {
        let last = self.windows().last().into_iter().flat_map(|window| &window.findings);
        let mut found: Vec<_> = last.map(|(rule, (status, failed))| (rule.as_str(), *status, *failed)).collect();
        found.sort_by_key(|(_, status, failed)| (rank(*status), std::cmp::Reverse(*failed)));
        found
    }

    /// Records a minute in the last window.
    pub fn volume(&self) -> Option<f64> {
        self.windows().last()?.per_minute()
    }

    /// How old the newest record is.
    pub fn age_ms(&self, now: Ms) -> Option<Ms> {
        Some((now - self.standing.as_ref()?.owned.state.newest_ms?).max(0))
    }

    /// Why nothing is known, where nothing is.
    pub fn why_unknown(&self) -> &'static str {
        match &self.standing {
            None => "Nothing was judged yet: its records have not reached the ledger.",
            Some(standing) if standing.owned.state.recent.is_empty() => "No window has closed yet.",
            Some(_) => "Its last window could not be measured.",
        }
    }
}

pub fn href(product: &ProductName) -> String {
    format!("/products/{}/{}", encoded(&product.domain), encoded(&product.name))
}

fn classified(fields: &[Field]) -> bool {
    fields.iter().any(|field| field.classified || classified(&field.fields))
}

fn readers(lineage: &Lineage, topics: &BTreeSet<String>) -> BTreeSet<Node> {
    let graph = &lineage.graph;
    let mut found = BTreeSet::new();
    for topic in topics {
        let from = Node::dataset(&lineage.namespace, topic);
        let lives = |to: &&Node| graph.lives(&Edge { from: from.clone(), to: (*to).clone() });
        found.extend(graph.targets_of(&from).filter(lives).filter(|to| !graph.is_own(to)).cloned());
    }
    found
}

/// Since a contract in force judged its first window, what older ones say does not count.
fn windows(state: &ProductState) -> Vec<Window> {
    let current = |summary: &&Summary| state.current.contains(&summary.window.hash);
    let since = state.recent.iter().filter(current).map(|summary| summary.window.start).min();
    let mut by_start: BTreeMap<Ms, Vec<&Summary>> = BTreeMap::new();
    for summary in state.recent.iter().filter(|s| current(s) || since.is_none_or(|since| s.window.start < since)) {
        by_start.entry(summary.window.start).or_default().push(summary);
    }
    by_start
        .into_values()
        .filter_map(|of| {
            let first = of.first()?;
            let mut window = Window {
                start_ms: first.window.start,
                end_ms: first.end_ms,
                status: of.iter().map(|summary| summary.status).min_by_key(|status| rank(*status))?,
                score: of.iter().filter_map(|summary| summary.score).min_by(f64::total_cmp),
                records: of.iter().map(|summary| summary.records).sum(),
                findings: BTreeMap::new(),
            };
            for (rule, status, failed) in of.iter().flat_map(|summary| &summary.findings) {
                let known = window.findings.entry(rule.clone()).or_insert((*status, 0));
                known.1 += failed;
                if rank(*status) < rank(known.0) {
                    known.0 = *status;
                }
            }
            Some(window)
        })
        .collect()
}
