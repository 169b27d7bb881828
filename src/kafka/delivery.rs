//! How a flush is written and committed: in a transaction, or one thing after the other.

use crate::engine::record::Offset;
use crate::flow::io::{Fault, FaultKind, Membership, Message, Part, SendFailure};
use crate::kafka::client::{Context, Settings};
use crate::kafka::plain::Plain;
use crate::kafka::producer::Transactions;
use rdkafka::client::Client;
use std::time::Duration;

/// A call that has no answer by then is made again; in between the consumer is polled.
pub const SLICE: Duration = Duration::from_secs(3);
/// Kafka takes 4,096 characters, and drops the connection at 32 KiB; ours are a few dozen.
const METADATA_BYTES: usize = 1_024;

/// The flow's calls of a flush, in the order in which it makes them.
pub trait Delivery: Send {
    fn init(&mut self) -> Result<(), Fault>;
    fn begin(&mut self) -> Result<(), Fault>;
    /// Produces all and waits for every delivery report.
    fn send(&mut self, messages: &[Message]) -> Result<(), Vec<SendFailure>>;
    fn send_offsets(&mut self, offsets: &[(Part, Offset, String)], membership: &Membership) -> Result<(), Fault>;
    /// Commits; after a timeout the same call resumes it. The consumer is the member whose offsets they are.
    fn commit(&mut self, consumer: &Client<Context>) -> Result<(), Fault>;
    fn abort(&mut self) -> Result<(), Fault>;
    /// Forgets the producer.
    fn forget(&mut self);
}

pub fn of(settings: &Settings) -> Box<dyn Delivery> {
    match settings.transactions {
        true => Box::new(Transactions::new(settings.clone())),
        false => Box::new(Plain::new(settings.clone())),
    }
}

/// Why these offsets are not sent: what would not fence, for an empty list is never sent and a missing membership never
/// checked; and what Kafka would not take.
pub fn refusal(offsets: &[(Part, Offset, String)], membership: &Membership) -> Option<Fault> {
    let refused = |kind, why: String| Some(Fault { kind, message: format!("send offsets: {why}") });
    if offsets.is_empty() {
        return refused(FaultKind::Abortable, "no offsets: a flush without them is not fenced".into());
    }
    if membership.generation < 0 || membership.member.is_empty() {
        return refused(FaultKind::Abortable, "no membership: the group would accept them unchecked".into());
    }
    let (part, _, metadata) = offsets.iter().find(|(_, _, m)| m.len() > METADATA_BYTES)?;
    let why = format!("metadata of {part} has {} bytes, more than {METADATA_BYTES}", metadata.len());
    refused(FaultKind::Configuration, why)
}

pub fn missing() -> Fault {
    Fault { kind: FaultKind::Fatal, message: "there is no producer: it must be initialised first".into() }
}
