//! The graph: what all collectors say, as edges that appear, age and end.
//!
//! An edge is there while one claim on it holds. What is written down somewhere (`declared`, `configured`, `permitted`) holds
//! until a complete round of its collector does not name it, or the job is gone; what was seen (`observed`) or looks like it
//! (`inferred`) holds until it was not seen for `ttl_ms`, or the job is gone. What ended is kept for `keep_ended_ms`.

mod asked; // what is asked of it
mod heard; // events of others

use crate::engine::lineage::claim::{Claim, Claimant, KnownJob, Look};
use crate::engine::lineage::contradiction::{self, Contradiction};
use crate::engine::lineage::hops::HEADERS;
use crate::engine::lineage::incident::Standing;
use crate::engine::lineage::node::{Edge, Node};
use crate::engine::lineage::sighting::{Evidence, JobFacts, Round, Sighting, Unresolved};
use crate::engine::lineage::told::Told;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default)]
pub struct Graph {
    limits: Limits,
    edges: BTreeMap<Edge, Claims>,
    /// The same edges by their ends turned round.
    reversed: BTreeSet<(Node, Node)>,
    jobs: BTreeMap<(Node, String), KnownJob>,
    looks: BTreeMap<String, Look>,
    contradictions: BTreeMap<Contradiction, Standing>,
    told: Told,
    /// How far topics are read that others write events to: next to read, by topic and partition.
    read_to: BTreeMap<(String, i32), i64>,
    /// How far catalogs were sent lineage events: next to send, by address, topic and partition.
    sent_to: BTreeMap<(String, String, i32), i64>,
    /// Edges and jobs that found no room since the start.
    refused: u64,
}

/// Evidence of one edge, by whose word it is.
pub type Claims = BTreeMap<Claimant, Claim>;

/// Bounds in number and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Edges, ended ones too; at 500 bytes each 10,000 are 5 MB. As many jobs.
    pub edges_max: usize,
    /// What fades and was not seen for so long has ended; jobs too.
    pub ttl_ms: i64,
    /// The same for what runs told (`TOLD`): a batch job may run once a month.
    pub told_ttl_ms: i64,
    pub keep_ended_ms: i64,
    /// How long a declaration may wait to be seen.
    pub declared_grace_ms: i64,
}

impl Default for Limits {
    fn default() -> Limits {
        const HOUR_MS: i64 = 3_600_000;
        const DAY_MS: i64 = 24 * HOUR_MS;
        Limits {
            edges_max: 10_000,
            ttl_ms: DAY_MS,
            told_ttl_ms: 32 * DAY_MS,
            keep_ended_ms: 7 * DAY_MS,
            declared_grace_ms: HOUR_MS,
        }
    }
}

/// What is another than before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// An edge holds that did not.
    Appeared(Edge),
    /// Another evidence of it came or went.
    Evidence(Edge),
    /// Nothing supports it any more.
    Ended(Edge),
    /// It ended long ago and is no longer kept.
    Forgotten(Edge),
    /// A job came, or another state, kind or description of it.
    Job(Node),
    JobEnded(Node),
    Found(Contradiction),
    Settled(Contradiction),
}

/// Of one sighting's or job's details, and of reasons: as much as a person reads.
const DETAILS_MAX: usize = 32;
const TEXT_BYTES_MAX: usize = 1024;
/// Of one collector, that are shown; all are counted. At 2 KiB each they are 200 kB at most, which a message takes.
const UNRESOLVED_MAX: usize = 100;

impl Graph {
    pub fn new(limits: Limits) -> Graph {
        Graph { limits, ..Graph::default() }
    }

    /// Takes a round in; what changed by it, and by the time that has passed, in order.
    pub fn apply(&mut self, round: Round) -> Vec<Change> {
        let Round { collector, at_ms, complete, sightings, jobs, mut unresolved } = round;
        let mut before = Before::default();
        let mut named: BTreeSet<(Edge, Evidence)> = BTreeSet::new();
        let mut named_jobs: BTreeSet<Node> = BTreeSet::new();
        for facts in jobs {
            named_jobs.insert(facts.node.clone());
            self.see_job(&collector, facts, at_ms, &mut before);
        }
        for sighting in sightings {
            let edge = Edge { from: sighting.from.clone(), to: sighting.to.clone() };
            if let Err(why) = is_sound(&collector, &sighting) {
                unresolved.push(Unresolved { what: edge.to_string(), why: why.to_owned() });
                continue;
            }
            named.insert((edge.clone(), sighting.evidence));
            self.see(&collector, edge, sighting, at_ms, &mut before);
        }
        if complete {
            let gone = self.end_jobs(&collector, &named_jobs, at_ms, &mut before);
            self.end_claims(&collector, &named, &gone, at_ms, &mut before);
        }
        let unresolved_total = unresolved.len();
        unresolved.truncate(UNRESOLVED_MAX);
        unresolved.iter_mut().for_each(|u| (u.what, u.why) = (cut(&u.what), cut(&u.why)));
        self.looks.insert(collector, Look { at_ms, complete, unresolved, unresolved_total, error: None });
        self.pass_time(at_ms, &mut before);
        self.changes(before, at_ms)
    }

