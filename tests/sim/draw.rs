//! What a seed draws: its cluster, its data, its faults. The weights see to it that every planted bug has its moments.

use crate::sim::choice::Tape;
use crate::sim::shape::{LAGS, Op, Protocol, Shape, Trigger, WINDOW_MS, contracts};
use mesh_steward::flow::io::Ms;
use std::sync::Arc;

/// Where a fault hurts most.
const MOMENTS: [&str; 6] = ["EndTxn commit", "TxnOffsetCommit", "Produce", "InitPid", "OffsetFetch", "ReadLog"];

impl Shape {
    pub fn draw(tape: &mut Tape) -> Shape {
        let protocol = [Protocol::Static, Protocol::Dynamic, Protocol::Incremental][tape.pick(&[3, 2, 2])];
        let workers = 1 + tape.pick(&[2, 3, 1]);
        let topics: Vec<(Arc<str>, i32)> =
            (0..1 + tape.pick(&[3, 2, 1])).map(|i| (Arc::from(format!("t{i}")), 1 + tape.below(3) as i32)).collect();
        let mut products: Vec<Vec<&str>> = topics.iter().map(|(t, _)| vec![&**t]).collect();
        if tape.pick(&[3, 1]) == 1 {
            // One product reads all topics, so that each topic is read by two.
            products.push(topics.iter().map(|(t, _)| &**t).collect());
        }
        let lists: Vec<&[&str]> = products.iter().map(Vec::as_slice).collect();
        let mut shape = Shape {
            protocol,
            strict_epochs: tape.pick(&[3, 1]) == 1,
            workers,
            inspectors: 1 + tape.pick(&[3, 1]),
            contracts: contracts(&lists),
            delta_partitions: 1 + tape.below(2) as i32,
            small_messages: tape.pick(&[5, 1]) == 1,
            real: tape.pick(&[99, 1]) == 1,
            wire_faults: tape.pick(&[1, 2]) == 1,
            transactions: tape.pick(&[2, 1]) == 1,
            records: 10 + tape.below(40),
            schemas: [0, 1, 5][tape.pick(&[4, 1, 1])],
            lags: LAGS,
            plan: Vec::new(),
            triggers: Vec::new(),
            data_ms: 15_000 + i64::from(tape.below(20_000)),
            topics,
        };
        if tape.pick(&[16, 1]) == 1 {
            shape.draw_rewind(tape);
            return shape;
        }
        let faults = tape.below(7);
        for _ in 0..faults {
            shape.draw_fault(tape);
        }
        shape.plan.sort_by_key(|(at, _)| *at);
        shape
    }

    /// An operator sets offsets back while nobody runs; what is read again is in a window that is open, and all crash
    /// once more. Only when all is told and no more comes: what is read again together with something new is an
    /// overlap, and told as one.
    fn draw_rewind(&mut self, tape: &mut Tape) {
        // The last window is 3 s old when data ends, and closes 9 s later.
        self.data_ms = self.data_ms / WINDOW_MS * WINDOW_MS + 3_000;
        // Nothing holds records back.
        (self.wire_faults, self.transactions, self.schemas) = (false, false, 0);
        let at = self.data_ms + 4_000;
        let down = |at: Ms, w: usize| [(at, Op::Crash(w)), (at + 300, Op::Start(w))];
        self.plan.push((self.data_ms - 200, Op::Fill { topic: 0, times: 1 + tape.below(3) }));
        self.plan.push((at + 1, Op::Rewind(1 + i64::from(tape.below(8)))));
        self.plan.extend((0..self.workers).flat_map(|w| down(at, w)));
        self.plan.extend((0..self.workers).flat_map(|w| down(at + 4_000, w)));
        self.plan.sort_by_key(|(at, _)| *at);
    }

