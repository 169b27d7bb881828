//! The cluster: requests in, answers out, markers and sessions as steps of their own.

use crate::sim::consumer_group::{ConsumerGroup, Told};
use crate::sim::group::{Address, Group, Joined};
use crate::sim::log::{Author, Data, Pid, Refusal, Topics};
use crate::sim::offsets::Offsets;
use crate::sim::txn::{Coordinator, Marker, Place};
use mesh_steward::engine::record::Offset;
use mesh_steward::flow::io::{Chunk, Committed, Ends, LogRecord, Membership, Ms, Part, TopicInfo};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A producer's name towards the coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Producer {
    pub id: String,
    pub pid: Pid,
    pub epoch: i32,
}

#[derive(Clone, Debug)]
pub enum Request {
    InitPid {
        id: String,
        timeout_ms: Ms,
    },
    AddPartitions {
        by: Producer,
        parts: Vec<Part>,
    },
    Produce {
        by: Producer,
        part: Part,
        sequence: i32,
        records: Vec<Data>,
    },
    AddOffsets {
        by: Producer,
        group: String,
    },
    TxnOffsetCommit {
        by: Producer,
        group: String,
        as_member: Membership,
        instance: Option<String>,
        offsets: Vec<(Part, Offset, String)>,
    },
    EndTxn {
        by: Producer,
        commit: bool,
    },
    /// What auto commit sends.
    OffsetCommit {
        group: String,
        as_member: Membership,
        instance: Option<String>,
        offsets: Vec<(Part, Offset, String)>,
    },
    OffsetFetch {
        group: String,
        parts: Vec<Part>,
        stable: bool,
    },
    Ends(Vec<Part>),
    Describe(Vec<Arc<str>>),
    OffsetAt {
        part: Part,
        time_ms: Ms,
    },
    /// Creates those that are missing; answers how they stand.
    CreateTopics(Vec<(Arc<str>, i32)>),
    ReadLog {
        part: Part,
        from: Offset,
        to: Offset,
    },
    Join {
        group: String,
        member: String,
        instance: Option<String>,
        owned: BTreeSet<Part>,
    },
    Sync {
        group: String,
        as_member: Membership,
        instance: Option<String>,
    },
    Heartbeat {
        group: String,
        as_member: Membership,
        instance: Option<String>,
    },
    /// KIP-848.
    Beat {
        group: String,
        as_member: Membership,
        owned: Option<BTreeSet<Part>>,
    },
    Leave {
        group: String,
        member: String,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    Done,
    Pid(Pid, i32),
    Offsets(Vec<(Part, Option<Committed>)>),
    Ends(BTreeMap<Part, Ends>),
    Topics(BTreeMap<Arc<str>, Option<TopicInfo>>),
    Offset(Option<Offset>),
    Chunk(Chunk),
    Joined(Joined),
    Assigned(BTreeSet<Part>),
    Told(Told),
}

pub type Reply = Result<Response, Refusal>;

pub enum AnyGroup {
    Classic(Group),
    Consumer(ConsumerGroup),
}

/// A group and the topics that its members subscribe to.
pub struct Subscribed {
    pub group: AnyGroup,
    pub topics: BTreeSet<Arc<str>>,
}

#[derive(Default)]
pub struct Broker {
    pub topics: Topics,
    pub coordinator: Coordinator,
    pub offsets: Offsets,
    pub groups: BTreeMap<String, Subscribed>,
    /// Keys whose records are refused: a product's output that cannot be written.
    pub denied: BTreeSet<String>,
    /// Switch: input is read with read_uncommitted.
    pub uncommitted_reads: bool,
    /// Accepted commits that no sound client would have sent (I5).
    pub unsound: Vec<String>,
}

/// Records that one answer of `ReadLog` holds at most; small, so that restores take several.
const CHUNK: usize = 8;

impl Broker {
    /// The answer, where it is known at once; the others come from `tick`.
    pub fn handle(&mut self, now: Ms, from: Address, request: &Request) -> Option<Reply> {
        Some(match request {
            Request::InitPid { id, timeout_ms } => {
                self.coordinator.init(id, *timeout_ms).map(|(pid, epoch)| Response::Pid(pid, epoch))
            }
            Request::AddPartitions { by, parts } => self.add_partitions(now, by, parts),
            Request::Produce { by, part, sequence, records } => self.produce(now, by, part, *sequence, records),
            Request::AddOffsets { by, group } => {
                let place = [Place::Offsets(group.clone())];
                self.coordinator.add(now, &by.id, by.pid, by.epoch, &place).map(|()| Response::Done)
            }
            Request::TxnOffsetCommit { by, group, as_member, instance, offsets } => {
                let place = Place::Offsets(group.clone());
                let verified = self.coordinator.verify(&by.id, by.pid, by.epoch, &place);
                verified.and_then(|()| self.commit(group, Some(by.pid), as_member, instance.as_deref(), offsets))
            }
            Request::OffsetCommit { group, as_member, instance, offsets } => {
                self.commit(group, None, as_member, instance.as_deref(), offsets)
            }
            Request::EndTxn { by, commit } => {
                self.coordinator.end(&by.id, by.pid, by.epoch, *commit).map(|()| Response::Done)
            }
            Request::OffsetFetch { group, parts, stable } => {
                self.offsets.fetch(group, parts, *stable).map(Response::Offsets)
            }
            Request::Ends(parts) => {
                let ends = |p: &Part| Some((p.clone(), self.topics.log(&p.topic, p.partition)?.ends()));
                Ok(Response::Ends(parts.iter().filter_map(ends).collect()))
            }
            Request::Describe(names) => {
                Ok(Response::Topics(names.iter().map(|n| (n.clone(), self.topics.info(n))).collect()))
            }
            Request::OffsetAt { part, time_ms } => {
                let log = self.topics.log(&part.topic, part.partition);
                log.map(|log| Response::Offset(log.offset_at(*time_ms))).ok_or(Refusal::UnknownTopicOrPart)
            }
            Request::CreateTopics(wanted) => {
                for (name, partitions) in wanted {
                    if self.topics.info(name).is_none() {
                        self.topics.create(name, *partitions);
                    }
                }
                let names = wanted.iter().map(|(name, _)| name);
                Ok(Response::Topics(names.map(|n| (n.clone(), self.topics.info(n))).collect()))
            }
            Request::ReadLog { part, from, to } => self.read_log(part, *from, *to),
            _ => return self.membership(now, from, request),
        })
    }