    /// Time has passed: what fades and was not seen ends, what ended long ago goes.
    pub fn age(&mut self, now_ms: i64) -> Vec<Change> {
        let mut before = Before::default();
        self.pass_time(now_ms, &mut before);
        self.changes(before, now_ms)
    }

    /// The collector could ask nothing.
    pub fn failed(&mut self, collector: &str, why: &str) {
        self.looks.entry(collector.to_owned()).or_default().error = Some(cut(why));
    }

    /// A claim as another worker, or a former life of this one, knew it.
    pub fn restore_claim(&mut self, edge: Edge, claimant: Claimant, claim: Claim) {
        if !self.edges.contains_key(&edge) && !self.has_room() {
            return;
        }
        self.reversed.insert((edge.to.clone(), edge.from.clone()));
        let claims = self.edges.entry(edge).or_default();
        match claims.get_mut(&claimant) {
            Some(known) => known.merge(claim),
            None => drop(claims.insert(claimant, claim)),
        }
    }

    /// A job as another worker, or a former life of this one, knew it.
    pub fn restore_job(&mut self, collector: String, job: KnownJob) {
        let is_full = self.jobs.len() >= self.limits.edges_max;
        match self.jobs.get_mut(&(job.facts.node.clone(), collector.clone())) {
            Some(known) => known.merge(job),
            None if is_full => self.refused += 1,
            None => drop(self.jobs.insert((job.facts.node.clone(), collector), job)),
        }
    }

    pub fn restore_look(&mut self, collector: String, look: Look) {
        self.looks.insert(collector, look);
    }

    pub fn forget_look(&mut self, collector: &str) {
        self.looks.remove(collector);
    }

    /// What disagreed before a restart is no news after it; `None`: it is settled.
    pub fn restore_contradiction(&mut self, found: Contradiction, standing: Option<Standing>) {
        match standing {
            Some(standing) => drop(self.contradictions.insert(found, standing)),
            None => drop(self.contradictions.remove(&found)),
        }
    }

    /// A claim that is kept nowhere any more.
    pub fn forget_claim(&mut self, edge: &Edge, claimant: &Claimant) {
        if let Some(claims) = self.edges.get_mut(edge) {
            claims.remove(claimant);
            if claims.is_empty() {
                self.remove(edge);
            }
        }
    }

    pub fn forget_job(&mut self, node: &Node, collector: &str) {
        self.jobs.remove(&(node.clone(), collector.to_owned()));
    }

    fn see(&mut self, collector: &str, edge: Edge, sighting: Sighting, at_ms: i64, before: &mut Before) {
        if !self.edges.contains_key(&edge) && !self.has_room() {
            return;
        }
        before.edge(self, &edge);
        self.reversed.insert((edge.to.clone(), edge.from.clone()));
        let claimant = Claimant { evidence: sighting.evidence, collector: collector.to_owned() };
        let claims = self.edges.entry(edge).or_default();
        let claim = claims.entry(claimant).or_insert_with(|| Claim {
            first_seen_ms: at_ms,
            last_seen_ms: at_ms,
            ended_ms: None,
            confidence: 0.0,
            detail: BTreeMap::new(),
        });
        claim.last_seen_ms = claim.last_seen_ms.max(at_ms).max(claim.ended_ms.unwrap_or(at_ms));
        claim.ended_ms = None;
        claim.confidence = if sighting.confidence.is_finite() { sighting.confidence.clamp(0.0, 1.0) } else { 0.0 };
        claim.detail = bounded(sighting.detail);
    }

