//! The transactional producer's calls, each bounded, so that the thread goes back to serving its group.

use crate::engine::record::Offset;
use crate::flow::io::{Fault, FaultKind, Membership, Message, Part, SendFailure};
use crate::kafka::client::{self, Context, GroupProtocol, Settings};
use crate::kafka::delivery::{Delivery, SLICE, missing, refusal};
use crate::kafka::fault;
use crate::kafka::ffi::group;
use crate::kafka::outbox::Outbox;
use crate::kafka::poll::drop_within;
use rdkafka::client::Client;
use rdkafka::producer::Producer as _;
use std::time::{Duration, Instant};

/// `abort_transaction` serves no delivery reports: it gets this long, then reports are served, and so on.
const ABORT_STEP: Duration = Duration::from_millis(200);

/// Exactly once: the producer of a task, where there is one.
pub struct Transactions {
    settings: Settings,
    open: Option<Outbox>,
}

impl Transactions {
    pub fn new(settings: Settings) -> Transactions {
        Transactions { settings, open: None }
    }

    fn outbox(&mut self) -> Result<&mut Outbox, Fault> {
        self.open.as_mut().ok_or_else(missing)
    }
}

impl Delivery for Transactions {
    /// Returns when the predecessor's transaction is decided and this producer may begin its first.
    fn init(&mut self) -> Result<(), Fault> {
        let outbox = match self.open.take() {
            Some(outbox) => outbox,
            None => {
                let producer = client::producer(&self.settings).map_err(|e| fault::of_producer("producer", &e))?;
                Outbox::new(producer).ok_or_else(missing)?
            }
        };
        let done = outbox.producer.init_transactions(SLICE);
        outbox.listen(0, &mut Vec::new());
        self.open = Some(outbox);
        done.map_err(|e| fault::of_producer("init transactions", &e))
    }

    fn begin(&mut self) -> Result<(), Fault> {
        let outbox = self.outbox()?;
        outbox.producer.begin_transaction().map_err(|e| fault::of_producer("begin", &e))
    }

    /// Produces all and waits for every delivery report.
    fn send(&mut self, messages: &[Message]) -> Result<(), Vec<SendFailure>> {
        match self.outbox() {
            Ok(outbox) => outbox.send(messages).map_err(|failures| of_cause(failures, || outbox.spoiled())),
            Err(fault) => Err(vec![SendFailure { about: None, fault }]),
        }
    }

    fn send_offsets(&mut self, offsets: &[(Part, Offset, String)], membership: &Membership) -> Result<(), Fault> {
        if let Some(fault) = refusal(offsets, membership) {
            return Err(fault);
        }
        // The instance id is checked too, so that two workers with one id are told apart.
        let instance = match self.settings.protocol {
            GroupProtocol::Classic => Some(self.settings.identity()),
            GroupProtocol::Consumer => None,
        };
        let group = self.settings.group.clone();
        let client = self.outbox()?.producer.client();
        let timeout_ms = SLICE.as_millis() as i32;
        group::send_offsets(client, &group, instance.as_deref(), membership, offsets, timeout_ms)
            .map_err(|r| fault::of_transaction("send offsets", r.code, r.flags, &r.text))
    }

    /// Commits; after a timeout the same call resumes it.
    fn commit(&mut self, _consumer: &Client<Context>) -> Result<(), Fault> {
        let outbox = self.outbox()?;
        let done = outbox.producer.commit_transaction(SLICE);
        outbox.listen(0, &mut Vec::new());
        done.map_err(|e| fault::of_producer("commit", &e))
    }

    /// Aborts, serving the reports of what is still on its way.
    fn abort(&mut self) -> Result<(), Fault> {
        let outbox = self.outbox()?;
        let deadline = Instant::now() + SLICE;
        loop {
            let fault = match outbox.producer.abort_transaction(ABORT_STEP) {
                Ok(()) => return Ok(()),
                Err(e) => fault::of_producer("abort", &e),
            };
            outbox.drain(Instant::now() + ABORT_STEP, &mut Vec::new());
            if fault.kind != FaultKind::Retriable || Instant::now() > deadline {
                return Err(fault);
            }
        }
    }

    /// Forgets the producer, which ends on a thread of its own.
    fn forget(&mut self) {
        if self.open.is_some() {
            drop_within(Transactions { settings: self.settings.clone(), open: self.open.take() }, SLICE);
        }
    }
}

/// Failures of messages, with the transaction's own error in place of those that are its echo.
fn of_cause(mut failures: Vec<SendFailure>, spoiled: impl FnOnce() -> Option<Fault>) -> Vec<SendFailure> {
    if let Some(fault) = spoiled() {
        failures.retain(|failure| failure.about.is_some());
        failures.push(SendFailure { about: None, fault });
    }
    failures
}
