//! The group coordinator, classic protocol: generations, cooperative-sticky, static and dynamic members.
//!
//! The broker computes the assignment that the leader would; members fetch it by Sync.

use crate::sim::log::Refusal;
use mesh_steward::flow::io::{Ms, Part};
use std::collections::{BTreeMap, BTreeSet};

/// Where an answer goes: a client's channel and the request it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    pub task: usize,
    pub life: u32,
    pub channel: usize,
    pub token: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    pub member: String,
    pub generation: i32,
}

#[derive(Clone, Debug, Default)]
struct Member {
    instance: Option<String>,
    session_ends_ms: Ms,
    owned: BTreeSet<Part>,
    assigned: BTreeSet<Part>,
    /// Waits for the join phase to end.
    joining: Option<Address>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Empty,
    /// Members rejoin until this time.
    Preparing(Ms),
    Stable,
}

#[derive(Clone, Debug)]
pub struct Group {
    phase: Phase,
    pub generation: i32,
    members: BTreeMap<String, Member>,
    by_instance: BTreeMap<String, String>,
    /// Who owns what in truth: moves only when the former owner has said that it let go, or is expelled.
    pub owners: BTreeMap<Part, String>,
    made: u32,
    unowned_since: Option<Ms>,
    /// Who waited in the join phase when another took its place.
    displaced: Vec<Address>,
}

pub const SESSION_MS: Ms = 6_000;
/// librdkafka gives `max.poll.interval.ms`, 5 min; shorter here, so that a run sees it end.
const REBALANCE_MS: Ms = 30_000;
/// `group.initial.rebalance.delay.ms`, shortened.
const INITIAL_DELAY_MS: Ms = 300;
/// A static member that dies between giving partitions back and rejoining leaves them to nobody: its successor gets
/// the old assignment without a rebalance. Kafka waits for the next rebalance, whatever causes it; here it comes.
const UNOWNED_MS: Ms = 15_000;

impl Default for Group {
    fn default() -> Group {
        Group {
            phase: Phase::Empty,
            generation: 0,
            members: BTreeMap::new(),
            by_instance: BTreeMap::new(),
            owners: BTreeMap::new(),
            made: 0,
            unowned_since: None,
            displaced: Vec::new(),
        }
    }
}

impl Group {
    /// The answer where it is known at once; else it comes from `tick`.
    pub fn join(
        &mut self,
        now: Ms,
        from: Address,
        member: &str,
        instance: Option<&str>,
        owned: BTreeSet<Part>,
    ) -> Option<Result<Joined, Refusal>> {
        if let Some(refused) = self.refuses(member, instance).filter(|_| !member.is_empty()) {
            return Some(Err(refused));
        }
        let mut name = member.to_owned();
        if let Some(old) = instance.filter(|_| member.is_empty()).and_then(|i| self.by_instance.get(i).cloned()) {
            name = self.replace(&old);
            if self.phase == Phase::Stable {
                return Some(Ok(Joined { member: name, generation: self.generation }));
            }
        }
        if name.is_empty() {
            name = self.name();
        }
        if let Some(instance) = instance {
            self.by_instance.insert(instance.to_owned(), name.clone());
        }
        self.owners.retain(|part, owner| *owner != name || owned.contains(part));
        let slot = self.members.entry(name).or_default();
        slot.instance = instance.map(str::to_owned);
        slot.owned = owned;
        slot.joining = Some(from);
        slot.session_ends_ms = now + SESSION_MS;
        self.rebalance(now);
        None
    }

    pub fn sync(&mut self, member: &str, instance: Option<&str>, generation: i32) -> Result<BTreeSet<Part>, Refusal> {
        self.check(member, instance, generation)?;
        if matches!(self.phase, Phase::Preparing(_)) {
            return Err(Refusal::RebalanceInProgress);
        }
        Ok(self.members.get(member).map(|m| m.assigned.clone()).unwrap_or_default())
    }

