//! What lanes and batches must not do: let a flood stand before a trickle, or skip a record where a partition had ended.

use crate::driver::place::{LONG, broker, create, produce, produce_wide, settings, wait};
use crate::driver::puppet::{Quiet, Seen, Task, busy};
use mesh_steward::clock::now_ms;
use mesh_steward::flow::io::{Action, Exit, Input, Machine, Ms, Part};
use mesh_steward::kafka::driver::{self, Command};
use mesh_steward::kafka::lanes::LANES;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// What a partition keeps in a rebalance is paused and goes on at the client's own position, which an end that was taken
/// in a batch has moved one too far.
#[test]
fn a_rebalance_skips_no_record_of_a_partition_that_had_come_to_its_end() {
    let (address, name) = broker("ended");
    create(&address, &name, 2);
    produce(&address, &name, 2, 0..20);
    let first = Task::new(settings(&address, &name, "w1"), &[&name]);
    let mut ends = 0;
    first.assigned().iter().for_each(|part| first.start(part, 0));
    first.until("both ends", |seen| {
        ends += usize::from(matches!(seen, Seen::Eof(_, 10)));
        (ends == 2).then_some(())
    });
    let second = Task::new(settings(&address, &name, "w2"), &[&name]);
    let leaving = first.until("a rebalance", |seen| match seen {
        Seen::Revoking(parts) => Some(parts),
        Seen::Assigned(_) => {
            first.act(vec![Action::Unassign(vec![])]);
            None
        }
        _ => None,
    });
    // It stands still until the partition is given back, and this comes meanwhile.
    produce(&address, &name, 2, 20..24);
    first.act(vec![Action::Unassign(leaving.clone())]);
    let mut next = 10;
    first.until("the records after the end", |seen| {
        match seen {
            Seen::Record(part, offset, _) => {
                assert!(!leaving.contains(&part), "{part} was given back");
                assert_eq!(offset, next, "{part}");
                next += 1;
            }
            Seen::Assigned(_) => first.act(vec![Action::Unassign(vec![])]),
            _ => {}
        }
        (next == 12).then_some(())
    });
    drop(second);
}

/// More flooded partitions than there are lanes, so that the trickle has none of its own.
const FLOODED: i32 = LANES as i32 * 2;
const FLOOD: i64 = 300_000;
/// What a record costs: profiles of wide records take so long.
const COST: Duration = Duration::from_micros(10);

#[test]
fn a_flood_of_one_topic_keeps_another_ones_records_waiting_for_less_than_five_seconds() {
    let (address, name) = broker("flood");
    let (flooded, trickling) = (format!("{name}.flooded"), format!("{name}.trickling"));
    create(&address, &flooded, FLOODED);
    create(&address, &trickling, 1);
    produce_wide(&address, &flooded, FLOODED, 0..FLOOD);
    let reader = Reader {
        trickling: trickling.as_str().into(),
        flood: Arc::new(AtomicUsize::new(0)),
        waits_ms: Arc::new(Mutex::new(Vec::new())),
    };
    let (read, waits_ms) = (reader.flood.clone(), reader.waits_ms.clone());
    let (commands, orders) = mpsc::channel();
    let settings = settings(&address, &name, "w1");
    let thread = thread::spawn(move || driver::run(reader, settings, orders, Quiet));
    commands.send(Command::Subscribe(vec![flooded, trickling.clone()])).unwrap();
    let begun = Instant::now();
    let mut written = 0;
    while read.load(Ordering::Relaxed) < FLOOD as usize {
        assert!(begun.elapsed() < LONG * 3, "{} of {FLOOD} were read", read.load(Ordering::Relaxed));
        if read.load(Ordering::Relaxed) > 0 {
            produce(&address, &trickling, 1, written..written + 1);
            written += 1;
        }
        wait(Duration::from_millis(20));
    }
    commands.send(Command::Stop).unwrap();
    thread.join().unwrap();
    let mut waits_ms = waits_ms.lock().unwrap().clone();
    waits_ms.sort_unstable();
    let of = |part: usize| waits_ms[waits_ms.len() * part / 100];
    println!("{} of {written} in {:?}: median {} ms, p99 {} ms", waits_ms.len(), begun.elapsed(), of(50), of(99));
    assert!(waits_ms.len() > 20, "the flood was over too soon to say anything");
    assert!(of(99) < 5_000, "p99 {} ms", of(99));
}

/// Reads all that it is given from the start, and takes its time over each record.
struct Reader {
    trickling: Arc<str>,
    /// Records of the flood that were read.
    flood: Arc<AtomicUsize>,
    /// How long each record of the trickle waited, from its timestamp.
    waits_ms: Arc<Mutex<Vec<Ms>>>,
}

impl Machine for Reader {
    fn on(&mut self, _: Ms, input: Input<'_>) -> Vec<Action> {
        match input {
            Input::Assigned(parts) if parts.is_empty() => vec![Action::Unassign(parts)],
            Input::Assigned(parts) => {
                let start = |part: &Part| Action::Start { part: part.clone(), offset: 0 };
                let starts: Vec<Action> = parts.iter().map(start).collect();
                [vec![Action::Assign(parts)], starts].concat()
            }
            Input::Revoking(parts) | Input::Lost(parts) => vec![Action::Unassign(parts)],
            Input::Records { part, records } => {
                for record in records {
                    if part.topic == self.trickling {
                        self.waits_ms.lock().unwrap().push(now_ms() - record.timestamp_ms);
                    } else {
                        self.flood.fetch_add(1, Ordering::Relaxed);
                    }
                    busy(COST);
                }
                vec![]
            }
            Input::Stop => vec![Action::Exit(Exit::Stopped)],
            _ => vec![],
        }
    }
}
