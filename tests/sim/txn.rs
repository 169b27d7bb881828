//! The transaction coordinator, version 1 of the protocol: what librdkafka 2.12 speaks.

use crate::sim::log::{Pid, Refusal};
use mesh_steward::engine::record::TopicId;
use mesh_steward::flow::io::Ms;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a transaction writes to, and so where a marker goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Log(Arc<str>, TopicId, i32),
    /// The group's partition of `__consumer_offsets`.
    Offsets(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Empty,
    Ongoing,
    PrepareCommit,
    PrepareAbort,
    CompleteCommit,
    CompleteAbort,
}

#[derive(Clone, Debug)]
pub struct Transaction {
    pub pid: Pid,
    pub epoch: i32,
    pub state: State,
    pub places: BTreeSet<Place>,
    started_ms: Ms,
    timeout_ms: Ms,
}

/// A marker still to be written, each a step of its own: a commit is not atomic in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    pub id: String,
    pub pid: Pid,
    pub epoch: i32,
    pub place: Place,
    pub commit: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Coordinator {
    pub by_id: BTreeMap<String, Transaction>,
    pids: Pid,
    /// Markers that the world has not taken yet.
    pub unwritten: Vec<Marker>,
}

impl Coordinator {
    pub fn init(&mut self, id: &str, timeout_ms: Ms) -> Result<(Pid, i32), Refusal> {
        let Some(txn) = self.by_id.get_mut(id) else {
            self.pids += 1;
            let txn = Transaction {
                pid: self.pids,
                epoch: 0,
                state: State::Empty,
                places: BTreeSet::new(),
                started_ms: 0,
                timeout_ms,
            };
            self.by_id.insert(id.to_owned(), txn);
            return Ok((self.pids, 0));
        };
        match txn.state {
            State::Empty | State::CompleteCommit | State::CompleteAbort => {
                txn.epoch += 1;
                txn.state = State::Empty;
                txn.timeout_ms = timeout_ms;
                Ok((txn.pid, txn.epoch))
            }
            State::Ongoing => {
                txn.epoch += 1;
                self.decide(id, false);
                Err(Refusal::ConcurrentTransactions)
            }
            State::PrepareCommit | State::PrepareAbort => Err(Refusal::ConcurrentTransactions),
        }
    }

    /// AddPartitionsToTxn and AddOffsetsToTxn.
    pub fn add(&mut self, now: Ms, id: &str, pid: Pid, epoch: i32, places: &[Place]) -> Result<(), Refusal> {
        let txn = self.known(id, pid, epoch)?;
        match txn.state {
            State::PrepareCommit | State::PrepareAbort => Err(Refusal::ConcurrentTransactions),
            State::Ongoing => {
                txn.places.extend(places.iter().cloned());
                Ok(())
            }
            State::Empty | State::CompleteCommit | State::CompleteAbort => {
                txn.state = State::Ongoing;
                txn.started_ms = now;
                txn.places = places.iter().cloned().collect();
                Ok(())
            }
        }
    }

    /// Whether this transaction may write to `place` now (KIP-890 part 1).
    pub fn verify(&mut self, id: &str, pid: Pid, epoch: i32, place: &Place) -> Result<(), Refusal> {
        let txn = self.known(id, pid, epoch)?;
        match txn.state {
            State::Ongoing if txn.places.contains(place) => Ok(()),
            State::PrepareCommit | State::PrepareAbort => Err(Refusal::ConcurrentTransactions),
            _ => Err(Refusal::InvalidTxnState),
        }
    }

    pub fn end(&mut self, id: &str, pid: Pid, epoch: i32, commit: bool) -> Result<(), Refusal> {
        let state = self.known(id, pid, epoch)?.state;
        match (state, commit) {
            (State::Ongoing, _) => {
                self.decide(id, commit);
                Ok(())
            }
            (State::PrepareCommit, true) | (State::PrepareAbort, false) => Err(Refusal::ConcurrentTransactions),
            (State::CompleteCommit, true) | (State::CompleteAbort, false) => Ok(()),
            _ => Err(Refusal::InvalidTxnState),
        }
    }

