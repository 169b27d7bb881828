//! Partitions that nobody reads: known from what workers tell each other, healed by one rebalance.
//!
//! Kafka leaves such a hole where a static member of a `classic` group dies between being told to give partitions back
//! and joining again, and returns within its session (ARCHITECTURE, "Exactly once"). Any rebalance closes it.

use crate::catalog::board::{Board, Task, TaskState};
use crate::catalog::fleet::Peer;
use crate::config::kafka::GroupProtocol;
use crate::config::usable::Config;
use crate::flow::io::{Ms, Part};
use crate::kafka::admin::Topics;
use crate::kafka::configured;
use crate::worker::task::{Group, Tasks};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An orderly rebalance is over by then: a session ends after 6 s, a flush that stalls gives back within 20 s.
pub const ALONE_MS: Ms = 30_000;
/// Where one rebalance does not help, the next hardly does: those who lack nothing are not disturbed more often.
const AGAIN_MS: Ms = 60_000;
/// Partitions named in a line of the log.
const NAMED_MAX: usize = 10;

/// A group of workers' tasks, its partitions, and who has them, as one worker knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Partitions that one of the group's tasks must have.
    wanted: BTreeSet<Part>,
    /// What each task has that is heard of, by worker and task.
    owned: BTreeMap<(String, String), BTreeSet<Part>>,
    /// This worker has the smallest id of those that are heard: it acts for all, so that it is one rebalance.
    first: bool,
}

impl Sight {
    /// `None`: nothing can be said. A task of this worker does not run, or some worker's partitions are not all told.
    pub fn of(
        worker: &str,
        tasks: &BTreeMap<String, Task>,
        peers: &BTreeMap<String, Peer>,
        wanted: BTreeSet<Part>,
        now: Ms,
    ) -> Option<Sight> {
        let alive: Vec<_> = peers.iter().filter(|(_, peer)| peer.is_alive(now)).collect();
        // Whose own heartbeats do not come back hears nobody's.
        let heard = alive.iter().any(|(id, _)| *id == worker);
        let runs = !tasks.is_empty() && tasks.values().all(|task| task.state == TaskState::Running);
        let told =
            alive.iter().flat_map(|(_, peer)| &peer.beat.tasks).all(|t| t.partitions.len() == t.partitions_total);
        if !(heard && runs && told) {
            return None;
        }
        let mut owned = BTreeMap::new();
        for (id, peer) in &alive {
            for task in &peer.beat.tasks {
                let parts = task.partitions.iter().map(|p| Part::new(&p.topic.as_str().into(), p.partition));
                owned.insert(((*id).clone(), task.id.clone()), parts.filter(|part| wanted.contains(part)).collect());
            }
        }
        let first = alive.first().is_some_and(|(id, _)| *id == worker);
        Some(Sight { wanted, owned, first })
    }

    fn missing(&self) -> BTreeSet<Part> {
        let owned: BTreeSet<&Part> = self.owned.values().flatten().collect();
        self.wanted.iter().filter(|part| !owned.contains(part)).cloned().collect()
    }
}

/// Watches both groups, and has a task join again where that is needed.
pub struct Watch {
    board: Arc<Board>,
    worker: String,
    topics: Topics,
    delta_partitions: i32,
    /// Under `kafka.group.protocol: consumer` the broker closes such a hole when the dead member's session ends.
    heals: bool,
    inspectors: Orphans,
    ledgers: Orphans,
    rejoins: u64,
}

impl Watch {
    pub fn new(config: &Config, board: &Arc<Board>, delta_partitions: i32) -> Watch {
        Watch {
            board: board.clone(),
            worker: config.worker.id.clone(),
            topics: configured::topics(config),
            delta_partitions,
            heals: config.kafka.protocol == GroupProtocol::Classic,
            inspectors: Orphans::default(),
            ledgers: Orphans::default(),
            rejoins: 0,
        }
    }