    fn membership(&mut self, now: Ms, from: Address, request: &Request) -> Option<Reply> {
        let name = match request {
            Request::Join { group, .. } | Request::Sync { group, .. } | Request::Heartbeat { group, .. } => group,
            Request::Beat { group, .. } | Request::Leave { group, .. } => group,
            _ => return None,
        };
        let parts = self.parts(name);
        let subscribed = self.groups.get_mut(name)?;
        Some(match (&mut subscribed.group, request) {
            (AnyGroup::Classic(g), Request::Join { member, instance, owned, .. }) => {
                return g.join(now, from, member, instance.as_deref(), owned.clone()).map(|j| j.map(Response::Joined));
            }
            (AnyGroup::Classic(g), Request::Sync { as_member: m, instance, .. }) => {
                g.sync(&m.member, instance.as_deref(), m.generation).map(Response::Assigned)
            }
            (AnyGroup::Classic(g), Request::Heartbeat { as_member: m, instance, .. }) => {
                g.heartbeat(now, &m.member, instance.as_deref(), m.generation).map(|()| Response::Done)
            }
            (AnyGroup::Classic(g), Request::Leave { member, .. }) => {
                g.leave(now, member);
                Ok(Response::Done)
            }
            (AnyGroup::Consumer(g), Request::Beat { as_member: m, owned, .. }) => {
                g.heartbeat(now, &m.member, m.generation, owned.as_ref(), &parts).map(Response::Told)
            }
            (AnyGroup::Consumer(g), Request::Leave { member, .. }) => {
                g.leave(member, &parts);
                Ok(Response::Done)
            }
            _ => Err(Refusal::UnknownMemberId),
        })
    }

