//! Takes partitions up, starts, holds and gives them back, when the flow says so and not before.
//!
//! librdkafka lets the group go on when `incremental_assign` or `incremental_unassign` is called. So those calls are
//! the end of a rebalance, and nothing else may make one in the middle of it.

use crate::engine::record::Offset;
use crate::flow::io::Part;
use crate::kafka::client::Context;
use crate::kafka::ffi::group;
use rdkafka::consumer::{BaseConsumer, Consumer, RebalanceProtocol};
use rdkafka::error::{KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::topic_partition_list::TopicPartitionList;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A seek is done by librdkafka's own thread in microseconds.
const SEEK_MS: i32 = 500;
/// A partition that is not fetched yet is sought again in each turn; after this it is taken up anew at its offset.
const SEEK_FOR: Duration = Duration::from_secs(2);

/// What the group waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    Assign,
    Revoke,
}

#[derive(Default)]
pub struct Assignment {
    held: BTreeSet<Part>,
    pending: Option<Pending>,
    /// Started, and fetched since.
    running: BTreeSet<Part>,
    /// Started by the flow, not yet by librdkafka.
    starting: BTreeMap<Part, (Offset, Instant)>,
    /// Their position left the log: librdkafka fetches them no more, and refuses to seek.
    stuck: BTreeSet<Part>,
}

impl Assignment {
    /// The group gave partitions, and waits.
    pub fn offered(&mut self) {
        self.pending = Some(Pending::Assign);
    }

    /// The group wants partitions back, and waits.
    pub fn reclaimed(&mut self) {
        self.pending = Some(Pending::Revoke);
    }

    /// The position left the log; true if the partition was started, and not only taken up.
    pub fn out_of_range(&mut self, part: &Part) -> bool {
        self.stuck.insert(part.clone());
        self.running.remove(part)
    }

    /// Takes the partitions up, paused. The offset is a formality: what is fetched before the start is dropped.
    pub fn assign(&mut self, consumer: &BaseConsumer<Context>, parts: &[Part]) {
        let new: Vec<&Part> = parts.iter().filter(|p| !self.held.contains(*p)).collect();
        if new.is_empty() && self.pending != Some(Pending::Assign) {
            return;
        }
        self.pending = None;
        tell(consumer, "assign", with(new.iter().map(|p| (*p, Some(0))), |list| consumer.incremental_assign(list)));
        self.held.extend(new.into_iter().cloned());
        if !parts.is_empty() {
            tell(consumer, "pause", with(parts.iter().map(|p| (p, None)), |list| consumer.pause(list)));
        }
    }

    /// Gives the partitions back; an empty list completes a rebalance of either kind that took nothing.
    pub fn unassign(&mut self, consumer: &BaseConsumer<Context>, parts: &[Part]) {
        let old: Vec<&Part> = parts.iter().filter(|p| self.held.contains(*p)).collect();
        let done = match (self.pending.take(), consumer.rebalance_protocol()) {
            (Some(Pending::Assign), _) if old.is_empty() => consumer.incremental_assign(&TopicPartitionList::new()),
            (None, _) if old.is_empty() => return,
            (_, RebalanceProtocol::Cooperative) => {
                with(old.iter().map(|p| (*p, None)), |list| consumer.incremental_unassign(list))
            }
            // Expelled from the group: it speaks no protocol, and everything goes.
            _ => consumer.unassign(),
        };
        tell(consumer, "unassign", done);
        for part in parts {
            self.held.remove(part);
            self.running.remove(part);
            self.starting.remove(part);
            self.stuck.remove(part);
        }
    }

    pub fn start(&mut self, consumer: &BaseConsumer<Context>, part: &Part, offset: Offset) {
        if self.held.contains(part) {
            self.starting.insert(part.clone(), (offset, Instant::now()));
            self.press_on(consumer);
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

    /// Starts what could not be started yet; called in each turn.
    pub fn press_on(&mut self, consumer: &BaseConsumer<Context>) {
        let due: Vec<(Part, Offset, Instant)> = self.starting.iter().map(|(p, (o, s))| (p.clone(), *o, *s)).collect();
        for (part, offset, since) in due {
            if !self.stuck.contains(&part) {
                match group::seek(consumer.client(), &part, offset, SEEK_MS) {
                    Ok(()) => self.resume(consumer, &part),
                    Err(Code::State | Code::PreviousInProgress | Code::OperationTimedOut)
                        if since.elapsed() < SEEK_FOR => {}
                    Err(_) => {
                        self.stuck.insert(part.clone());
                    }
                }
            }
            if self.stuck.contains(&part) {
                self.take_up_anew(consumer, &part, offset);
            }
        }
    }

    /// Gives one partition back and takes it up at its offset. In the middle of a rebalance this would complete it in
    /// the flow's stead, so it waits.
    fn take_up_anew(&mut self, consumer: &BaseConsumer<Context>, part: &Part, offset: Offset) {
        if self.pending.is_some() {
            return;
        }
        let given = with([(part, None)].into_iter(), |list| consumer.incremental_unassign(list));
        let taken = with([(part, Some(offset))].into_iter(), |list| consumer.incremental_assign(list));
        tell(consumer, "restart", given.and(taken));
        self.stuck.remove(part);
        self.resume(consumer, part);
    }

    fn resume(&mut self, consumer: &BaseConsumer<Context>, part: &Part) {
        self.starting.remove(part);
        self.running.insert(part.clone());
        tell(consumer, "resume", with([(part, None)].into_iter(), |list| consumer.resume(list)));
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
