//! At least once: an idempotent producer, then the consumer's own commit. A crash between the two repeats; nothing is lost.
//!
//! Messages of one topic are durable before the next topic's are sent, so that a crash leaves no state that tells of
//! events which were never written.

use crate::engine::record::Offset;
use crate::flow::io::{Fault, FaultKind, Membership, Message, Part, SendFailure};
use crate::kafka::client::{self, Context, Settings};
use crate::kafka::delivery::{Delivery, SLICE, missing, refusal};
use crate::kafka::fault;
use crate::kafka::ffi::group;
use crate::kafka::outbox::Outbox;
use crate::kafka::poll::drop_within;
use rdkafka::client::Client;

pub struct Plain {
    settings: Settings,
    open: Option<Outbox>,
    /// What the next commit commits.
    offsets: Option<Vec<(Part, Offset, String)>>,
}

impl Plain {
    pub fn new(settings: Settings) -> Plain {
        Plain { settings, open: None, offsets: None }
    }
}

impl Delivery for Plain {
    fn init(&mut self) -> Result<(), Fault> {
        if self.open.is_none() {
            let producer = client::plain_producer(&self.settings).map_err(|e| fault::of_producer("producer", &e))?;
            self.open = Some(Outbox::new(producer).ok_or_else(missing)?);
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Fault> {
        self.offsets = None;
        self.open.as_ref().map(|_| ()).ok_or_else(missing)
    }

    fn send(&mut self, messages: &[Message]) -> Result<(), Vec<SendFailure>> {
        let Some(outbox) = &mut self.open else {
            return Err(vec![SendFailure { about: None, fault: missing() }]);
        };
        messages.chunk_by(|a, b| a.topic == b.topic).try_for_each(|of_topic| outbox.send(of_topic))
    }

    fn send_offsets(&mut self, offsets: &[(Part, Offset, String)], membership: &Membership) -> Result<(), Fault> {
        match refusal(offsets, membership) {
            Some(fault) => Err(fault),
            None => {
                self.offsets = Some(offsets.to_vec());
                Ok(())
            }
        }
    }

    /// As the member that this consumer is by now: what these offsets are of is durable, so that nothing is lost whoever
    /// owns the partitions, and a generation that went on meanwhile is no reason to read it all again.
    fn commit(&mut self, consumer: &Client<Context>) -> Result<(), Fault> {
        let Some(offsets) = &self.offsets else {
            return Err(Fault { kind: FaultKind::Abortable, message: "commit: there are no offsets".into() });
        };
        let now = group::membership(consumer);
        if now.generation < 0 || now.member.is_empty() {
            let message = "commit: this task is not a member of its group any more".into();
            return Err(Fault { kind: FaultKind::Abortable, message });
        }
        group::commit(consumer, offsets, SLICE.as_millis() as i32)?;
        self.offsets = None;
        Ok(())
    }

    /// Nothing can be taken back: what was sent is found out as a repeat.
    fn abort(&mut self) -> Result<(), Fault> {
        self.offsets = None;
        Ok(())
    }

    fn forget(&mut self) {
        self.offsets = None;
        if let Some(outbox) = self.open.take() {
            drop_within(outbox, SLICE);
        }
    }
}