    fn see_job(&mut self, collector: &str, mut facts: JobFacts, at_ms: i64, before: &mut Before) {
        facts.detail = bounded(facts.detail);
        let key = (facts.node.clone(), collector.to_owned());
        if !self.jobs.contains_key(&key) && self.jobs.len() >= self.limits.edges_max {
            self.refused += 1;
            return;
        }
        before.job(self, &facts.node);
        let known = self.jobs.entry(key).or_insert_with(|| KnownJob {
            facts: facts.clone(),
            first_seen_ms: at_ms,
            last_seen_ms: at_ms,
            begun_ms: at_ms,
            ended_ms: None,
        });
        if known.ended_ms.is_some() || (known.facts.state == FAILED && facts.state != FAILED) {
            known.begun_ms = at_ms;
        }
        known.facts = facts;
        known.last_seen_ms = known.last_seen_ms.max(at_ms).max(known.ended_ms.unwrap_or(at_ms));
        known.ended_ms = None;
    }

    /// Jobs that a complete round of their collector does not name are gone.
    fn end_jobs(&mut self, collector: &str, named: &BTreeSet<Node>, at_ms: i64, before: &mut Before) -> BTreeSet<Node> {
        let gone = self.jobs.iter().filter(|((node, whose), job)| {
            whose == collector && job.holds() && !named.contains(node) && job.last_seen_ms <= at_ms
        });
        let gone: BTreeSet<Node> = gone.map(|((node, _), _)| node.clone()).collect();
        for node in &gone {
            before.job(self, node);
            if let Some(job) = self.jobs.get_mut(&(node.clone(), collector.to_owned())) {
                job.ended_ms = Some(at_ms);
            }
        }
        gone
    }

    fn end_claims(
        &mut self,
        collector: &str,
        named: &BTreeSet<(Edge, Evidence)>,
        gone: &BTreeSet<Node>,
        at_ms: i64,
        before: &mut Before,
    ) {
        let mut ended = Vec::new();
        for (edge, claims) in &self.edges {
            for (claimant, claim) in claims.iter().filter(|(claimant, _)| claimant.collector == collector) {
                let job_is_gone = gone.contains(&edge.from) || gone.contains(&edge.to);
                let is_named = named.contains(&(edge.clone(), claimant.evidence));
                if claim.holds() && !is_named && (!claimant.evidence.fades() || job_is_gone) {
                    ended.push((edge.clone(), claimant.clone()));
                }
            }
        }
        self.end(ended, at_ms, before);
    }