    /// Sessions, join phases and transaction time-outs.
    pub fn tick(&mut self, now: Ms) -> Vec<(Address, Reply)> {
        self.coordinator.expire(now);
        let names: Vec<String> = self.groups.keys().cloned().collect();
        let mut answers = Vec::new();
        for name in names {
            let parts = self.parts(&name);
            match self.groups.get_mut(&name).map(|s| &mut s.group) {
                Some(AnyGroup::Classic(g)) => {
                    let joined = g.tick(now, &parts).into_iter();
                    answers.extend(joined.map(|(to, j)| (to, j.map(Response::Joined))));
                }
                Some(AnyGroup::Consumer(g)) => g.tick(now, &parts),
                None => {}
            }
        }
        answers
    }

    pub fn write_marker(&mut self, now: Ms, marker: &Marker) {
        match &marker.place {
            Place::Log(name, id, partition) => {
                let same = self.topics.info(name).is_some_and(|info| info.id == *id);
                if let Some(log) = self.topics.log_mut(name, *partition).filter(|_| same) {
                    log.mark(now, marker.pid, marker.epoch, marker.commit);
                }
            }
            Place::Offsets(_) => self.offsets.mark(marker.pid, marker.commit),
        }
        self.coordinator.marked(marker);
    }

    /// What members of the group subscribe to, as it is now.
    pub fn parts(&self, group: &str) -> BTreeSet<Part> {
        let topics = self.groups.get(group).map(|s| &s.topics).into_iter().flatten();
        let all = topics.filter_map(|t| Some((t, self.topics.info(t)?.partitions)));
        all.flat_map(|(t, n)| (0..n).map(move |p| Part::new(t, p))).collect()
    }

    pub fn topics_changed(&mut self, now: Ms) {
        for subscribed in self.groups.values_mut() {
            if let AnyGroup::Classic(g) = &mut subscribed.group {
                g.topics_changed(now);
            }
        }
    }

    fn add_partitions(&mut self, now: Ms, by: &Producer, parts: &[Part]) -> Reply {
        let place = |p: &Part| {
            let info = self.topics.info(&p.topic).filter(|i| p.partition < i.partitions)?;
            Some(Place::Log(p.topic.clone(), info.id, p.partition))
        };
        let places: Option<Vec<Place>> = parts.iter().map(place).collect();
        let places = places.ok_or(Refusal::UnknownTopicOrPart)?;
        self.coordinator.add(now, &by.id, by.pid, by.epoch, &places).map(|()| Response::Done)
    }

    fn produce(&mut self, now: Ms, by: &Producer, part: &Part, sequence: i32, records: &[Data]) -> Reply {
        let key = |d: &Data| String::from_utf8_lossy(d.key.as_deref().unwrap_or_default()).into_owned();
        if records.iter().any(|d| self.denied.contains(&key(d))) {
            return Err(Refusal::TopicAuthorizationFailed);
        }
        let info = self.topics.info(&part.topic).ok_or(Refusal::UnknownTopicOrPart)?;
        let log = self.topics.log_mut(&part.topic, part.partition).ok_or(Refusal::UnknownTopicOrPart)?;
        if !log.is_ongoing(by.pid) {
            let place = Place::Log(part.topic.clone(), info.id, part.partition);
            self.coordinator.verify(&by.id, by.pid, by.epoch, &place)?;
        }
        let author = Author { pid: by.pid, epoch: by.epoch, sequence };
        // Every topic that a steward writes has the broker's time.
        let stamped = records.iter().map(|d| Data { timestamp_ms: now, ..d.clone() }).collect();
        log.append(Some(author), stamped).map(|()| Response::Done)
    }

