//! Partitions move to a second worker and back while records wait in the queues, and every record is counted once.

use crate::driver::place::{broker, create, produce, settings, wait};
use crate::driver::puppet::{Quiet, busy};
use mesh_steward::flow::io::{Action, Answer, Call, Committed, Exit, Input, Machine, Ms, Part};
use mesh_steward::kafka::client::GroupProtocol;
use mesh_steward::kafka::driver::{self, Command};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// What a record costs, so that both are slower than what is written, and thousands wait at each rebalance.
const COST: Duration = Duration::from_micros(30);

#[test]
fn partitions_move_and_come_back_with_records_in_the_queues_and_none_is_lost() {
    let (address, name) = broker("rebalance");
    for protocol in [GroupProtocol::Classic, GroupProtocol::Consumer] {
        let topic = format!("{name}.{protocol:?}");
        create(&address, &topic, 6);
        let run = |worker: &str| {
            let mut settings = settings(&address, &topic, worker);
            settings.protocol = protocol;
            let counted = Arc::new(Mutex::new(Vec::new()));
            let counter = Counter {
                positions: BTreeMap::new(),
                fresh: Vec::new(),
                flushing: false,
                revoking: None,
                ready: false,
                since: 0,
                stopping: false,
                out: "cut".into(),
                counted: counted.clone(),
            };
            let (commands, orders) = mpsc::channel();
            let thread = thread::spawn(move || driver::run(counter, settings, orders, Quiet));
            commands.send(Command::Subscribe(vec![topic.clone()])).unwrap();
            (commands, thread, counted)
        };
        let stop = |(commands, thread, counted): (mpsc::Sender<_>, thread::JoinHandle<()>, Counted)| {
            commands.send(Command::Stop).unwrap();
            thread.join().unwrap();
            counted
        };
        let first = run("w1");
        produce(&address, &topic, 6, 0..60_000);
        let second = run("w2");
        let records =
            |who: &Counted| who.lock().unwrap().iter().filter(|(p, _)| p.partition >= 0).cloned().collect::<Vec<_>>();
        let begun = Instant::now();
        let mut all = 60_000;
        // Until it has some, and a second longer.
        let mut had = None;
        while had.is_none_or(|had: Instant| had.elapsed() < Duration::from_secs(1)) {
            assert!(begun.elapsed() < Duration::from_secs(40), "{protocol:?}: the second worker has nothing to do");
            produce(&address, &topic, 6, all..all + 1_000);
            all += 1_000;
            wait(Duration::from_millis(50));
            had = had.or((!records(&second.2).is_empty()).then(Instant::now));
        }
        // It leaves, or its session ends, and the first one goes on with all of them.
        let second = stop(second);
        let all = all as usize;
        let deadline = Instant::now() + Duration::from_secs(60);
        while records(&first.2).len() + records(&second).len() < all && Instant::now() < deadline {
            wait(Duration::from_millis(100));
        }
        wait(Duration::from_millis(500));
        let (a, b) = (records(&stop(first)), records(&second));
        println!("{protocol:?}: {} and {}", a.len(), b.len());
        let distinct: BTreeSet<_> = a.iter().chain(&b).collect();
        let reached = |p: i32| distinct.iter().filter(|(part, _)| part.partition == p).map(|(_, o)| o + 1).max();
        let reached: Vec<_> = (0..6).map(reached).collect();
        assert_eq!(distinct.len(), all, "{protocol:?}: records lost, or not read in time: {reached:?}");
        assert_eq!(a.len() + b.len(), all, "{protocol:?}: records counted twice");
        assert!(!a.is_empty() && !b.is_empty(), "{protocol:?}: one worker did it all");
    }
}

/// Partitions and offsets that were committed; a partition below 0 marks a cut.
type Counted = Arc<Mutex<Vec<(Part, i64)>>>;

/// A small task of its own: reads, and every 200 ms commits its positions in a transaction. What it read counts
/// only when it is committed.
struct Counter {
    positions: BTreeMap<Part, i64>,
    /// Read since the last commit.
    fresh: Vec<(Part, i64)>,
    flushing: bool,
    revoking: Option<Vec<Part>>,
    ready: bool,
    since: Ms,
    /// A commit that is under way is counted first.
    stopping: bool,
    out: Arc<str>,
    counted: Counted,
}

impl Counter {
    fn flush(&mut self, now: Ms) -> Vec<Action> {
        if self.flushing {
            // What is revoked meanwhile is given back when the flush has ended.
            return vec![];
        }
        if !self.ready || self.positions.values().all(|position| *position < 0) {
            return self.give_back();
        }
        (self.flushing, self.since) = (true, now);
        vec![Action::Call(Call::Begin)]
    }

    fn give_back(&mut self) -> Vec<Action> {
        match self.revoking.take() {
            Some(parts) => {
                self.positions.retain(|p, _| !parts.contains(p));
                self.fresh.retain(|(p, _)| !parts.contains(p));
                vec![Action::Unassign(parts)]
            }
            None => vec![],
        }
    }