    fn pass_time(&mut self, now_ms: i64, before: &mut Before) {
        let (mut ended, mut gone) = (Vec::new(), Vec::new());
        for (edge, claims) in &self.edges {
            for (claimant, claim) in claims {
                match claim.ended_ms {
                    Some(ended_ms) if now_ms - ended_ms >= self.limits.keep_ended_ms => {
                        gone.push((edge.clone(), claimant.clone()));
                    }
                    None if claimant.evidence.fades()
                        && now_ms - claim.last_seen_ms >= self.ttl_ms(&claimant.collector) =>
                    {
                        ended.push((edge.clone(), claimant.clone()));
                    }
                    _ => {}
                }
            }
        }
        self.end(ended, now_ms, before);
        for (edge, claimant) in gone {
            before.edge(self, &edge);
            self.forget_claim(&edge, &claimant);
        }
        let old =
            self.jobs.iter().filter(|((_, whose), job)| job.holds() && now_ms - job.last_seen_ms >= self.ttl_ms(whose));
        for (node, collector) in old.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            before.job(self, &node);
            self.jobs.entry((node, collector)).and_modify(|job| job.ended_ms = Some(now_ms));
        }
        let keep_ended_ms = self.limits.keep_ended_ms;
        self.jobs.retain(|_, job| job.ended_ms.is_none_or(|ended_ms| now_ms - ended_ms < keep_ended_ms));
    }

    fn ttl_ms(&self, collector: &str) -> i64 {
        if collector == TOLD { self.limits.told_ttl_ms } else { self.limits.ttl_ms }
    }

    fn end(&mut self, ended: Vec<(Edge, Claimant)>, at_ms: i64, before: &mut Before) {
        for (edge, claimant) in ended {
            before.edge(self, &edge);
            if let Some(claim) = self.edges.get_mut(&edge).and_then(|claims| claims.get_mut(&claimant)) {
                claim.ended_ms = Some(at_ms.max(claim.last_seen_ms));
            }
        }
    }

    /// Whether one edge more fits; the one that ended first gives way to it.
    fn has_room(&mut self) -> bool {
        if self.edges.len() < self.limits.edges_max {
            return true;
        }
        let ended = |claims: &Claims| {
            claims.values().map(|claim| claim.ended_ms).try_fold(0, |last, ended| Some(last.max(ended?)))
        };
        let oldest = self.edges.iter().filter_map(|(edge, claims)| Some((ended(claims)?, edge))).min();
        match oldest.map(|(_, edge)| edge.clone()) {
            Some(edge) => self.remove(&edge),
            None => self.refused += 1,
        }
        self.edges.len() < self.limits.edges_max
    }

    fn remove(&mut self, edge: &Edge) {
        self.edges.remove(edge);
        self.reversed.remove(&(edge.to.clone(), edge.from.clone()));
    }

    fn changes(&mut self, before: Before, now_ms: i64) -> Vec<Change> {
        let mut changes = Vec::new();
        for (edge, old) in before.edges {
            let new = self.standing(&edge);
            let change = match (old, new) {
                (_, None) => Some(Change::Forgotten(edge)),
                (Some(old), Some(new)) if old == new => None,
                (Some(old), Some(new)) if !old.is_empty() && new.is_empty() => Some(Change::Ended(edge)),
                (Some(old), Some(_)) if !old.is_empty() => Some(Change::Evidence(edge)),
                (_, Some(_)) => Some(Change::Appeared(edge)),
            };
            changes.extend(change);
        }
        for (node, old) in before.jobs {
            match (old, self.job(&node).map(|job| job.facts.clone())) {
                (Some(_), None) => changes.push(Change::JobEnded(node)),
                (old, Some(new)) if old.as_ref().is_none_or(|old| !is_same(old, &new)) => {
                    changes.push(Change::Job(node))
                }
                _ => {}
            }
        }
        let found = contradiction::of(self, now_ms, self.limits.declared_grace_ms);
        let settled: Vec<Contradiction> =
            self.contradictions.keys().filter(|known| !found.contains(known)).cloned().collect();
        for found in found.into_iter().filter(|found| !self.contradictions.contains_key(found)).collect::<Vec<_>>() {
            self.contradictions.insert(found.clone(), Standing { since_ms: now_ms, incidents: Vec::new() });
            changes.push(Change::Found(found));
        }
        for settled in settled {
            self.contradictions.remove(&settled);
            changes.push(Change::Settled(settled));
        }
        changes
    }
}

/// The kind of the steward's own jobs: the inspection of a product.
pub const OWN_KIND: &str = "steward";

/// The collector that OpenLineage events of others stand under.
pub const TOLD: &str = "openlineage";

/// Connect's word; what goes on after it has begun anew.
const FAILED: &str = "FAILED";

/// What was known of whatever a round touches, before it did.
#[derive(Debug, Default)]
struct Before {
    edges: BTreeMap<Edge, Option<BTreeSet<Claimant>>>,
    jobs: BTreeMap<Node, Option<JobFacts>>,
}

impl Before {
    fn edge(&mut self, graph: &Graph, edge: &Edge) {
        if !self.edges.contains_key(edge) {
            self.edges.insert(edge.clone(), graph.standing(edge));
        }
    }

    fn job(&mut self, graph: &Graph, node: &Node) {
        if !self.jobs.contains_key(node) {
            self.jobs.insert(node.clone(), graph.job(node).map(|job| job.facts.clone()));
        }
    }
}

/// Lags move all the time: they are no change of a job.
fn is_same(a: &JobFacts, b: &JobFacts) -> bool {
    (&a.kind, &a.state, &a.description) == (&b.kind, &b.state, &b.description)
}

/// Why a sighting is none.
fn is_sound(collector: &str, sighting: &Sighting) -> Result<(), &'static str> {
    let may_skip_the_job = matches!(sighting.evidence, Evidence::Inferred | Evidence::Declared) || collector == HEADERS;
    let Sighting { from, to, .. } = sighting;
    match (from.is_dataset(), to.is_dataset()) {
        _ if from.name().is_empty() || to.name().is_empty() => Err("one end has no name"),
        _ if from == to => Err("both ends are the same"),
        (true, true) if !may_skip_the_job => Err("from dataset to dataset, and no job is named that was seen to do it"),
        (false, false) => Err("from job to job, and no dataset is named between them"),
        _ => Ok(()),
    }
}

fn bounded(detail: BTreeMap<String, String>) -> BTreeMap<String, String> {
    detail.into_iter().take(DETAILS_MAX).map(|(key, text)| (cut(&key), cut(&text))).collect()
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT_BYTES_MAX)].to_owned()
}

#[cfg(test)]
mod tests;
