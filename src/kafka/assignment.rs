//! Takes partitions up, starts, holds and gives them back, when the flow says so and not before.
//!
//! librdkafka lets the group go on when `incremental_assign` or `incremental_unassign` is called. So those calls are
//! the end of a rebalance, and nothing else may make one in the middle of it.
//!
//! librdkafka's own positions are never trusted. An end or an error that is taken in a batch moves its position one too
//! far, and each rebalance pauses all that is fetched and goes on at these positions: a record would be skipped, without
//! an error. So it is known here what is next of each partition, and fetching begins with a seek, always.

use crate::engine::record::{Offset, RawRecord};
use crate::flow::io::Part;
use crate::kafka::client::Context;
use crate::kafka::ffi::group;
use crate::kafka::lanes::Lanes;
use rdkafka::consumer::{BaseConsumer, Consumer, RebalanceProtocol};
use rdkafka::error::{KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::topic_partition_list::TopicPartitionList;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A seek is done by librdkafka's own thread in microseconds, one of thousands of partitions in milliseconds.
const SEEK_MS: i32 = 500;
/// The client looks each answer up in the list: of so many at once that takes a millisecond.
const SEEK_AT_ONCE: usize = 500;
/// A partition that is not fetched yet is sought again in each turn; after this it is taken up anew at its offset.
const SEEK_FOR: Duration = Duration::from_secs(2);

/// What the group waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    Assign,
    Revoke,
}

pub struct Assignment {
    lanes: Lanes,
    held: BTreeSet<Part>,
    pending: Option<Pending>,
    /// Started, and fetched since: what is next of each.
    running: BTreeMap<Part, Offset>,
    /// To be started where the flow says, or to go on where they stood; librdkafka has not sought them yet.
    starting: BTreeMap<Part, (Offset, Instant)>,
    /// Their position left the log: librdkafka fetches them no more, and refuses to seek.
    stuck: BTreeSet<Part>,
}

impl Assignment {
    /// Of a consumer that outlives it.
    pub fn new(lanes: Lanes) -> Assignment {
        Assignment {
            lanes,
            held: BTreeSet::new(),
            pending: None,
            running: BTreeMap::new(),
            starting: BTreeMap::new(),
            stuck: BTreeSet::new(),
        }
    }

    /// Where the records come.
    pub fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// The group gave partitions, and waits.
    pub fn offered(&mut self) {
        self.pending = Some(Pending::Assign);
    }

    /// The group wants partitions back, and waits.
    pub fn reclaimed(&mut self) {
        self.pending = Some(Pending::Revoke);
    }

    /// Whether the partition was started, and not only taken up or on its way.
    pub fn is_running(&self, part: &Part) -> bool {
        self.running.contains_key(part)
    }