    fn commit(
        &mut self,
        group: &str,
        pid: Option<Pid>,
        m: &Membership,
        instance: Option<&str>,
        offsets: &[(Part, Offset, String)],
    ) -> Reply {
        let named: Vec<Part> = offsets.iter().map(|(p, _, _)| p.clone()).collect();
        let subscribed = self.groups.get(group).ok_or(Refusal::UnknownMemberId)?;
        match &subscribed.group {
            AnyGroup::Classic(g) => g.may_commit(&m.member, instance, m.generation)?,
            AnyGroup::Consumer(g) => g.may_commit(&m.member, m.generation, &named)?,
        }
        let owns = |part: &Part| match &subscribed.group {
            AnyGroup::Classic(g) => g.owners.get(part).is_some_and(|owner| *owner == m.member),
            AnyGroup::Consumer(g) => g.owns(&m.member, part),
        };
        let foreign = named.iter().find(|part| !owns(part));
        if let Some(part) = foreign {
            self.unsound
                .push(format!("{} of generation {} committed {part}, which it does not own", m.member, m.generation));
        }
        if m.generation < 0 || m.member.is_empty() {
            self.unsound.push(format!("a commit of {named:?} without membership"));
        }
        self.offsets.commit(group, pid, offsets).map(|()| Response::Done)
    }

    fn read_log(&self, part: &Part, from: Offset, to: Offset) -> Reply {
        let log = self.topics.log(&part.topic, part.partition).ok_or(Refusal::UnknownTopicOrPart)?;
        let from = from.max(log.start);
        let (found, next) = log.fetch(from, CHUNK, !self.uncommitted_reads)?;
        let kept = found.into_iter().filter(|(offset, _)| *offset < to);
        let record = |(offset, data): (Offset, &Data)| LogRecord {
            offset,
            timestamp_ms: data.timestamp_ms,
            key: data.key.clone(),
            value: data.value.clone(),
        };
        Ok(Response::Chunk(Chunk { records: kept.map(record).collect(), next, done: next >= to }))
    }
}

mod behaviour {
    use super::*;

    const FROM: Address = Address { task: 0, life: 0, channel: 0, token: 0 };

    #[test]
    fn a_commit_becomes_visible_partition_by_partition() {
        let mut b = Broker::default();
        let (deltas, state): (Arc<str>, Arc<str>) = ("deltas".into(), "state".into());
        b.topics.create(&deltas, 1);
        b.topics.create(&state, 1);
        let Some(Ok(Response::Pid(pid, epoch))) =
            b.handle(0, FROM, &Request::InitPid { id: "t".into(), timeout_ms: 10_000 })
        else {
            unreachable!("a new id is known at once")
        };
        let by = Producer { id: "t".into(), pid, epoch };
        let parts = vec![Part::new(&deltas, 0), Part::new(&state, 0)];
        let record = Data { key: None, value: None, headers: Vec::new(), timestamp_ms: 0 };
        let produce = |part: &Part| Request::Produce {
            by: by.clone(),
            part: part.clone(),
            sequence: 0,
            records: vec![record.clone()],
        };
        assert_eq!(b.handle(0, FROM, &produce(&parts[0])), Some(Err(Refusal::InvalidTxnState)), "not added: KIP-890");
        b.handle(0, FROM, &Request::AddPartitions { by: by.clone(), parts: parts.clone() });
        for part in &parts {
            assert_eq!(b.handle(0, FROM, &produce(part)), Some(Ok(Response::Done)));
        }
        assert_eq!(b.handle(0, FROM, &Request::EndTxn { by, commit: true }), Some(Ok(Response::Done)));
        let markers = std::mem::take(&mut b.coordinator.unwritten);
        assert_eq!(markers.len(), 2);
        b.write_marker(0, &markers[0]);
        let stable = |b: &Broker, name: &str| b.topics.log(name, 0).unwrap().stable();
        assert_eq!((stable(&b, "deltas"), stable(&b, "state")), (2, 0));
        b.write_marker(0, &markers[1]);
        assert_eq!(stable(&b, "state"), 2);
    }
}