    pub fn heartbeat(&mut self, now: Ms, member: &str, instance: Option<&str>, generation: i32) -> Result<(), Refusal> {
        self.check(member, instance, generation)?;
        if let Some(m) = self.members.get_mut(member) {
            m.session_ends_ms = now + SESSION_MS;
        }
        match self.phase {
            Phase::Preparing(_) => Err(Refusal::RebalanceInProgress),
            _ => Ok(()),
        }
    }

    pub fn leave(&mut self, now: Ms, member: &str) {
        if self.remove(member) {
            self.rebalance(now);
        }
    }

    /// Kafka checks membership, never ownership; a member that names nothing passes unchecked.
    pub fn may_commit(&self, member: &str, instance: Option<&str>, generation: i32) -> Result<(), Refusal> {
        if generation < 0 && ((member.is_empty() && instance.is_none()) || self.members.is_empty()) {
            return Ok(());
        }
        self.check(member, instance, generation)
    }

    /// Topics appeared, went or grew: the leader rejoins.
    pub fn topics_changed(&mut self, now: Ms) {
        if self.phase == Phase::Stable {
            self.rebalance(now);
        }
    }

    /// Answers that are due: who was displaced is fenced, and who waited is let in.
    pub fn tick(&mut self, now: Ms, parts: &BTreeSet<Part>) -> Vec<(Address, Result<Joined, Refusal>)> {
        let fenced = |to| (to, Err(Refusal::FencedInstanceId));
        let displaced: Vec<_> = std::mem::take(&mut self.displaced).into_iter().map(fenced).collect();
        displaced.into_iter().chain(self.joined(now, parts)).collect()
    }

    /// Sessions end, and so does the join phase.
    fn joined(&mut self, now: Ms, parts: &BTreeSet<Part>) -> Vec<(Address, Result<Joined, Refusal>)> {
        let gone: Vec<String> = self
            .members
            .iter()
            .filter(|(_, m)| m.joining.is_none() && m.session_ends_ms < now)
            .map(|(name, _)| name.clone())
            .collect();
        for member in &gone {
            self.remove(member);
        }
        if !gone.is_empty() {
            self.rebalance(now);
        }
        let nobodys = |p: &Part| self.members.values().all(|m| !m.assigned.contains(p));
        let unowned = self.phase == Phase::Stable && parts.iter().any(nobodys);
        self.unowned_since = if unowned { self.unowned_since.or(Some(now)) } else { None };
        if self.unowned_since.is_some_and(|since| now - since > UNOWNED_MS) {
            self.rebalance(now);
        }
        let Phase::Preparing(until) = self.phase else { return Vec::new() };
        let waited_for_all = self.generation > 0 && self.members.values().all(|m| m.joining.is_some());
        if !waited_for_all && now < until {
            return Vec::new();
        }
        let missing: Vec<String> =
            self.members.iter().filter(|(_, m)| m.joining.is_none()).map(|(n, _)| n.clone()).collect();
        for member in missing {
            self.remove(&member);
        }
        if self.members.is_empty() {
            self.phase = Phase::Empty;
            return Vec::new();
        }
        self.generation += 1;
        self.phase = Phase::Stable;
        self.assign(parts);
        let generation = self.generation;
        let answer = |(name, m): (&String, &mut Member)| {
            m.session_ends_ms = now + SESSION_MS;
            m.joining.take().map(|to| (to, Ok(Joined { member: name.clone(), generation })))
        };
        self.members.iter_mut().filter_map(answer).collect()
    }

    /// A static member came back: a new member id, the same generation and assignment. Where the old one still waits to be let in,
    /// it is fenced at once (ClassicGroup.replaceStaticMember).
    fn replace(&mut self, old: &str) -> String {
        let name = self.name();
        if let Some(mut m) = self.members.remove(old) {
            self.displaced.extend(m.joining.take());
            if let Some(instance) = &m.instance {
                self.by_instance.insert(instance.clone(), name.clone());
            }
            self.members.insert(name.clone(), m);
        }
        self.owners.values_mut().filter(|owner| *owner == old).for_each(|owner| *owner = name.clone());
        name
    }

