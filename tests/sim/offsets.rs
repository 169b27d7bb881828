//! Committed offsets of groups, by topic *name*: pending with a transaction, open, committed.

use crate::sim::log::{Pid, Refusal};
use mesh_steward::flow::io::{Committed, Part};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq, Eq)]
struct Commit {
    offset: i64,
    metadata: String,
    /// Where it stands in the offsets' own log: a later commit wins whenever its marker comes.
    position: u64,
}

/// Kafka's bound on the metadata of one offset.
const METADATA_MAX: usize = 4_096;

#[derive(Clone, Debug, Default)]
pub struct Offsets {
    committed: BTreeMap<(String, Part), Commit>,
    pending: BTreeMap<Pid, Vec<(String, Part, Commit)>>,
    end: u64,
}

impl Offsets {
    /// With a pid they wait for the transaction's marker.
    pub fn commit(&mut self, group: &str, pid: Option<Pid>, offsets: &[(Part, i64, String)]) -> Result<(), Refusal> {
        if offsets.iter().any(|(_, _, metadata)| metadata.len() > METADATA_MAX) {
            return Err(Refusal::OffsetMetadataTooLarge);
        }
        for (part, offset, metadata) in offsets {
            self.end += 1;
            let commit = Commit { offset: *offset, metadata: metadata.clone(), position: self.end };
            match pid {
                Some(pid) => self.pending.entry(pid).or_default().push((group.to_owned(), part.clone(), commit)),
                None => self.settle(group.to_owned(), part.clone(), commit),
            }
        }
        Ok(())
    }

    pub fn mark(&mut self, pid: Pid, commit: bool) {
        for (group, part, offset) in self.pending.remove(&pid).unwrap_or_default() {
            if commit {
                self.settle(group, part, offset);
            }
        }
    }

    /// Stable ones, or none at all while a transaction holds some: `require_stable`.
    pub fn fetch(&self, group: &str, parts: &[Part], stable: bool) -> Result<Vec<(Part, Option<Committed>)>, Refusal> {
        let open: BTreeSet<&Part> =
            self.pending.values().flatten().filter(|(g, _, _)| g == group).map(|(_, p, _)| p).collect();
        if stable && parts.iter().any(|p| open.contains(p)) {
            return Err(Refusal::UnstableOffsetCommit);
        }
        Ok(parts.iter().map(|p| (p.clone(), self.get(group, p))).collect())
    }

    pub fn get(&self, group: &str, part: &Part) -> Option<Committed> {
        let found = self.committed.get(&(group.to_owned(), part.clone()))?;
        Some(Committed { offset: found.offset, metadata: found.metadata.clone() })
    }

    /// A topic that is deleted takes its offsets along, by name; so does a group.
    pub fn forget(&mut self, gone: impl Fn(&str, &Part) -> bool) {
        self.committed.retain(|(group, part), _| !gone(group, part));
    }

    fn settle(&mut self, group: String, part: Part, commit: Commit) {
        let slot = self.committed.entry((group, part)).or_insert_with(|| commit.clone());
        if slot.position <= commit.position {
            *slot = commit;
        }
    }
}

mod behaviour {
    use super::*;

    #[test]
    fn pending_offsets_are_unstable_and_the_later_commit_wins() {
        let part = Part::new(&"t".into(), 0);
        let mut offsets = Offsets::default();
        offsets.commit("g", Some(1), &[(part.clone(), 3, String::new())]).unwrap();
        offsets.commit("g", Some(2), &[(part.clone(), 6, String::new())]).unwrap();
        assert_eq!(offsets.fetch("g", std::slice::from_ref(&part), true), Err(Refusal::UnstableOffsetCommit));
        assert_eq!(offsets.fetch("g", std::slice::from_ref(&part), false).unwrap()[0].1, None);
        offsets.mark(2, true);
        offsets.mark(1, true);
        assert_eq!(offsets.get("g", &part).unwrap().offset, 6);
    }

    #[test]
    fn aborted_offsets_vanish() {
        let part = Part::new(&"t".into(), 0);
        let mut offsets = Offsets::default();
        offsets.commit("g", Some(1), &[(part.clone(), 3, String::new())]).unwrap();
        offsets.mark(1, false);
        assert_eq!(offsets.fetch("g", std::slice::from_ref(&part), true).unwrap()[0].1, None);
    }
}
