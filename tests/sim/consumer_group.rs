//! The group coordinator, KIP-848, simplified: no barrier; heartbeats hand out and take back.

use crate::sim::group::balance;
use crate::sim::log::Refusal;
use mesh_steward::flow::io::{Ms, Part};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default)]
struct Member {
    epoch: i32,
    session_ends_ms: Ms,
    target: BTreeSet<Part>,
    /// What it was told to own, each with the epoch of that word (KIP-1251).
    assigned: BTreeMap<Part, i32>,
}

#[derive(Clone, Debug)]
pub struct ConsumerGroup {
    pub epoch: i32,
    members: BTreeMap<String, Member>,
    /// Off: before KIP-1251 every unequal epoch was refused.
    pub lenient: bool,
    targeted: BTreeSet<Part>,
}

/// Kafka's default is 45 s; shorter, so that a run sees it end.
pub const SESSION_MS: Ms = 12_000;

/// What a heartbeat tells its member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub epoch: i32,
    pub assigned: BTreeSet<Part>,
}

impl ConsumerGroup {
    pub fn new(lenient: bool) -> ConsumerGroup {
        ConsumerGroup { epoch: 0, members: BTreeMap::new(), lenient, targeted: BTreeSet::new() }
    }

    /// Epoch 0 joins; `owned` is what the member still holds, where it says so.
    pub fn heartbeat(
        &mut self,
        now: Ms,
        member: &str,
        epoch: i32,
        owned: Option<&BTreeSet<Part>>,
        parts: &BTreeSet<Part>,
    ) -> Result<Told, Refusal> {
        if epoch == 0 {
            self.members.insert(member.to_owned(), Member::default());
            self.retarget(parts);
        }
        let group = self.epoch;
        let m = self.members.get(member).ok_or(Refusal::UnknownMemberId)?;
        // The answer to the last heartbeat may have been lost: the epoch before is still its own.
        if epoch != 0 && epoch > m.epoch {
            return Err(Refusal::FencedMemberEpoch);
        }
        let owned_elsewhere: BTreeSet<Part> =
            self.members.iter().filter(|(n, _)| *n != member).flat_map(|(_, m)| m.assigned.keys().cloned()).collect();
        let m = self.members.get_mut(member).ok_or(Refusal::UnknownMemberId)?;
        m.session_ends_ms = now + SESSION_MS;
        let (target, told) = (m.target.clone(), epoch == m.epoch);
        // What it was told to give up is free once it no longer lists it.
        m.assigned.retain(|part, _| target.contains(part) || owned.is_none_or(|o| o.contains(part)));
        if m.assigned.keys().all(|part| target.contains(part)) && (told || epoch == 0) {
            m.epoch = group;
            for part in target.iter().filter(|p| !owned_elsewhere.contains(p)) {
                m.assigned.entry(part.clone()).or_insert(group);
            }
        }
        let assigned = m.assigned.keys().filter(|p| target.contains(p)).cloned().collect();
        Ok(Told { epoch: m.epoch, assigned })
    }

    pub fn leave(&mut self, member: &str, parts: &BTreeSet<Part>) {
        if self.members.remove(member).is_some() {
            self.retarget(parts);
        }
    }

    pub fn may_commit(&self, member: &str, epoch: i32, named: &[Part]) -> Result<(), Refusal> {
        if epoch < 0 && (member.is_empty() || self.members.is_empty()) {
            return Ok(());
        }
        let m = self.members.get(member).ok_or(Refusal::UnknownMemberId)?;
        let since = |part: &Part| m.assigned.get(part).is_some_and(|since| epoch >= *since);
        let stale_but_owned = self.lenient && epoch < m.epoch && named.iter().all(since);
        if epoch == m.epoch || stale_but_owned { Ok(()) } else { Err(Refusal::IllegalGeneration) }
    }

    pub fn owns(&self, member: &str, part: &Part) -> bool {
        self.members.get(member).is_some_and(|m| m.assigned.contains_key(part))
    }

    /// Sessions end; topics that appeared, went or grew move the target.
    pub fn tick(&mut self, now: Ms, parts: &BTreeSet<Part>) {
        let before = self.members.len();
        self.members.retain(|_, m| m.session_ends_ms >= now);
        if self.members.len() != before || (self.targeted != *parts && !self.members.is_empty()) {
            self.retarget(parts);
        }
    }

    fn retarget(&mut self, parts: &BTreeSet<Part>) {
        self.epoch += 1;
        self.targeted = parts.clone();
        let claims = self.members.iter().map(|(n, m)| (n.clone(), m.target.intersection(parts).cloned().collect()));
        let target = balance(&claims.collect(), parts);
        for (name, m) in &mut self.members {
            m.target = target.get(name).cloned().unwrap_or_default();
        }
    }
}

mod behaviour {
    use super::*;

    fn parts(n: i32) -> BTreeSet<Part> {
        (0..n).map(|p| Part::new(&"t".into(), p)).collect()
    }

    #[test]
    fn a_partition_is_free_once_its_owner_no_longer_lists_it() {
        let all = parts(2);
        let mut g = ConsumerGroup::new(true);
        let a = g.heartbeat(0, "a", 0, Some(&BTreeSet::new()), &all).unwrap();
        assert_eq!((a.epoch, a.assigned.len()), (1, 2));
        let b = g.heartbeat(0, "b", 0, Some(&BTreeSet::new()), &all).unwrap();
        assert_eq!((b.epoch, b.assigned.len()), (2, 0));
        let a = g.heartbeat(0, "a", 1, Some(&all), &all).unwrap();
        assert_eq!((a.epoch, a.assigned.len()), (1, 1), "told to give one up, still at its epoch");
        let a = g.heartbeat(0, "a", 1, Some(&a.assigned), &all).unwrap();
        assert_eq!(a.epoch, 2);
        assert_eq!(g.heartbeat(0, "b", 2, Some(&BTreeSet::new()), &all).unwrap().assigned.len(), 1);
        let (kept, moved) = (a.assigned.first().unwrap().clone(), all.difference(&a.assigned).next().unwrap().clone());
        assert_eq!(g.may_commit("a", 1, std::slice::from_ref(&kept)), Ok(()), "stale, and still its own (KIP-1251)");
        assert_eq!(g.may_commit("a", 1, &[kept.clone(), moved]), Err(Refusal::IllegalGeneration));
        g.lenient = false;
        assert_eq!(g.may_commit("a", 1, &[kept]), Err(Refusal::IllegalGeneration));
    }
}
