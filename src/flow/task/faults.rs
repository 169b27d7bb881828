//! Errors into recoveries and exits. No error says whether a transaction committed; only `committed` does.

use crate::flow::flush::TRANSACTION_TIMEOUT_MS;
use crate::flow::io::{Exit, Fault, FaultKind, Level, Ms};
use crate::flow::mutation::{Mutation, planted};
use crate::flow::stage::Stage;
use crate::flow::task::{RETRY_MS, Task};

/// `_FENCED` also follows a plain time-out: one is recovered from, a second within a minute is another worker.
const FENCED_TWICE_MS: Ms = 60_000;

impl<S: Stage> Task<S> {
    /// A call outside a flush failed.
    pub(super) fn fault(&mut self, now: Ms, fault: Fault, during: &str) {
        match fault.kind {
            FaultKind::Retriable => self.not_before_ms = now + RETRY_MS,
            FaultKind::Configuration => self.exit(Exit::Configuration(fault.message)),
            FaultKind::InstanceFenced => self.consumer_failed(fault),
            _ => {
                self.note(Level::Warn, format!("{during} failed and is done again: {}", fault.message));
                self.recover(now);
            }
        }
    }

    /// The producer failed outside a transaction that matters.
    pub(super) fn spoiled(&mut self, now: Ms, fault: Fault, during: &str) {
        match fault.kind {
            FaultKind::Fenced => self.fenced(now, 0, fault),
            FaultKind::Retriable if during == "init_transactions" => self.not_before_ms = now + RETRY_MS,
            FaultKind::Configuration => self.exit(Exit::Configuration(fault.message)),
            _ => {
                self.note(Level::Warn, format!("{during} failed, a new producer settles it: {}", fault.message));
                self.drop_producer();
                self.not_before_ms = self.not_before_ms.max(now + RETRY_MS);
            }
        }
    }

    pub(super) fn fenced(&mut self, now: Ms, open_ms: Ms, fault: Fault) {
        let timed_out = open_ms >= TRANSACTION_TIMEOUT_MS;
        let again = self.fenced_ms.is_some_and(|at| now - at < FENCED_TWICE_MS);
        if again && !timed_out && !planted(Mutation::RecoverFromEveryFencing) {
            return self.exit(Exit::Fatal(format!(
                "two workers use one id: another producer took our transactional id twice within a minute. \
                 Give each worker a worker.id of its own ({})",
                fault.message
            )));
        }
        if !timed_out {
            self.fenced_ms = Some(now);
        }
        self.note(Level::Warn, format!("fenced: recovering once ({})", fault.message));
        self.drop_producer();
        self.recover(now);
    }

    pub(super) fn consumer_failed(&mut self, fault: Fault) {
        self.exit(match fault.kind {
            FaultKind::InstanceFenced => Exit::Fatal(format!(
                "two workers use one id: another consumer joined as this one. Give each worker a worker.id of its own ({})",
                fault.message
            )),
            FaultKind::Configuration => Exit::Configuration(fault.message),
            _ => Exit::Fatal(fault.message),
        });
    }
}
