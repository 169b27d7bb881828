//! A consumer as librdkafka has it: membership behind the application's back, rebalances that wait for it, prefetch.

use crate::sim::broker::{Reply, Request, Response};
use crate::sim::choice::Tape;
use crate::sim::log::{Data, Refusal, Topics};
use crate::sim::producer::fault;
use mesh_steward::engine::record::Offset;
use mesh_steward::flow::io::{Answer, Fault, FaultKind, Membership, Ms, Part};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What the application hears at its next poll.
#[derive(Clone, Debug)]
pub enum News {
    Answer(Answer),
    Assigned(Vec<Part>),
    Revoking(Vec<Part>),
    Lost(Vec<Part>),
    Records(Part, Vec<(Offset, Data)>),
    Eof(Part, Offset),
    OutOfRange(Part),
    Failed(Fault),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Out,
    Joining,
    Syncing,
    Member,
    Fatal,
}

#[derive(Default)]
struct Fetcher {
    started: bool,
    /// Next to fetch; `None` while held, and after it left the log.
    position: Option<Offset>,
    buffered: VecDeque<News>,
    eof: Option<Offset>,
    /// Next after what the application was given; auto commit's only.
    given: Option<Offset>,
}

/// Bugs of a client's settings, planted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub keeps_prefetched: bool,
    pub reads_unstable_offsets: bool,
    pub auto_commit: bool,
    pub reads_uncommitted: bool,
}

pub struct Consumer {
    group: String,
    instance: Option<String>,
    /// KIP-848.
    pub incremental: bool,
    settings: Settings,
    pub member: String,
    pub generation: i32,
    phase: Phase,
    /// What the application has taken up.
    owned: BTreeSet<Part>,
    queue: VecDeque<News>,
    /// The application was told and has not completed it.
    serving: bool,
    rejoin: bool,
    lost: bool,
    beat_ms: Ms,
    failed: Option<Fault>,
    fetchers: BTreeMap<Part, Fetcher>,
}

const HEARTBEAT_MS: Ms = 1_500;
/// Records of one batch at most.
const BATCH: usize = 4;

impl Consumer {
    pub fn new(
        group: String,
        instance: Option<String>,
        incremental: bool,
        settings: Settings,
        member: String,
    ) -> Consumer {
        Consumer {
            group,
            instance,
            incremental,
            settings,
            member: if incremental { member } else { String::new() },
            generation: -1,
            phase: Phase::Out,
            owned: BTreeSet::new(),
            queue: VecDeque::new(),
            serving: false,
            rejoin: false,
            lost: false,
            beat_ms: Ms::MIN / 2,
            failed: None,
            fetchers: BTreeMap::new(),
        }
    }

    pub fn membership(&self) -> Membership {
        Membership { generation: self.generation, member: self.member.clone() }
    }

    /// What the background thread sends now, where no request is under way.
    pub fn tick(&mut self, now: Ms) -> Option<Request> {
        let idle = !self.serving && self.queue.is_empty();
        if idle && self.rejoin && self.phase == Phase::Member {
            (self.rejoin, self.phase) = (false, Phase::Out);
        }
        let (group, instance, as_member) = (self.group.clone(), self.instance.clone(), self.membership());
        let beats = now - self.beat_ms >= HEARTBEAT_MS;
        match self.phase {
            Phase::Out if self.incremental && idle && self.owned.is_empty() => {
                self.phase = Phase::Joining;
                let as_member = Membership { generation: 0, ..as_member };
                Some(Request::Beat { group, as_member, owned: Some(BTreeSet::new()) })
            }
            Phase::Out if !self.incremental && idle => {
                self.phase = Phase::Joining;
                Some(Request::Join { group, member: as_member.member, instance, owned: self.owned.clone() })
            }
            Phase::Syncing => Some(Request::Sync { group, as_member, instance }),
            Phase::Member if beats => {
                self.beat_ms = now;
                Some(if self.incremental {
                    // While the application takes up or gives back, nothing is said of what is owned.
                    Request::Beat { group, as_member, owned: idle.then(|| self.owned.clone()) }
                } else {
                    Request::Heartbeat { group, as_member, instance }
                })
            }
            _ => None,
        }
    }

    pub fn reply(&mut self, now: Ms, reply: Reply) {
        match reply {
            Ok(Response::Joined(joined)) => {
                // Inside the client, before the application hears of it.
                (self.member, self.generation) = (joined.member, joined.generation);
                self.phase = Phase::Syncing;
            }
            Ok(Response::Assigned(assigned)) => {
                (self.phase, self.beat_ms) = (Phase::Member, now);
                let revoked: Vec<Part> = self.owned.difference(&assigned).cloned().collect();
                let added = assigned.difference(&self.owned).cloned().collect();
                self.rejoin = !revoked.is_empty();
                if self.rejoin {
                    self.queue.push_back(News::Revoking(revoked));
                }
                // A cooperative rebalance ends in an assign event, possibly empty.
                self.queue.push_back(News::Assigned(added));
            }
            Ok(Response::Told(told)) => {
                (self.phase, self.generation) = (Phase::Member, told.epoch);
                if !self.serving && self.queue.is_empty() {
                    let revoked: Vec<Part> = self.owned.difference(&told.assigned).cloned().collect();
                    let added: Vec<Part> = told.assigned.difference(&self.owned).cloned().collect();
                    if !revoked.is_empty() {
                        self.queue.push_back(News::Revoking(revoked));
                    } else if !added.is_empty() {
                        self.queue.push_back(News::Assigned(added));
                    }
                }
            }
            Ok(_) => {}
            Err(Refusal::RebalanceInProgress) if self.phase == Phase::Syncing => self.phase = Phase::Out,
            Err(Refusal::RebalanceInProgress) => self.rejoin = true,
            Err(Refusal::FencedInstanceId) => {
                self.phase = Phase::Fatal;
                self.failed = Some(fault(FaultKind::InstanceFenced, "FENCED_INSTANCE_ID"));
            }
            Err(refusal) => self.lose(refusal == Refusal::IllegalGeneration),
        }
    }