    fn rebalance(&mut self, now: Ms) {
        match self.phase {
            Phase::Empty => self.phase = Phase::Preparing(now + INITIAL_DELAY_MS),
            Phase::Stable => self.phase = Phase::Preparing(now + REBALANCE_MS),
            Phase::Preparing(_) => {}
        }
    }

    fn remove(&mut self, member: &str) -> bool {
        let Some(m) = self.members.remove(member) else { return false };
        if let Some(instance) = m.instance {
            self.by_instance.remove(&instance);
        }
        self.owners.retain(|_, owner| owner != member);
        true
    }

    fn assign(&mut self, parts: &BTreeSet<Part>) {
        let mut claims: BTreeMap<String, BTreeSet<Part>> = BTreeMap::new();
        // Also of topics that are gone: their members have not heard of it yet.
        self.owners.clear();
        for (name, m) in &self.members {
            let fresh = m.owned.iter().filter(|p| !self.owners.contains_key(*p));
            let kept: Vec<Part> = fresh.cloned().collect();
            self.owners.extend(kept.iter().map(|p| (p.clone(), name.clone())));
            claims.insert(name.clone(), kept.into_iter().filter(|p| parts.contains(p)).collect());
        }
        let target = balance(&claims, parts);
        for (name, m) in &mut self.members {
            let wanted = target.get(name).cloned().unwrap_or_default();
            // A partition that moves is first only revoked; its owner rejoins, and then it is given away.
            m.assigned = wanted.into_iter().filter(|p| self.owners.get(p).is_none_or(|o| o == name)).collect();
            self.owners.extend(m.assigned.iter().map(|p| (p.clone(), name.clone())));
        }
    }

    fn check(&self, member: &str, instance: Option<&str>, generation: i32) -> Result<(), Refusal> {
        if let Some(refused) = self.refuses(member, instance) {
            return Err(refused);
        }
        if generation == self.generation { Ok(()) } else { Err(Refusal::IllegalGeneration) }
    }

    fn refuses(&self, member: &str, instance: Option<&str>) -> Option<Refusal> {
        match instance.and_then(|i| self.by_instance.get(i)) {
            Some(owner) if owner != member => Some(Refusal::FencedInstanceId),
            _ if !self.members.contains_key(member) => Some(Refusal::UnknownMemberId),
            _ => None,
        }
    }

    fn name(&mut self) -> String {
        self.made += 1;
        format!("m{}", self.made)
    }
}

/// Sticky: everybody keeps what it has up to its share, the rest goes to those below theirs.
pub fn balance(claims: &BTreeMap<String, BTreeSet<Part>>, parts: &BTreeSet<Part>) -> BTreeMap<String, BTreeSet<Part>> {
    let members = claims.len().max(1);
    let (least, more) = (parts.len() / members, parts.len() % members);
    let mut by_load: Vec<(&String, &BTreeSet<Part>)> = claims.iter().collect();
    by_load.sort_by_key(|(name, kept)| (std::cmp::Reverse(kept.len()), (*name).clone()));
    let share = |rank: usize| least + usize::from(rank < more);
    let mut target: BTreeMap<String, BTreeSet<Part>> = BTreeMap::new();
    for (rank, (name, kept)) in by_load.iter().enumerate() {
        target.insert((*name).clone(), kept.iter().take(share(rank)).cloned().collect());
    }
    let given: BTreeSet<Part> = target.values().flatten().cloned().collect();
    let mut free = parts.difference(&given).cloned();
    for (rank, (name, _)) in by_load.iter().enumerate() {
        if let Some(list) = target.get_mut(*name) {
            while list.len() < share(rank) {
                match free.next() {
                    Some(part) => list.insert(part),
                    None => break,
                };
            }
        }
    }
    target
}