    fn draw_fault(&mut self, tape: &mut Tape) {
        let at = 1_000 + i64::from(tape.below(self.data_ms as u32 + 3_000));
        let worker = tape.below(self.workers as u32) as usize;
        let topic = tape.below(self.topics.len() as u32) as usize;
        let partition = tape.below(self.topics[topic].1 as u32) as i32;
        let product = tape.below(self.contracts.products.len() as u32) as usize;
        // Short ones end before sessions and transactions do; long ones after both.
        let lasts = [300, 3_000, 8_000, 14_000, 25_000][tape.pick(&[3, 3, 2, 2, 1])] + i64::from(tape.below(1_000));
        let kind = tape.pick(&[6, 5, 5, 3, 3, 3, 2, 1, 2, 2, 1, 1, 2, 1, 2, 2, 2, 2, 2, 4]);
        let mut add = |after: Ms, op: Op| self.plan.push((at + after, op));
        match kind {
            0 => self.draw_moment(tape, worker, lasts),
            1 => {
                add(0, Op::Crash(worker));
                add(lasts, Op::Start(worker));
            }
            2 => {
                add(0, Op::Pause(worker));
                add(lasts, Op::Resume(worker));
            }
            3 => {
                add(0, Op::CutRequests(worker));
                add(lasts, Op::Heal(worker));
            }
            4 => {
                add(0, Op::CutAnswers(worker));
                add(lasts, Op::Heal(worker));
            }
            5 => {
                add(0, Op::Stop(worker));
                add(lasts.max(1_000), Op::Start(worker));
            }
            6 => {
                add(0, Op::Delete(topic));
                // At once, or so late that the groups hear of it.
                let after = [20, 4_000][tape.pick(&[2, 1])];
                add(after, Op::Create(topic));
                add(after + 100, Op::Fill { topic, times: 1 + tape.below(8) });
            }
            7 => add(0, Op::Grow(topic)),
            8 => add(0, Op::DeleteRecords { topic, partition, half: tape.pick(&[1, 1]) == 1 }),
            9 => {
                for worker in 0..self.workers {
                    add(i64::from(tape.below(3_000)), Op::Contract { product, worker });
                }
            }
            10 => {
                add(0, Op::Deny(product));
                add(lasts, Op::Allow(product));
            }
            11 => add(0, Op::CompactState),
            12 => {
                let commit = tape.pick(&[1, 1]) == 1;
                add(0, Op::OpenTransaction { topic, partition, lasts_ms: lasts, commit });
            }
            13 => {
                for w in 0..self.workers {
                    add(0, Op::Crash(w));
                    add(lasts.max(7_000), Op::Start(w));
                }
                add(1, Op::ForgetOffsets);
            }
            14 => self.draw_hidden_state(tape, worker),
            15 => {
                add(0, Op::Govern { topic, paused: true });
                add(lasts, Op::Govern { topic, paused: false });
            }
            16 => {
                add(0, Op::Twin(worker));
                // Of two static members the group fences one at once; without, only the transactional id tells.
                if tape.pick(&[1, 2]) == 1 && self.protocol == Protocol::Static {
                    self.protocol = Protocol::Dynamic;
                }
            }
            17 => self.draw_doubt(tape, worker),
            18 => {
                self.protocol = Protocol::Static;
                add(0, Op::JoinTwice(worker));
            }
            _ => self.draw_held_offsets(tape, worker),
        }
    }

    /// Something breaks just when a request is sent, or was applied.
    fn draw_moment(&mut self, tape: &mut Tape, worker: usize, lasts: Ms) {
        let request = MOMENTS[tape.pick(&[5, 4, 2, 2, 1, 1])];
        let (hurts, heals) = match tape.pick(&[2, 2, 1, 2]) {
            0 => (Op::Crash(worker), Op::Start(worker)),
            1 => (Op::Pause(worker), Op::Resume(worker)),
            2 => (Op::CutRequests(worker), Op::Heal(worker)),
            _ => (Op::CutAnswers(worker), Op::Heal(worker)),
        };
        let (applied, skip) = (tape.pick(&[1, 1]) == 1, tape.below(16));
        self.triggers.push(Trigger { request, worker, applied, skip, then: vec![(0, hurts), (lasts, heals)] });
    }

    /// A zombie's state hides its successor's, which dies after its first commit and restores below it: all this before
    /// the zombie's transaction is timed out.
    fn draw_hidden_state(&mut self, tape: &mut Tape, worker: usize) {
        // Only a static member is back before a session ends.
        self.protocol = Protocol::Static;
        self.workers = self.workers.max(2);
        let other = (worker + 1) % self.workers;
        let dies = 20 + i64::from(tape.below(200));
        let successor = Trigger {
            request: "Produce _steward.state",
            worker: other,
            applied: true,
            skip: tape.below(2),
            then: vec![(dies, Op::Crash(other)), (dies + 200, Op::Start(other))],
        };
        let zombie = vec![(0, Op::Pause(worker)), (0, Op::Await(Box::new(successor))), (25_000, Op::Resume(worker))];
        let skip = tape.below(8);
        self.triggers.push(Trigger { request: "Produce _steward.state", worker, applied: true, skip, then: zombie });
    }

    /// A commit that never arrives, and whose caller gives up before the broker does.
    fn draw_doubt(&mut self, tape: &mut Tape, worker: usize) {
        let lasts = 6_000 + i64::from(tape.below(8_000));
        let then = vec![(0, Op::CutRequests(worker)), (lasts, Op::Heal(worker))];
        let skip = tape.below(16);
        self.triggers.push(Trigger { request: "EndTxn commit", worker, applied: false, skip, then });
    }

    /// A worker stands still with offsets in its transaction, so long that others take over, and then commits them:
    /// later than a session of the classic protocol, sooner than the transaction's time-out.
    fn draw_held_offsets(&mut self, tape: &mut Tape, worker: usize) {
        if self.protocol == Protocol::Incremental {
            self.protocol = Protocol::Dynamic;
        }
        self.workers = self.workers.max(2);
        let lasts = 7_500 + i64::from(tape.below(2_400));
        let then = vec![(0, Op::Pause(worker)), (lasts, Op::Resume(worker))];
        let skip = tape.below(12);
        let held = |request, skip, then| Trigger { request, worker, applied: true, skip, then };
        if tape.pick(&[1, 2]) == 0 {
            self.triggers.push(held("TxnOffsetCommit", skip, then));
            return;
        }
        // A ledger that stood still before has much to tell in its next transaction.
        let request = "TxnOffsetCommit [_steward.deltas";
        let again = Op::Await(Box::new(held(request, 0, then)));
        let pause = vec![(0, Op::Pause(worker)), (3_900, again), (4_000, Op::Resume(worker))];
        self.triggers.push(held(request, skip, pause));
    }
}
