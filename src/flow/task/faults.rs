//! Errors into recoveries and exits. No error says whether a transaction committed; only `committed` does.

use crate::engine::contract::name::ProductName;
use crate::flow::flush::{Flush, TRANSACTION_TIMEOUT_MS};
use crate::flow::io::{Action, Exit, Fault, FaultKind, Level, Ms, Part, Whose};
use crate::flow::mutation::{Mutation, planted};
use crate::flow::opening::{Phase, Why};
use crate::flow::stage::Stage;
use crate::flow::task::rebalance::Rebalance;
use crate::flow::task::{RETRY_MS, Task};

/// `_FENCED` also follows a plain time-out: one is recovered from, a second within a minute is another worker.
const FENCED_TWICE_MS: Ms = 60_000;

/// A static member that joins twice fences itself: while its group's coordinator moves, the client asks the new one before
/// the old one's answer came. So one fencing is answered by a consumer that joins anew. Of two workers with one id the one
/// that stood there is fenced, fences the other in return, and is fenced again when that one has answered it: some 10 s
/// with the client's heartbeats, and a minute on a slow machine. Which ends it, and it alone.
const INSTANCE_FENCED_TWICE_MS: Ms = 60_000;

/// Flushes fail one after the other: since the first of them began, and why the last did.
pub(super) struct Failing {
    pub since_ms: Ms,
    pub why: String,
}

/// How long a product sits out after its output could not be written.
const SIT_OUT_MS: Ms = 10_000;

impl<S: Stage> Task<S> {
    /// A flush failed: it is done again, without those outputs that could not be written.
    pub(super) fn flush_failed(
        &mut self,
        now: Ms,
        flush: &Flush<S::Cut>,
        fault: Fault,
        abort: bool,
        whose: Vec<(Whose, String)>,
    ) {
        self.note(Level::Warn, format!("a flush failed and is done again: {}", fault.message));
        let live = self.parts.live();
        let products = whose.iter().filter_map(|(whose, _)| match whose {
            Whose::Product(product) => Some(product),
            Whose::Quarantine(_) => None,
        });
        let blamed: Vec<_> = products.flat_map(|product| self.stage.parts_of(product, &live)).collect();
        self.failing(flush, if blamed.is_empty() { flush.live() } else { &blamed }, &fault.message);
        for (whose, why) in whose {
            match whose {
                Whose::Product(product) => self.sit_out(now, &product),
                Whose::Quarantine(topic) => {
                    self.stage.refused(now, &topic, &why);
                    self.note(Level::Error, format!("nothing is copied to {topic} for a while: {why}"));
                }
            }
        }
        match fault.kind {
            FaultKind::Configuration => self.exit(Exit::Configuration(fault.message)),
            FaultKind::Fenced => self.fenced(now, flush.open_ms(now), fault),
            _ if abort => {
                self.recover(now);
                self.aborting = true;
            }
            _ => {
                self.drop_producer();
                self.recover(now);
            }
        }
    }

    /// What `waits` tells of these until a flush of theirs commits.
    pub(super) fn failing(&mut self, flush: &Flush<S::Cut>, parts: &[Part], why: &str) {
        for part in parts {
            let of = || Failing { since_ms: flush.started_ms(), why: String::new() };
            why.clone_into(&mut self.failing.entry(part.clone()).or_insert_with(of).why);
        }
    }

    fn sit_out(&mut self, now: Ms, product: &ProductName) {
        let live = self.parts.live();
        for part in self.stage.parts_of(product, &live) {
            let position = self.stage.position(&part);
            self.out.push(Action::Hold(vec![part.clone()]));
            let (until, why) = (now + SIT_OUT_MS, Why::Output(product.clone()));
            self.parts.phases.insert(part, Phase::SittingOut { until, position, why });
        }
        let text = format!("{product} sits out {} s: its output cannot be written", SIT_OUT_MS / 1000);
        self.note(Level::Error, text);
    }

    /// A call outside a flush failed.
    pub(super) fn fault(&mut self, now: Ms, fault: Fault, during: &str) {
        match fault.kind {
            FaultKind::Retriable => self.not_before_ms = now + RETRY_MS,
            FaultKind::Configuration => self.exit(Exit::Configuration(fault.message)),
            FaultKind::InstanceFenced => self.consumer_failed(now, fault),
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

    pub(super) fn consumer_failed(&mut self, now: Ms, fault: Fault) {
        match fault.kind {
            FaultKind::InstanceFenced => self.instance_fenced(now, fault),
            FaultKind::Configuration => self.exit(Exit::Configuration(fault.message)),
            _ => self.exit(Exit::Fatal(fault.message)),
        }
    }

    fn instance_fenced(&mut self, now: Ms, fault: Fault) {
        if self.leaves_consumer() {
            return;
        }
        let again = self.instance_fenced_ms.is_some_and(|at| now - at < INSTANCE_FENCED_TWICE_MS);
        if again && !planted(Mutation::RecoverFromEveryFencing) {
            return self.exit(Exit::Fatal(format!(
                "two workers use one id: another consumer joined as this one twice within a minute. \
                 Give each worker a worker.id of its own ({})",
                fault.message
            )));
        }
        self.instance_fenced_ms = Some(now);
        self.note(Level::Warn, format!("another consumer joined as this one: joining again once ({})", fault.message));
        self.group_wants.clear();
        self.group_wants.push_back(Rebalance::Fenced);
    }
}