mod behaviour {
    use super::*;

    const FROM: Address = Address { task: 0, life: 0, channel: 0, token: 0 };

    fn parts(n: i32) -> BTreeSet<Part> {
        (0..n).map(|p| Part::new(&"t".into(), p)).collect()
    }

    fn settle(g: &mut Group, now: Ms) -> Vec<Joined> {
        g.tick(now, &parts(4)).into_iter().map(|(_, joined)| joined.unwrap()).collect()
    }

    #[test]
    fn a_partition_that_moves_is_first_only_revoked() {
        let mut g = Group::default();
        assert_eq!(g.join(0, FROM, "", None, BTreeSet::new()), None);
        let a = settle(&mut g, 1_000).remove(0);
        assert_eq!(g.sync(&a.member, None, 1).unwrap().len(), 4);
        g.join(2_000, FROM, "", None, BTreeSet::new());
        assert_eq!(g.heartbeat(2_000, "m1", None, 1), Err(Refusal::RebalanceInProgress));
        assert_eq!(g.may_commit("m1", None, 1), Ok(()), "a rebalance under way rejects no commit");
        g.join(2_100, FROM, "m1", None, parts(4));
        assert_eq!(settle(&mut g, 2_100).len(), 2);
        assert_eq!(g.may_commit("m1", None, 1), Err(Refusal::IllegalGeneration));
        let kept = g.sync("m1", None, 2).unwrap();
        assert_eq!((kept.len(), g.sync("m2", None, 2).unwrap().len()), (2, 0));
        g.join(2_200, FROM, "m1", None, kept);
        g.join(2_200, FROM, "m2", None, BTreeSet::new());
        settle(&mut g, 2_200);
        assert_eq!(g.sync("m2", None, 3).unwrap().len(), 2);
    }

    #[test]
    fn a_static_member_that_returns_moves_nothing_and_fences_its_elder() {
        let mut g = Group::default();
        g.join(0, FROM, "", Some("i"), BTreeSet::new());
        settle(&mut g, 1_000);
        let again = g.join(2_000, FROM, "", Some("i"), BTreeSet::new());
        assert_eq!(again, Some(Ok(Joined { member: "m2".into(), generation: 1 })));
        assert_eq!(g.sync("m2", Some("i"), 1).unwrap().len(), 4);
        assert_eq!(g.heartbeat(2_000, "m1", Some("i"), 1), Err(Refusal::FencedInstanceId));
        assert_eq!(g.may_commit("m1", Some("i"), 1), Err(Refusal::FencedInstanceId));
        assert!(g.owners.values().all(|owner| owner == "m2"));
    }

    #[test]
    fn who_waits_to_be_let_in_is_fenced_when_another_takes_its_place() {
        let mut g = Group::default();
        let second = Address { task: 1, ..FROM };
        g.join(0, FROM, "", Some("i"), BTreeSet::new());
        assert_eq!(g.join(100, second, "", Some("i"), BTreeSet::new()), None);
        assert_eq!(g.tick(200, &parts(4)), [(FROM, Err(Refusal::FencedInstanceId))]);
        let let_in = Ok(Joined { member: "m2".into(), generation: 1 });
        assert_eq!(g.tick(1_000, &parts(4)), [(second, let_in)]);
    }

    #[test]
    fn who_names_no_member_commits_unchecked() {
        let mut g = Group::default();
        g.join(0, FROM, "", None, BTreeSet::new());
        settle(&mut g, 1_000);
        assert_eq!(g.may_commit("", None, -1), Ok(()));
        assert_eq!(g.may_commit("m1", None, -1), Err(Refusal::IllegalGeneration));
        settle(&mut g, 9_000);
        assert_eq!(g.may_commit("m1", None, 1), Err(Refusal::UnknownMemberId), "its session ended");
    }
}