    /// Forget what is not committed and read it again.
    fn recover(&mut self) -> Vec<Action> {
        self.flushing = false;
        self.fresh.clear();
        let mut actions = self.give_back();
        // Held until it is known where they go on; asked again where that fails.
        let mine: Vec<Part> = self.positions.keys().cloned().collect();
        self.positions.values_mut().for_each(|position| *position = -1);
        actions.push(Action::Hold(mine.clone()));
        actions.push(Action::Call(Call::Committed(mine)));
        actions
    }
}

impl Machine for Counter {
    fn on(&mut self, now: Ms, input: Input<'_>) -> Vec<Action> {
        match input {
            Input::Assigned(parts) if parts.is_empty() => vec![Action::Unassign(parts)],
            Input::Assigned(parts) => {
                let ask = if self.ready { Call::Committed(parts.clone()) } else { Call::InitProducer };
                let mut actions = vec![Action::Assign(parts.clone())];
                if self.ready && !self.flushing {
                    actions.push(Action::Call(ask));
                } else if !self.ready {
                    self.fresh.clear();
                    for part in parts {
                        self.positions.insert(part, -1);
                    }
                    actions.push(Action::Call(ask));
                } else {
                    for part in parts {
                        self.positions.insert(part, -1);
                    }
                }
                actions
            }
            Input::Revoking(parts) => {
                self.revoking = Some(parts);
                self.flush(now)
            }
            Input::Lost(parts) => {
                self.positions.retain(|p, _| !parts.contains(p));
                self.fresh.retain(|(p, _)| !parts.contains(p));
                vec![Action::Unassign(parts)]
            }
            Input::Records { part, records } => {
                let Some(position) = self.positions.get_mut(&part) else { return vec![] };
                for record in records {
                    assert!(record.offset >= *position, "{part}: {} after {position}", record.offset);
                    *position = record.offset + 1;
                    self.fresh.push((part.clone(), record.offset));
                    busy(COST);
                }
                vec![]
            }
            Input::Answer(answer) => match answer {
                Answer::InitProducer(Ok(())) => {
                    self.ready = true;
                    let mine = self.positions.keys().cloned().collect();
                    vec![Action::Call(Call::Committed(mine))]
                }
                Answer::InitProducer(Err(_)) => vec![Action::Call(Call::InitProducer)],
                Answer::Committed(Ok(found)) => {
                    let start = |(part, committed): (Part, Option<Committed>)| {
                        let offset = committed.map_or(0, |c| c.offset);
                        self.positions.insert(part.clone(), offset);
                        Action::Start { part, offset }
                    };
                    found.into_iter().map(start).collect()
                }
                Answer::Committed(Err(_)) => self.recover(),
                Answer::Begin(Ok(membership)) => {
                    let live = self.positions.iter().filter(|(_, o)| **o >= 0);
                    let offsets: Vec<_> = live.map(|(p, o)| (p.clone(), *o, String::new())).collect();
                    // The cut: what is read from here on belongs to the next flush.
                    self.counted.lock().unwrap().push((Part::new(&self.out, -1), self.fresh.len() as i64));
                    vec![Action::Call(Call::SendOffsets { offsets, membership })]
                }
                Answer::SendOffsets(Ok(())) => vec![Action::Call(Call::Commit)],
                Answer::Commit(Ok(())) => {
                    self.flushing = false;
                    let mut counted = self.counted.lock().unwrap();
                    let at = counted.iter().rposition(|(p, _)| p.partition == -1).unwrap();
                    let cut = counted.remove(at).1 as usize;
                    counted.extend(self.fresh.drain(..cut));
                    drop(counted);
                    if self.stopping {
                        return vec![Action::Exit(Exit::Stopped)];
                    }
                    let mut actions = self.give_back();
                    let unread: Vec<Part> =
                        self.positions.iter().filter(|(_, o)| **o < 0).map(|(p, _)| p.clone()).collect();
                    if !unread.is_empty() {
                        actions.push(Action::Call(Call::Committed(unread)));
                    }
                    actions
                }
                Answer::Begin(Err(_)) | Answer::SendOffsets(Err(_)) | Answer::Commit(Err(_)) => {
                    let mut counted = self.counted.lock().unwrap();
                    if let Some(at) = counted.iter().rposition(|(p, _)| p.partition == -1) {
                        counted.remove(at);
                    }
                    vec![Action::Call(Call::Abort)]
                }
                Answer::Abort(_) if self.stopping => vec![Action::Exit(Exit::Stopped)],
                Answer::Abort(_) => self.recover(),
                _ => vec![],
            },
            Input::Tick if now - self.since > 200 && !self.fresh.is_empty() => self.flush(now),
            Input::Stop if self.flushing => {
                self.stopping = true;
                vec![]
            }
            Input::Stop => vec![Action::Exit(Exit::Stopped)],
            _ => vec![],
        }
    }
}