    /// Fences and aborts what is open for too long.
    pub fn expire(&mut self, now: Ms) {
        let late = |t: &Transaction| t.state == State::Ongoing && now - t.started_ms > t.timeout_ms;
        let ids: Vec<String> = self.by_id.iter().filter(|(_, t)| late(t)).map(|(id, _)| id.clone()).collect();
        for id in ids {
            if let Some(txn) = self.by_id.get_mut(&id) {
                txn.epoch += 1;
            }
            self.decide(&id, false);
        }
    }

    /// One more partition has its marker.
    pub fn marked(&mut self, marker: &Marker) {
        let Some(txn) = self.by_id.get_mut(&marker.id) else { return };
        txn.places.remove(&marker.place);
        self.complete(&marker.id);
    }

    /// Whether a decided transaction is still being marked, or one is open.
    pub fn busy(&self, among: impl Fn(State) -> bool) -> bool {
        self.by_id.values().any(|t| among(t.state))
    }

    fn decide(&mut self, id: &str, commit: bool) {
        let Some(txn) = self.by_id.get_mut(id) else { return };
        txn.state = if commit { State::PrepareCommit } else { State::PrepareAbort };
        let marker =
            |place: &Place| Marker { id: id.to_owned(), pid: txn.pid, epoch: txn.epoch, place: place.clone(), commit };
        self.unwritten.extend(txn.places.iter().map(marker));
        self.complete(id);
    }

    fn complete(&mut self, id: &str) {
        if let Some(txn) = self.by_id.get_mut(id)
            && txn.places.is_empty()
        {
            match txn.state {
                State::PrepareCommit => txn.state = State::CompleteCommit,
                State::PrepareAbort => txn.state = State::CompleteAbort,
                _ => {}
            }
        }
    }

    fn known(&mut self, id: &str, pid: Pid, epoch: i32) -> Result<&mut Transaction, Refusal> {
        let txn = self.by_id.get_mut(id).filter(|t| t.pid == pid).ok_or(Refusal::InvalidProducerIdMapping)?;
        if txn.epoch == epoch { Ok(txn) } else { Err(Refusal::InvalidProducerEpoch) }
    }
}

mod behaviour {
    use super::*;

    fn open(c: &mut Coordinator) -> (Pid, i32) {
        let (pid, epoch) = c.init("t", 10_000).unwrap();
        c.add(0, "t", pid, epoch, &[Place::Offsets("g".into())]).unwrap();
        (pid, epoch)
    }

    #[test]
    fn init_returns_only_when_the_predecessor_is_decided_and_marked() {
        let mut c = Coordinator::default();
        let (pid, epoch) = open(&mut c);
        assert_eq!(c.init("t", 10_000), Err(Refusal::ConcurrentTransactions));
        assert_eq!(c.end("t", pid, epoch, true), Err(Refusal::InvalidProducerEpoch), "fenced");
        let marker = c.unwritten.pop().unwrap();
        assert!(!marker.commit);
        assert_eq!(c.init("t", 10_000), Err(Refusal::ConcurrentTransactions));
        c.marked(&marker);
        assert_eq!(c.init("t", 10_000), Ok((pid, epoch + 2)));
    }

    #[test]
    fn a_commit_may_be_repeated_and_an_abort_after_it_may_not() {
        let mut c = Coordinator::default();
        let (pid, epoch) = open(&mut c);
        c.end("t", pid, epoch, true).unwrap();
        assert_eq!(c.end("t", pid, epoch, true), Err(Refusal::ConcurrentTransactions));
        let marker = c.unwritten.pop().unwrap();
        c.marked(&marker);
        assert_eq!(c.end("t", pid, epoch, true), Ok(()));
        assert_eq!(c.end("t", pid, epoch, false), Err(Refusal::InvalidTxnState));
    }

    #[test]
    fn a_transaction_that_is_open_for_too_long_is_fenced() {
        let mut c = Coordinator::default();
        let (pid, epoch) = open(&mut c);
        c.expire(10_000);
        assert!(c.unwritten.is_empty());
        c.expire(10_001);
        assert_eq!(c.unwritten.len(), 1);
        assert_eq!(c.end("t", pid, epoch, true), Err(Refusal::InvalidProducerEpoch));
    }
}
