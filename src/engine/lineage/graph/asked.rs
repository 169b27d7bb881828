//! What is asked of the graph: edges, their evidence, neighbours, jobs, counts.

use crate::engine::lineage::claim::{Claim, Claimant, KnownJob, Look};
use crate::engine::lineage::contradiction::Contradiction;
use crate::engine::lineage::graph::{Claims, Graph, OWN_KIND};
use crate::engine::lineage::incident::Standing;
use crate::engine::lineage::node::{Edge, Node};
use crate::engine::lineage::sighting::Evidence;
use std::collections::{BTreeMap, BTreeSet};

impl Graph {
    /// Who says now that the edge is there; `None`: the edge is not known at all.
    pub(super) fn standing(&self, edge: &Edge) -> Option<BTreeSet<Claimant>> {
        let claims = self.edges.get(edge)?;
        Some(claims.iter().filter(|(_, claim)| claim.holds()).map(|(claimant, _)| claimant.clone()).collect())
    }

    /// Every edge with its evidence, ended ones too.
    pub fn edges(&self) -> &BTreeMap<Edge, Claims> {
        &self.edges
    }

    pub fn claims(&self, edge: &Edge) -> Option<&Claims> {
        self.edges.get(edge)
    }

    /// Whether any claim on the edge holds.
    pub fn lives(&self, edge: &Edge) -> bool {
        self.edges.get(edge).is_some_and(|claims| claims.values().any(Claim::holds))
    }

    /// Whether more stands behind it than that contents look like it.
    pub fn is_known(&self, edge: &Edge) -> bool {
        let known = |(claimant, claim): (&Claimant, &Claim)| claim.holds() && claimant.evidence != Evidence::Inferred;
        self.edges.get(edge).is_some_and(|claims| claims.iter().any(known))
    }

    /// Edges with a claim of this kind that holds, and all their claims that hold.
    pub fn edges_holding(&self, evidence: Evidence) -> impl Iterator<Item = (&Edge, BTreeMap<&Claimant, &Claim>)> {
        self.edges.iter().filter_map(move |(edge, claims)| {
            let holding: BTreeMap<_, _> = claims.iter().filter(|(_, claim)| claim.holds()).collect();
            holding.keys().any(|claimant| claimant.evidence == evidence).then_some((edge, holding))
        })
    }

    /// Whether a claim of this kind holds between the two.
    pub fn holds(&self, from: &Node, to: &Node, evidence: Evidence) -> bool {
        let claims = self.edges.get(&Edge { from: from.clone(), to: to.clone() });
        claims
            .is_some_and(|claims| claims.iter().any(|(claimant, claim)| claimant.evidence == evidence && claim.holds()))
    }

    pub fn first_seen_ms(&self, edge: &Edge, evidence: Evidence) -> Option<i64> {
        let claims = self.edges.get(edge)?.iter().filter(|(claimant, _)| claimant.evidence == evidence);
        claims.map(|(_, claim)| claim.first_seen_ms).min()
    }

    /// What data flows to from here, by any edge that is known, ended ones too.
    pub fn targets_of<'g>(&'g self, node: &'g Node) -> impl Iterator<Item = &'g Node> {
        let begin = Edge { from: node.clone(), to: Node::first() };
        self.edges.range(begin..).take_while(move |(edge, _)| edge.from == *node).map(|(edge, _)| &edge.to)
    }

    /// What data comes from to here, by any edge that is known, ended ones too.
    pub fn sources_of<'g>(&'g self, node: &'g Node) -> impl Iterator<Item = &'g Node> {
        self.reversed.range((node.clone(), Node::first())..).take_while(move |(to, _)| to == node).map(|(_, from)| from)
    }

    /// The job as whoever saw it last knows it; `None`: nobody knows it now.
    pub fn job(&self, node: &Node) -> Option<&KnownJob> {
        let known = self.jobs.range((node.clone(), String::new())..).take_while(|((known, _), _)| known == node);
        known.map(|(_, job)| job).filter(|job| job.holds()).max_by_key(|job| job.last_seen_ms)
    }

    /// By node and collector, ended ones too.
    pub fn jobs(&self) -> &BTreeMap<(Node, String), KnownJob> {
        &self.jobs
    }

    /// Whether it is one of the steward's own jobs.
    pub fn is_own(&self, node: &Node) -> bool {
        self.job(node).is_some_and(|job| job.facts.kind == OWN_KIND)
    }

    /// What disagrees, since when, and the incidents that are open for it.
    pub fn contradictions(&self) -> &BTreeMap<Contradiction, Standing> {
        &self.contradictions
    }

    pub(in crate::engine::lineage) fn contradictions_mut(&mut self) -> &mut BTreeMap<Contradiction, Standing> {
        &mut self.contradictions
    }

    /// How the last round of each collector went, and what it could not resolve.
    pub fn looks(&self) -> &BTreeMap<String, Look> {
        &self.looks
    }

    /// Edges and jobs that found no room; the graph is not whole when it is above 0.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// How many edges hold, by each kind of evidence.
    pub fn counts(&self) -> BTreeMap<Evidence, usize> {
        let mut counts: BTreeMap<Evidence, usize> = Evidence::ALL.into_iter().map(|evidence| (evidence, 0)).collect();
        for claims in self.edges.values() {
            let kinds: BTreeSet<Evidence> =
                claims.iter().filter(|(_, claim)| claim.holds()).map(|(claimant, _)| claimant.evidence).collect();
            kinds.into_iter().for_each(|kind| *counts.entry(kind).or_default() += 1);
        }
        counts
    }
}
