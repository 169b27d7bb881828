//! Reading: from where, until when, and not while held.

use crate::driver::place::{LONG, admin, broker, config, create, delete, produce, settings, wait};
use crate::driver::puppet::{Seen, Task, ok};
use mesh_steward::flow::io::{Action, Answer, Call, Ends, Part};
use mesh_steward::kafka::client::GroupProtocol;
use rdkafka::admin::AdminOptions;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn a_partition_is_read_exactly_from_its_start_and_not_before() {
    let (address, name) = broker("start");
    create(&address, &name, 1);
    produce(&address, &name, 1, 0..5_000);
    for protocol in [GroupProtocol::Classic, GroupProtocol::Consumer] {
        let mut settings = settings(&address, &format!("{name}.{protocol:?}"), "w1");
        settings.protocol = protocol;
        let task = Task::new(settings, &[&name]);
        let part = task.assigned().remove(0);
        wait(Duration::from_millis(700));
        let early: Vec<Seen> = task.seen.try_iter().filter(|s| *s != Seen::Other).collect();
        assert_eq!(early, [], "nothing comes before the start");
        task.start(&part, 1_234);
        assert_eq!(task.to_end(5_000), (1_234..5_000).collect::<Vec<_>>(), "{protocol:?}");
        task.start(&part, 4_990);
        assert_eq!(task.to_end(5_000), (4_990..5_000).collect::<Vec<_>>(), "a running partition starts anew");
        task.act(vec![Action::Hold(vec![part.clone()]), Action::Start { part: part.clone(), offset: 0 }]);
        assert_eq!(task.to_end(5_000).len(), 5_000, "and after a hold");
        // A position outside the log: told once, and healed by a start.
        task.start(&part, 9_999);
        let stuck = task.until("out of range", |s| if let Seen::OutOfRange(p) = s { Some(p) } else { None });
        assert_eq!(stuck, part);
        task.start(&part, 4_998);
        assert_eq!(task.to_end(5_000), [4_998, 4_999], "{protocol:?}: after out of range");
    }
}

#[test]
fn held_partitions_deliver_nothing_and_go_on_without_a_hole() {
    let (address, name) = broker("hold");
    create(&address, &name, 1);
    produce(&address, &name, 1, 0..50_000);
    let task = Task::new(settings(&address, &name, "w1"), &[&name]);
    let part = task.assigned().remove(0);
    task.start(&part, 0);
    let mut next = 0;
    for _ in 0..5 {
        task.until("some records", |s| {
            if let Seen::Record(_, offset, _) = s {
                assert_eq!(offset, next);
                next += 1;
            }
            (next % 7_001 == 7_000).then_some(())
        });
        task.act(vec![Action::Hold(vec![part.clone()])]);
        // The hold is done with the next tick: what came before it counts.
        wait(Duration::from_millis(400));
        for seen in task.seen.try_iter() {
            if let Seen::Record(_, offset, _) = seen {
                assert_eq!(offset, next);
                next += 1;
            }
        }
        wait(Duration::from_millis(400));
        assert!(task.seen.try_iter().all(|s| s == Seen::Other), "held, and records came");
        if next >= 50_000 {
            return;
        }
        task.start(&part, next);
    }
}