    /// One look, every few seconds.
    pub fn look(&mut self, tasks: &Tasks, now: Ms) {
        let (of, peers) = (self.board.tasks(), self.board.peers());
        let sight = |wanted| Sight::of(&self.worker, &of, &peers, wanted, now);
        let all = |topic: &str, partitions: i32| {
            let topic: Arc<str> = topic.into();
            (0..partitions).map(move |partition| Part::new(&topic, partition))
        };
        let directory = self.board.directory();
        let governed = directory.topics.iter().filter(|(_, facts)| facts.ungoverned.is_none());
        let governed = governed.flat_map(|(topic, facts)| all(topic, facts.partitions)).collect();
        let deltas = all(&self.topics.deltas(), self.delta_partitions).collect();
        let inspectors = self.inspectors.look(sight(governed), now);
        let ledgers = self.ledgers.look(sight(deltas), now);
        for (group, found) in [(Group::Inspect, &inspectors), (Group::Ledger, &ledgers)] {
            if self.heals && found.rejoin {
                self.rejoins += 1;
                let named: Vec<String> = found.alone.iter().take(NAMED_MAX).map(Part::to_string).collect();
                tracing::warn!(
                    partitions = found.alone.len(),
                    first = named.join(", "),
                    "no task of any worker has had these partitions for {} s, though nothing moved: one task joins its \
                     group again, so that it is balanced anew",
                    ALONE_MS / 1000
                );
                tasks.rejoin(group, self.topics.absent(self.rejoins));
            }
        }
        self.board.set_unowned(inspectors.alone.into_iter().chain(ledgers.alone).collect());
    }
}

/// Watches one group.
#[derive(Debug, Default)]
pub struct Orphans {
    seen: Option<Sight>,
    /// Nothing of what is seen has changed since.
    still_ms: Ms,
    rejoined_ms: Option<Ms>,
}

/// What a look found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Partitions that nobody has had for `ALONE_MS`, while nothing moved.
    pub alone: BTreeSet<Part>,
    /// A task of this worker must join again now.
    pub rejoin: bool,
}

impl Orphans {
    /// `None`: nothing can be said, and time begins anew.
    pub fn look(&mut self, sight: Option<Sight>, now: Ms) -> Found {
        if self.seen != sight {
            (self.seen, self.still_ms) = (sight, now);
        }
        let alone = match &self.seen {
            Some(sight) if now - self.still_ms >= ALONE_MS => sight.missing(),
            _ => BTreeSet::new(),
        };
        let first = self.seen.as_ref().is_some_and(|sight| sight.first);
        let rejoin = first && !alone.is_empty() && self.rejoined_ms.is_none_or(|last| now - last >= AGAIN_MS);
        if rejoin {
            self.rejoined_ms = Some(now);
        }
        Found { alone, rejoin }
    }
}

#[cfg(test)]
mod tests {
    use super::{AGAIN_MS, ALONE_MS, Found, Orphans, Sight};
    use crate::catalog::board::{Board, TaskState};
    use crate::catalog::fleet::{GONE_MS, Heartbeat, PartitionBeat, Peer, TaskBeat};
    use crate::flow::io::{Ms, Part};
    use std::collections::{BTreeMap, BTreeSet};

    const NOW: Ms = 1_764_000_000_000;

    fn parts(numbers: &[i32]) -> BTreeSet<Part> {
        numbers.iter().map(|partition| Part::new(&"orders".into(), *partition)).collect()
    }

    /// A worker with one task that has these partitions.
    fn peer(worker: &str, numbers: &[i32], heard_ms: Ms) -> (String, Peer) {
        let part = |p: &i32| PartitionBeat { topic: "orders".into(), partition: *p, state: "RUNNING".into() };
        let partitions: Vec<_> = numbers.iter().map(part).collect();
        let partitions_total = partitions.len();
        let task = TaskBeat { id: "inspect-0".into(), partitions, partitions_total, ..TaskBeat::default() };
        let beat = Heartbeat { worker: worker.into(), tasks: vec![task], ..Heartbeat::default() };
        (worker.into(), Peer { beat, heard_ms })
    }