    fn lose(&mut self, keeps_member: bool) {
        (self.phase, self.generation, self.rejoin) = (Phase::Out, -1, false);
        if !keeps_member && !self.incremental {
            self.member.clear();
        }
        self.queue.clear();
        if self.serving {
            self.lost = true;
        } else if !self.owned.is_empty() {
            self.queue.push_back(News::Lost(self.owned.iter().cloned().collect()));
        }
    }

    /// `assign`: the application takes these up, held.
    pub fn assign(&mut self, parts: &[Part]) {
        for part in parts {
            self.owned.insert(part.clone());
            self.fetchers.insert(part.clone(), Fetcher::default());
        }
        self.completed();
    }

    /// `unassign`; what auto commit would commit now.
    pub fn unassign(&mut self, parts: &[Part]) -> Option<Request> {
        let commit = self.auto_commit();
        for part in parts {
            self.owned.remove(part);
            self.fetchers.remove(part);
        }
        self.completed();
        commit
    }

    fn completed(&mut self) {
        self.serving = false;
        self.beat_ms = Ms::MIN / 2;
        if std::mem::take(&mut self.lost) && !self.owned.is_empty() {
            self.queue.push_back(News::Lost(self.owned.iter().cloned().collect()));
        }
    }

    pub fn start(&mut self, part: &Part, offset: Offset) {
        let keeps = self.settings.keeps_prefetched;
        if let Some(f) = self.fetchers.get_mut(part) {
            let buffered = std::mem::take(&mut f.buffered);
            *f = Fetcher { started: true, position: Some(offset), given: Some(offset), ..Fetcher::default() };
            if keeps {
                f.buffered = buffered;
            }
        }
    }

    pub fn hold(&mut self, parts: &[Part]) {
        for part in parts {
            if let Some(f) = self.fetchers.get_mut(part) {
                (f.started, f.position) = (false, None);
                if !self.settings.keeps_prefetched {
                    f.buffered.clear();
                }
            }
        }
    }

    /// What leaves at an orderly end: a static member says nothing.
    pub fn close(&mut self) -> Option<Request> {
        let leaves = self.instance.is_none() && self.generation >= 0;
        leaves.then(|| Request::Leave { group: self.group.clone(), member: self.member.clone() })
    }

    pub fn auto_commit(&self) -> Option<Request> {
        let given = |(p, f): (&Part, &Fetcher)| Some((p.clone(), f.given?, String::new()));
        let offsets: Vec<_> = self.fetchers.iter().filter_map(given).collect();
        (self.settings.auto_commit && !offsets.is_empty()).then(|| Request::OffsetCommit {
            group: self.group.clone(),
            as_member: self.membership(),
            instance: self.instance.clone(),
            offsets,
        })
    }

    /// Fills the buffers. By name: librdkafka goes on at the old position of a topic that was created again.
    pub fn fetch(&mut self, topics: &Topics) {
        let committed = !self.settings.reads_uncommitted;
        for (part, f) in &mut self.fetchers {
            let (Some(position), true) = (f.position, f.buffered.len() < 3) else { continue };
            let Some(log) = topics.log(&part.topic, part.partition) else { continue };
            match log.fetch(position, BATCH, committed) {
                Err(_) => {
                    f.position = None;
                    f.buffered.push_back(News::OutOfRange(part.clone()));
                }
                Ok((found, next)) => {
                    f.position = Some(next);
                    if !found.is_empty() {
                        let records = found.into_iter().map(|(o, d)| (o, d.clone())).collect();
                        f.buffered.push_back(News::Records(part.clone(), records));
                    }
                    let end = if committed { log.stable() } else { log.end() };
                    if next == end && f.eof != Some(next) {
                        f.eof = Some(next);
                        f.buffered.push_back(News::Eof(part.clone(), next));
                    }
                }
            }
        }
    }

    /// The next thing to tell: rebalances first; records only `with_records`, some held back by the tape.
    pub fn next(&mut self, tape: &mut Tape, with_records: bool) -> Option<News> {
        if let Some(failed) = self.failed.take() {
            return Some(News::Failed(failed));
        }
        if !self.serving
            && let Some(news) = self.queue.pop_front()
        {
            self.serving = true;
            return Some(news);
        }
        if !with_records {
            return None;
        }
        // What was fetched before a hold waits, where it was not dropped.
        let ready = |f: &&mut Fetcher| f.started && !f.buffered.is_empty();
        let f = self.fetchers.values_mut().find(ready)?;
        if tape.pick(&[12, 1]) == 1 {
            return None;
        }
        let news = f.buffered.pop_front();
        if let Some(News::Records(_, records)) = &news {
            f.given = records.last().map(|(offset, _)| offset + 1);
        }
        news
    }

    /// The application was told of a rebalance, and has not completed it.
    pub fn is_serving(&self) -> bool {
        self.serving
    }

    /// What it waits for, for a failure's report.
    pub fn waits(&self) -> String {
        format!("{:?} generation {} serving {} owned {}", self.phase, self.generation, self.serving, self.owned.len())
    }
}