#[test]
fn a_log_is_read_past_its_last_stable_offset_only_when_the_transaction_is_decided() {
    let (address, name) = broker("log");
    create(&address, &name, 1);
    produce(&address, &name, 1, 0..10);
    // A foreign transaction stands open at 10, and committed records above it.
    let open: BaseProducer = config(&address).set("transactional.id", &name).create().unwrap();
    open.init_transactions(LONG).unwrap();
    open.begin_transaction().unwrap();
    open.send(BaseRecord::<(), str>::to(&name).payload("aborted").partition(0)).map_err(|e| e.0).unwrap();
    open.flush(LONG).unwrap();
    produce(&address, &name, 1, 11..16);
    let task = Task::new(settings(&address, &name, "w1"), &[]);
    let part = Part::new(&name.as_str().into(), 0);
    let answer = task.call(Call::Ends(vec![part.clone()]));
    let ends = ok(answer, |a| if let Answer::Ends(Ok(e)) = a { e.get(&part).copied() } else { None });
    assert_eq!((ends.start, ends.stable, ends.high), (0, 10, 16));

    let read = |from: i64| {
        let answer = task.call(Call::ReadLog { part: part.clone(), from, to: ends.high });
        ok(answer, |a| if let Answer::ReadLog(Ok(chunk)) = a { Some(chunk) } else { None })
    };
    let chunk = read(0);
    assert_eq!(chunk.records.iter().map(|r| r.offset).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    assert_eq!((chunk.next, chunk.done), (10, false));
    let waiting = read(10);
    assert_eq!((waiting.records.len(), waiting.next, waiting.done), (0, 10, false), "it waits at the stable end");
    open.abort_transaction(LONG).unwrap();
    let mut offsets = Vec::new();
    let mut from = 10;
    loop {
        let chunk = read(from);
        offsets.extend(chunk.records.iter().map(|r| r.offset));
        from = chunk.next;
        if chunk.done {
            break;
        }
    }
    assert_eq!(offsets, (11..16).collect::<Vec<_>>(), "the aborted record is skipped, those behind it are read");
    // Read again from within, and nothing at all.
    let chunk = read(14);
    assert_eq!((chunk.records.len(), chunk.done), (2, true));
    assert!(read(16).done);
    // The log's start overtakes the reader.
    admin(&address, async |client| {
        let mut upto = rdkafka::TopicPartitionList::new();
        upto.add_partition_offset(&name, 0, rdkafka::Offset::Offset(12)).unwrap();
        client.delete_records(&upto, &AdminOptions::new()).await.unwrap();
    });
    let chunk = read(3);
    assert_eq!(chunk.records.iter().map(|r| r.offset).collect::<Vec<_>>(), (12..16).collect::<Vec<_>>());
}

#[test]
fn what_stands_behind_the_end_that_was_asked_for_is_read_next() {
    let (address, name) = broker("piecewise");
    create(&address, &name, 1);
    produce(&address, &name, 1, 0..10);
    let task = Task::new(settings(&address, &name, "w1"), &[]);
    let part = Part::new(&name.as_str().into(), 0);
    // Ends that were asked before more was written: one fetch brings all ten.
    let mut found = Vec::new();
    for (from, to) in [(0, 3), (3, 4), (4, 10)] {
        let mut next = from;
        while next < to {
            let answer = task.call(Call::ReadLog { part: part.clone(), from: next, to });
            let chunk = ok(answer, |a| if let Answer::ReadLog(Ok(chunk)) = a { Some(chunk) } else { None });
            assert!(chunk.next <= to, "{} is behind {to}", chunk.next);
            found.extend(chunk.records.iter().map(|record| record.offset));
            next = chunk.next;
        }
    }
    assert_eq!(found, (0..10).collect::<Vec<_>>());
}

#[test]
fn a_topic_created_again_has_another_id_and_the_old_end_is_gone() {
    let (address, name) = broker("recreated");
    create(&address, &name, 2);
    produce(&address, &name, 2, 0..10);
    let other = format!("{name}.other");
    create(&address, &other, 1);
    let task = Task::new(settings(&address, &name, "w1"), &[&other]);
    let topic: Arc<str> = name.as_str().into();
    let ask = || {
        let answer = task.call(Call::Topics(vec![topic.clone(), "nowhere".into()]));
        let topics = ok(answer, |a| if let Answer::Topics(Ok(t)) = a { Some(t) } else { None });
        assert_eq!(topics["nowhere"], None);
        topics[&topic]
    };
    let first = ask().unwrap();
    assert_eq!(first.partitions, 2);
    let absent = Part::new(&topic, 7);
    let answer = task.call(Call::Ends(vec![Part::new(&topic, 0), absent.clone()]));
    let ends = ok(answer, |a| if let Answer::Ends(Ok(e)) = a { Some(e) } else { None });
    assert_eq!((ends[&Part::new(&topic, 0)].start, ends[&Part::new(&topic, 0)].high), (0, 5));
    assert!(!ends.contains_key(&absent));
    delete(&address, &name);
    wait(Duration::from_secs(1));
    assert_eq!(ask(), None);
    create(&address, &name, 3);
    let second = ask().unwrap();
    assert_eq!(second.partitions, 3);
    assert_ne!(first.id, second.id);
}

#[test]
fn the_ends_of_more_partitions_than_one_question_holds_are_all_told() {
    const PARTITIONS: i32 = 201; // two full questions, and one of a single partition
    let (address, name) = broker("wide");
    create(&address, &name, PARTITIONS);
    let task = Task::new(settings(&address, &name, "w1"), &[]);
    let topic = Arc::<str>::from(name.as_str());
    let parts: Vec<Part> = (0..PARTITIONS).map(|partition| Part::new(&topic, partition)).collect();
    let ask =
        || ok(task.call(Call::Ends(parts.clone())), |a| if let Answer::Ends(Ok(ends)) = a { Some(ends) } else { None });
    // A partition without a leader, as each is for a moment, is absent.
    let (begun, mut ends) = (Instant::now(), ask());
    while ends.len() < parts.len() && begun.elapsed() < LONG {
        ends = ask();
    }
    assert_eq!(ends.len(), parts.len(), "partitions whose ends are told within {LONG:?}");
    let empty = Ends { start: 0, stable: 0, high: 0 };
    assert_eq!(ends, parts.into_iter().map(|part| (part, empty)).collect());
}