    /// Four partitions are wanted; `w1` looks, and its task is in this state.
    fn sight(state: TaskState, peers: &[(String, Peer)], now: Ms) -> Option<Sight> {
        let board = Board::default();
        board.task_state("inspect-0", state, now);
        let peers: BTreeMap<_, _> = peers.iter().cloned().collect();
        Sight::of("w1", &board.tasks(), &peers, parts(&[0, 1, 2, 3]), now)
    }

    fn found(alone: &[i32], rejoin: bool) -> Found {
        Found { alone: parts(alone), rejoin }
    }

    #[test]
    fn what_nobody_has_for_30_s_is_named_and_healed_once_a_minute() {
        let mut orphans = Orphans::default();
        let mut check = |after: Ms, w2: &[i32], expected: Found| {
            let now = NOW + after;
            let sight = sight(TaskState::Running, &[peer("w1", &[0, 1], now), peer("w2", w2, now)], now);
            assert_eq!(orphans.look(sight, now), expected, "{after} ms, w2 has {w2:?}");
        };
        check(0, &[2], found(&[], false));
        check(ALONE_MS - 1, &[2], found(&[], false));
        check(ALONE_MS, &[2], found(&[3], true));
        check(ALONE_MS + 2_000, &[2], found(&[3], false));
        check(ALONE_MS + AGAIN_MS - 1, &[2], found(&[3], false));
        check(ALONE_MS + AGAIN_MS, &[2], found(&[3], true));
        // A rebalance moved something: it may not be over yet.
        check(ALONE_MS + AGAIN_MS + 2_000, &[3], found(&[], false));
        check(ALONE_MS + AGAIN_MS + 4_000, &[2, 3], found(&[], false));
        check(3 * AGAIN_MS, &[2, 3], found(&[], false));
    }

    #[test]
    fn only_the_worker_with_the_smallest_id_acts_and_all_of_them_name() {
        let check = |what: &str, other: &str, heard: Ms, expected: Found| {
            let mut orphans = Orphans::default();
            let mut look = |now| {
                let peers = [peer("w1", &[0, 1], now), peer(other, &[2], heard.min(now))];
                orphans.look(sight(TaskState::Running, &peers, now), now)
            };
            look(NOW);
            assert_eq!(look(NOW + ALONE_MS), expected, "{what}");
        };
        check("a larger id", "w2", Ms::MAX, found(&[3], true));
        check("a smaller id", "w0", Ms::MAX, found(&[3], false));
        check("a smaller id of one that is gone", "w0", NOW - GONE_MS, found(&[2, 3], true));
        check("its partitions are free from when it is taken for gone", "w0", NOW, found(&[], false));
    }

    #[test]
    fn nothing_is_said_of_a_fleet_that_is_not_wholly_heard() {
        let check = |what: &str, state: TaskState, peers: &[(String, Peer)]| {
            assert_eq!(sight(state, peers, NOW), None, "{what}");
        };
        let own = || peer("w1", &[0], NOW);
        check("recovering", TaskState::Recovering, &[own()]);
        check("starting", TaskState::Starting, &[own()]);
        check("its own heartbeat is old", TaskState::Running, &[peer("w1", &[0], NOW - GONE_MS)]);
        check("its own heartbeat was never heard", TaskState::Running, &[peer("w2", &[0], NOW)]);
        let mut long = peer("w2", &[1], NOW);
        long.1.beat.tasks[0].partitions_total = 4_001;
        check("another one has more than fits its heartbeat", TaskState::Running, &[own(), long]);
    }

    #[test]
    fn a_task_that_did_not_run_meanwhile_begins_the_time_anew() {
        let mut orphans = Orphans::default();
        let mut look = |after: Ms, state: TaskState| {
            let now = NOW + after;
            orphans.look(sight(state, &[peer("w1", &[0, 1, 2], now)], now), now)
        };
        look(0, TaskState::Running);
        look(ALONE_MS - 2_000, TaskState::Recovering);
        look(ALONE_MS - 1_000, TaskState::Running);
        assert_eq!(look(ALONE_MS, TaskState::Running), found(&[], false));
        assert_eq!(look(2 * ALONE_MS - 1_000, TaskState::Running), found(&[3], true));
    }
}