    /// Those of these records that were not heard yet. Where a rebalance and a batch meet, librdkafka fetches the batch
    /// again.
    pub fn fresh<'r, 'b>(&mut self, part: &Part, records: &'r [RawRecord<'b>]) -> &'r [RawRecord<'b>] {
        let (Some(next), Some(last)) = (self.running.get_mut(part), records.last()) else { return &[] };
        let heard = records.partition_point(|record| record.offset < *next);
        *next = (*next).max(last.offset + 1);
        if self.lanes.came(part, records.len()) {
            self.go_on_with(part);
        }
        &records[heard..]
    }

    /// Everything before `offset` came; false where that is no news.
    pub fn passed(&mut self, part: &Part, offset: Offset) -> bool {
        let Some(next) = self.running.get_mut(part).filter(|next| **next <= offset) else { return false };
        *next = offset;
        if self.lanes.ended(part) {
            self.go_on_with(part);
        }
        true
    }

    /// The position left the log; true if the partition was started, and not only taken up.
    pub fn out_of_range(&mut self, part: &Part) -> bool {
        if self.held.contains(part) {
            self.stuck.insert(part.clone());
        }
        self.running.remove(part).is_some()
    }

    /// Takes the partitions up, paused. The offset is a formality: what is fetched before the start is dropped.
    pub fn assign(&mut self, consumer: &BaseConsumer<Context>, parts: &[Part]) {
        let new: Vec<&Part> = parts.iter().filter(|p| !self.held.contains(*p)).collect();
        if new.is_empty() && self.pending != Some(Pending::Assign) {
            return;
        }
        self.pending = None;
        new.iter().for_each(|part| self.lanes.lay(consumer.client(), part));
        tell(consumer, "assign", with(new.iter().map(|p| (*p, Some(0))), |list| consumer.incremental_assign(list)));
        self.held.extend(new.into_iter().cloned());
        if !parts.is_empty() {
            tell(consumer, "pause", with(parts.iter().map(|p| (p, None)), |list| consumer.pause(list)));
        }
        self.go_on();
    }

    /// Gives the partitions back; an empty list completes a rebalance of either kind that took nothing.
    pub fn unassign(&mut self, consumer: &BaseConsumer<Context>, parts: &[Part]) {
        let old: Vec<&Part> = parts.iter().filter(|p| self.held.contains(*p)).collect();
        let mut expelled = false;
        let done = match (self.pending.take(), consumer.rebalance_protocol()) {
            (Some(Pending::Assign), _) if old.is_empty() => consumer.incremental_assign(&TopicPartitionList::new()),
            (None, _) if old.is_empty() => return,
            (_, RebalanceProtocol::Cooperative) => {
                with(old.iter().map(|p| (*p, None)), |list| consumer.incremental_unassign(list))
            }
            // Expelled from the group: it speaks no protocol, and everything goes.
            _ => {
                expelled = true;
                consumer.unassign()
            }
        };
        tell(consumer, "unassign", done);
        for part in parts {
            self.held.remove(part);
            self.running.remove(part);
            self.starting.remove(part);
            self.stuck.remove(part);
            self.lanes.forget(part);
        }
        if !expelled {
            self.go_on();
        }
    }

    /// From here on nothing of it is heard until it is sought.
    pub fn start(&mut self, part: &Part, offset: Offset) {
        if self.held.contains(part) {
            self.running.remove(part);
            self.starting.insert(part.clone(), (offset, Instant::now()));
        }
    }

    pub fn hold(&mut self, consumer: &BaseConsumer<Context>, parts: &[Part]) {
        for part in parts {
            self.running.remove(part);
            self.starting.remove(part);
        }
        let ours = parts.iter().filter(|p| self.held.contains(*p)).map(|p| (p, None));
        tell(consumer, "pause", with(ours, |list| consumer.pause(list)));
    }

    pub fn is_starting(&self) -> bool {
        !self.starting.is_empty()
    }

    /// Starts what is to be started; called in each turn, while no batch is in hand.
    pub fn press_on(&mut self, consumer: &BaseConsumer<Context>) {
        let ready = self.starting.iter().filter(|(part, _)| !self.stuck.contains(*part));
        let ready: Vec<(Part, Offset)> = ready.map(|(part, (offset, _))| (part.clone(), *offset)).collect();
        for ready in ready.chunks(SEEK_AT_ONCE) {
            // It may have another lane than before; and where it was taken up anew, its fetch has stopped since it was laid,
            // which left it without one. Before the seek: what comes after it comes to one lane, and in its order.
            ready.iter().for_each(|(part, _)| self.lanes.lay(consumer.client(), part));
            let sought = group::seek(consumer.client(), ready, SEEK_MS);
            self.resume(consumer, ready.iter().zip(sought));
        }
        let stuck = self.starting.iter().filter(|(part, _)| self.stuck.contains(*part));
        let stuck: Vec<(Part, Offset)> = stuck.map(|(part, (offset, _))| (part.clone(), *offset)).collect();
        stuck.iter().for_each(|(part, offset)| self.take_up_anew(consumer, part, *offset));
    }

    /// Has all that runs go on where it stands, after a rebalance.
    fn go_on(&mut self) {
        let now = Instant::now();
        self.starting.extend(std::mem::take(&mut self.running).into_iter().map(|(part, next)| (part, (next, now))));
    }

    /// Has this one go on where it stands, in another lane.
    fn go_on_with(&mut self, part: &Part) {
        if let Some(next) = self.running.remove(part) {
            self.starting.insert(part.clone(), (next, Instant::now()));
        }
    }

    /// Lets those run that are sought.
    fn resume<'p>(
        &mut self,
        consumer: &BaseConsumer<Context>,
        sought: impl Iterator<Item = (&'p (Part, Offset), Result<(), Code>)>,
    ) {
        let mut ready = Vec::new();
        for ((part, offset), sought) in sought {
            match sought {
                Ok(()) => {
                    self.starting.remove(part);
                    self.running.insert(part.clone(), *offset);
                    ready.push(part);
                }
                Err(Code::State | Code::PreviousInProgress | Code::InProgress | Code::OperationTimedOut)
                    if self.starting.get(part).is_some_and(|(_, since)| since.elapsed() < SEEK_FOR) => {}
                Err(_) => {
                    self.stuck.insert(part.clone());
                }
            }
        }
        if !ready.is_empty() {
            tell(consumer, "resume", with(ready.into_iter().map(|p| (p, None)), |list| consumer.resume(list)));
        }
    }

    /// Gives one partition back and takes it up again, held, so that it can be sought. In the middle of a rebalance this
    /// would complete it in the flow's stead, so it waits.
    fn take_up_anew(&mut self, consumer: &BaseConsumer<Context>, part: &Part, offset: Offset) {
        if self.pending.is_some() {
            return;
        }
        let given = with([(part, None)].into_iter(), |list| consumer.incremental_unassign(list));
        let taken = with([(part, Some(offset))].into_iter(), |list| consumer.incremental_assign(list));
        let held = with([(part, None)].into_iter(), |list| consumer.pause(list));
        tell(consumer, "restart", given.and(taken).and(held));
        self.stuck.remove(part);
        self.starting.insert(part.clone(), (offset, Instant::now()));
    }
}

fn with<'a>(
    parts: impl Iterator<Item = (&'a Part, Option<Offset>)>,
    act: impl FnOnce(&TopicPartitionList) -> KafkaResult<()>,
) -> KafkaResult<()> {
    act(&group::list_of(parts.map(|(part, offset)| (part, offset, None)))?)
}

/// Such a call fails only when librdkafka and we disagree about the assignment: the operator should know.
fn tell(consumer: &BaseConsumer<Context>, call: &str, done: KafkaResult<()>) {
    if let Err(e) = done {
        consumer.client().context().tell(e.rdkafka_error_code(), 3, format!("{call}: {e}"));
    }
}
