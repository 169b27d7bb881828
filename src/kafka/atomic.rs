//! Writes a batch to several topics as one transaction, outside of any group. Who writes next under the same transactional
//! id fences the one before, so that a role which moves between workers has one writer.

use crate::flow::io::{Fault, FaultKind, Message};
use crate::kafka::client::{self, Settings};
use crate::kafka::delivery::{SLICE, missing};
use crate::kafka::fault;
use crate::kafka::outbox::Outbox;
use crate::kafka::poll::drop_within;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::Producer as _;
use std::time::{Duration, Instant};

/// A predecessor's open transaction is decided within its 10 s and the broker's check for it, which runs every 10 s.
const DECIDED: Duration = Duration::from_secs(30);

pub struct Atomic {
    settings: Settings,
    open: Option<Outbox>,
}

impl Atomic {
    /// The transactional id is `settings.identity()`. Where transactions are forbidden, batches go topic by topic.
    pub fn new(settings: Settings) -> Atomic {
        Atomic { settings, open: None }
    }

    /// Returns when all is durable; after a failure none of it is, but where a commit is in doubt, or without transactions.
    pub fn write(&mut self, messages: &[Message]) -> Result<(), Fault> {
        if messages.is_empty() {
            return Ok(());
        }
        let written = match self.settings.transactions {
            true => self.in_transaction(messages),
            false => self.in_order(messages),
        };
        if written.is_err() {
            // The next one settles whatever this one left.
            self.let_go();
        }
        written
    }

    fn in_transaction(&mut self, messages: &[Message]) -> Result<(), Fault> {
        let outbox = self.held()?;
        outbox.producer.begin_transaction().map_err(|e| fault::of_producer("begin", &e))?;
        if let Err(failures) = outbox.send(messages) {
            let _ = outbox.producer.abort_transaction(SLICE);
            return Err(failures.into_iter().next().map_or_else(missing, |failure| failure.fault));
        }
        let outbox = &*outbox;
        again(outbox, "commit", || outbox.producer.commit_transaction(SLICE))
    }

    /// Fences whoever wrote before, and waits until their last transaction is decided: what is read of the topics after
    /// this stands until `write` has committed, or `write` fails because another took over.
    pub fn hold(&mut self) -> Result<(), Fault> {
        self.held().map(|_| ())
    }

    /// Leaves the transactional id to others; the producer ends on a thread of its own.
    pub fn let_go(&mut self) {
        if let Some(outbox) = self.open.take() {
            drop_within(outbox, SLICE);
        }
    }

    fn held(&mut self) -> Result<&mut Outbox, Fault> {
        let outbox = match self.open.take() {
            Some(outbox) => outbox,
            None => {
                let producer = client::producer(&self.settings).map_err(|e| fault::of_producer("producer", &e))?;
                let outbox = Outbox::new(producer).ok_or_else(missing)?;
                again(&outbox, "init transactions", || outbox.producer.init_transactions(SLICE))?;
                outbox
            }
        };
        Ok(self.open.insert(outbox))
    }

    fn in_order(&mut self, messages: &[Message]) -> Result<(), Fault> {
        let outbox = match self.open.take() {
            Some(outbox) => outbox,
            None => {
                let producer =
                    client::plain_producer(&self.settings).map_err(|e| fault::of_producer("producer", &e))?;
                Outbox::new(producer).ok_or_else(missing)?
            }
        };
        let outbox = self.open.insert(outbox);
        for of_topic in messages.chunk_by(|a, b| a.topic == b.topic) {
            outbox.send(of_topic).map_err(|failures| {
                let said = failures.into_iter().next().map(|failure| failure.fault.message).unwrap_or_default();
                fault::of_question("write", Code::Fail, &said)
            })?;
        }
        Ok(())
    }
}

/// A call that has no answer in its time is made again, which resumes it.
fn again(outbox: &Outbox, what: &str, mut call: impl FnMut() -> Result<(), KafkaError>) -> Result<(), Fault> {
    let deadline = Instant::now() + DECIDED;
    loop {
        let done = call();
        outbox.listen(0, &mut Vec::new());
        let Err(error) = done else { return Ok(()) };
        let fault = fault::of_producer(what, &error);
        if fault.kind != FaultKind::Retriable || Instant::now() > deadline {
            return Err(fault);
        }
    }
}
