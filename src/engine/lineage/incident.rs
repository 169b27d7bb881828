//! Contradictions as incidents of the products whose topics they are about: each opened once and resolved once, whoever leads
//! and whatever restarts, since what was told is kept beside what is found.

use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::lineage::contradiction::Contradiction;
use crate::engine::lineage::graph::Graph;
use crate::engine::lineage::node::Node;
use serde::{Deserialize, Serialize};

/// What is kept of a contradiction that stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub since_ms: i64,
    /// The incidents that are open for it, one a product. None: what was declared is no product's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<Incident>,
}

/// An incident that is open, of the product as it was when it opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    pub product: ProductName,
    pub owner: String,
    pub contract: String,
    pub version: String,
    pub hash: ContractHash,
    pub since_ms: i64,
}

/// An incident that opens or is resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    pub contradiction: Contradiction,
    pub incident: Incident,
    pub opens: bool,
}

/// Brings the incidents of `live` up to `products`, which names the products whose topic the dataset is that something else was declared of, each with `since_ms` as it
/// would open now; and what that moves since `stored` was written. Asked again without a write in between it says the same again.
pub fn moves(stored: &Graph, live: &mut Graph, products: impl Fn(&Node) -> Vec<Incident>) -> Vec<Move> {
    let mut moves = Vec::new();
    for (contradiction, standing) in live.contradictions_mut() {
        let told = stored.contradictions().get(contradiction).map_or(&[][..], |standing| &standing.incidents);
        let known = |new: &Incident| told.iter().find(|old| old.product == new.product).cloned();
        standing.incidents =
            products(contradiction.declared_of()).into_iter().map(|new| known(&new).unwrap_or(new)).collect();
    }
    let incidents = |of: &Graph, contradiction: &Contradiction| {
        of.contradictions().get(contradiction).map(|standing| standing.incidents.clone()).unwrap_or_default()
    };
    let mut differ = |these: &Graph, those: &Graph, opens: bool| {
        for (contradiction, standing) in these.contradictions() {
            let others = incidents(those, contradiction);
            let alone = standing.incidents.iter().filter(|incident| !others.contains(incident));
            moves.extend(alone.map(|incident| Move {
                contradiction: contradiction.clone(),
                incident: incident.clone(),
                opens,
            }));
        }
    };
    differ(stored, live, false);
    differ(live, stored, true);
    moves
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::lineage::graph::Limits;
    use crate::engine::lineage::record::{contradictions, differences};
    use crate::engine::lineage::sighting::{Evidence, Round, Sighting};
    use std::collections::BTreeMap;

    fn incident(product: &str, since_ms: i64) -> Incident {
        Incident {
            product: ProductName { domain: "shop".into(), name: product.into() },
            owner: "desk".into(),
            contract: "c".into(),
            version: "1".into(),
            hash: ContractHash([7; 16]),
            since_ms,
        }
    }

    /// Who reads `orders`, whose one declared reader is `billing`.
    fn round(at_ms: i64, readers: &[&str]) -> Round {
        let sighting = |job: &str, evidence| Sighting {
            from: Node::dataset("k", "orders"),
            to: Node::job("k", job),
            evidence,
            confidence: 1.0,
            detail: BTreeMap::new(),
        };
        let mut sightings = vec![sighting("billing", Evidence::Declared), sighting("billing", Evidence::Configured)];
        sightings.extend(readers.iter().map(|job| sighting(job, Evidence::Observed)));
        Round { collector: "x".into(), at_ms, complete: true, sightings, jobs: vec![], unresolved: vec![] }
    }

    /// The log and who leads.
    struct Kept {
        stored: Graph,
        live: Graph,
    }

    impl Kept {
        fn new() -> Kept {
            let limits = Limits { ttl_ms: 100, ..Limits::default() };
            Kept { stored: Graph::new(limits), live: Graph::new(limits) }
        }

        fn moved(&mut self, products: &[Incident]) -> Vec<(String, String, bool)> {
            let moves = moves(&self.stored, &mut self.live, |_| products.to_vec());
            let words = |m: Move| (m.contradiction.to_string(), m.incident.product.name, m.opens);
            moves
                .into_iter()
                .map(words)
                .map(|(c, p, opens)| (c.split(' ').next().unwrap_or("").to_owned(), p, opens))
                .collect()
        }

        fn write(&mut self) {
            let mut records = differences(&self.stored, &self.live);
            records.extend(contradictions(&self.stored, &self.live));
            records.iter().for_each(|(key, value)| self.stored.restore(key.as_bytes(), value.as_deref()));
        }

        /// Another worker begins to lead, of what the log holds.
        fn restart(&mut self) {
            self.live = self.stored.clone();
        }
    }

    #[test]
    fn a_contradiction_is_an_incident_of_each_product_told_once_through_failures_and_restarts() {
        let mut kept = Kept::new();
        let opened = |product: &str| ("job:k:snoop".to_owned(), product.to_owned(), true);
        let resolved = |product: &str| ("job:k:snoop".to_owned(), product.to_owned(), false);
        kept.live.apply(round(1, &["snoop"]));
        assert_eq!(kept.moved(&[]), [], "its dataset is no product's");
        kept.write();
        assert_eq!(kept.moved(&[incident("a", 5)]), [opened("a")]);
        assert_eq!(kept.moved(&[incident("a", 6)]), [opened("a")], "it was not written: it is told again");
        kept.write();
        kept.restart();
        assert_eq!(kept.moved(&[incident("a", 7)]), [], "told");
        kept.live.apply(round(8, &["snoop"]));
        assert_eq!(kept.moved(&[incident("a", 8)]), [], "found by who leads, and still told");
        assert_eq!(
            kept.stored.contradictions().values().next().map(|s| (s.since_ms, s.incidents[0].since_ms)),
            Some((1, 6))
        );
        assert_eq!(kept.moved(&[incident("a", 9), incident("b", 9)]), [opened("b")]);
        kept.write();
        assert_eq!(kept.moved(&[incident("b", 10)]), [resolved("a")], "the product is gone");
        kept.write();
        // It is seen no more.
        kept.live.apply(round(300, &[]));
        assert_eq!(kept.moved(&[incident("b", 300)]), [resolved("b")]);
        kept.write();
        kept.restart();
        assert_eq!(kept.moved(&[incident("b", 301)]), []);
        assert!(kept.stored.contradictions().is_empty());
    }

    #[test]
    fn what_ended_while_nobody_led_is_resolved_by_the_next() {
        let mut kept = Kept::new();
        kept.live.apply(round(1, &["snoop"]));
        kept.moved(&[incident("a", 1)]);
        kept.write();
        kept.restart();
        kept.live.age(101);
        let snoop = ("job:k:snoop".to_owned(), "a".to_owned(), false);
        assert_eq!(kept.moved(&[incident("a", 101)]), [snoop]);
    }
}
