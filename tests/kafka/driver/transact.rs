//! Transactions: what fences them, what refuses them, what ends them.

use crate::broker::Broker;
use crate::driver::place::{broker, create, settings};
use crate::driver::puppet::{Seen, Task, begin, message, ok};
use mesh_steward::engine::contract::name::ProductName;
use mesh_steward::flow::io::{Action, Answer, Call, Committed, FaultKind, Membership, Message, Part, Whose};
use mesh_steward::kafka::delivery;
use mesh_steward::kafka::driver::Command;
use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use std::time::{Duration, Instant};

#[test]
fn a_transaction_commits_offsets_with_their_metadata_and_refuses_what_does_not_fence() {
    let (address, name) = broker("commit");
    create(&address, &name, 1);
    let out = format!("{name}.out");
    create(&address, &out, 1);
    let task = Task::new(settings(&address, &name, "w1"), &[&name]);
    let part = task.assigned().remove(0);
    assert_eq!(task.call(Call::Committed(vec![part.clone()])), Answer::Committed(Ok(vec![(part.clone(), None)])));
    assert_eq!(task.call(Call::InitProducer), Answer::InitProducer(Ok(())));
    let membership = begin(&task);
    assert!(membership.generation >= 0 && !membership.member.is_empty(), "{membership:?}");
    assert_eq!(task.call(Call::Send(vec![message(&out, "one"), message(&out, "two")])), Answer::Send(Ok(())));

    let offsets = vec![(part.clone(), 42, "42;größe".to_string())];
    let refused = |offsets: Vec<(Part, i64, String)>, membership: Membership| {
        let answer = task.call(Call::SendOffsets { offsets, membership });
        ok(answer, |a| if let Answer::SendOffsets(Err(fault)) = a { Some(fault.kind) } else { None })
    };
    assert_eq!(refused(vec![], membership.clone()), FaultKind::Abortable, "nothing would be sent, and nothing fenced");
    let nobody = Membership { generation: -1, member: String::new() };
    assert_eq!(refused(offsets.clone(), nobody), FaultKind::Abortable, "the broker would take it unchecked");
    let large = vec![(part.clone(), 42, "x".repeat(1_025))];
    assert_eq!(refused(large, membership.clone()), FaultKind::Configuration);

    let answer = task.call(Call::SendOffsets { offsets, membership: membership.clone() });
    assert_eq!(answer, Answer::SendOffsets(Ok(())));
    assert_eq!(task.call(Call::Commit), Answer::Commit(Ok(())));
    let committed = Committed { offset: 42, metadata: "42;größe".into() };
    let expected = Answer::Committed(Ok(vec![(part.clone(), Some(committed))]));
    assert_eq!(task.call(Call::Committed(vec![part.clone()])), expected);

    // A stale generation is refused by the broker; the abort leaves what was committed.
    begin(&task);
    assert_eq!(task.call(Call::Send(vec![message(&out, "three")])), Answer::Send(Ok(())));
    let stale = Membership { generation: membership.generation - 1, ..membership.clone() };
    assert_eq!(refused(vec![(part.clone(), 43, String::new())], stale), FaultKind::Abortable);
    assert_eq!(task.call(Call::Abort), Answer::Abort(Ok(())));
    assert_eq!(task.call(Call::Committed(vec![part.clone()])), expected);

    // A message that is too large is refused before it is sent, and the transaction still aborts and goes on.
    begin(&task);
    let mut big = message(&out, &"x".repeat(1_000_001));
    big.about = Some(Whose::Product(ProductName { domain: "d".into(), name: "n".into() }));
    let failures =
        ok(task.call(Call::Send(vec![big.clone()])), |a| if let Answer::Send(Err(f)) = a { Some(f) } else { None });
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].about, big.about);
    assert_eq!(task.call(Call::Abort), Answer::Abort(Ok(())));
    let took = Instant::now();
    for n in 0..20 {
        let membership = begin(&task);
        assert_eq!(task.call(Call::Send(vec![message(&out, "x")])), Answer::Send(Ok(())));
        let offsets = vec![(part.clone(), 50 + n, String::new())];
        assert_eq!(task.call(Call::SendOffsets { offsets, membership }), Answer::SendOffsets(Ok(())));
        assert_eq!(task.call(Call::Commit), Answer::Commit(Ok(())));
    }
    println!("a transaction of four calls, each at a tick of 100 ms: {:?}", took.elapsed() / 20);
}

#[test]
fn committed_offsets_are_not_told_while_a_transaction_holds_some() {
    let (address, name) = broker("unstable");
    create(&address, &name, 1);
    let old = Task::new(settings(&address, &name, "w1"), &[&name]);
    let part = old.assigned().remove(0);
    assert_eq!(old.call(Call::InitProducer), Answer::InitProducer(Ok(())));
    let membership = begin(&old);
    let offsets = vec![(part.clone(), 7, "seven".to_string())];
    assert_eq!(old.call(Call::SendOffsets { offsets, membership }), Answer::SendOffsets(Ok(())));
    let new = Task::new(settings(&address, &name, "w2"), &[]);
    let ask = || new.call(Call::Committed(vec![part.clone()]));
    let fault = ok(ask(), |a| if let Answer::Committed(Err(fault)) = a { Some(fault) } else { None });
    assert_eq!(fault.kind, FaultKind::Retriable, "{fault:?}");
    println!("unstable: {}", fault.message);
    assert_eq!(old.call(Call::Commit), Answer::Commit(Ok(())));
    let committed = Committed { offset: 7, metadata: "seven".into() };
    assert_eq!(ask(), Answer::Committed(Ok(vec![(part.clone(), Some(committed))])));
}

#[test]
fn a_member_that_left_cannot_commit_over_its_successor() {
    let (address, name) = broker("zombie");
    create(&address, &name, 1);
    let old = Task::new(settings(&address, &name, "w1"), &[&name]);
    let part = old.assigned().remove(0);
    assert_eq!(old.call(Call::InitProducer), Answer::InitProducer(Ok(())));
    let stale = begin(&old);
    // Another worker's slot takes the same partition: the first leaves by unsubscribing.
    old.commands.send(Command::Subscribe(vec![])).unwrap();
    let parts = old.until("a revoke", |s| if let Seen::Revoking(p) | Seen::Lost(p) = s { Some(p) } else { None });
    old.act(vec![Action::Unassign(parts)]);
    let new = Task::new(settings(&address, &name, "w2"), &[&name]);
    assert_eq!(new.assigned(), std::slice::from_ref(&part));
    let answer = old.call(Call::SendOffsets { offsets: vec![(part.clone(), 3, String::new())], membership: stale });
    let fault = ok(answer, |a| if let Answer::SendOffsets(Err(fault)) = a { Some(fault) } else { None });
    assert_eq!(fault.kind, FaultKind::Abortable, "{fault:?}");
    println!("zombie: {}", fault.message);
    assert_eq!(old.call(Call::Abort), Answer::Abort(Ok(())));
    assert_eq!(new.call(Call::Committed(vec![part.clone()])), Answer::Committed(Ok(vec![(part, None)])));
}

#[test]
fn two_workers_with_one_id_are_told_so() {
    let (address, name) = broker("twins");
    create(&address, &name, 1);
    let first = Task::new(settings(&address, &name, "same"), &[&name]);
    first.assigned();
    let second = Task::new(settings(&address, &name, "same"), &[&name]);
    second.assigned();
    let (kind, text) =
        first.until("fenced", |s| if let Seen::Failed(kind, text) = s { Some((kind, text)) } else { None });
    assert_eq!(kind, FaultKind::InstanceFenced, "{text}");
}

/// A right that is taken while it runs: its messages are told to be thrown away, the transaction knows why.
#[test]
fn a_right_that_is_missing_is_named_and_not_its_echo() {
    let mock = MockCluster::new(1).expect("a mock cluster");
    mock.create_topic("out", 1, 1).expect("a topic");
    let mut delivery = delivery::of(&settings(&mock.bootstrap_servers(), "rights", "w1"));
    delivery.init().expect("a producer");
    delivery.begin().expect("a transaction begins");
    let missing = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    mock.request_errors(RDKafkaApiKey::AddPartitionsToTxn, &[missing]);
    let failures = delivery.send(&[message("out", "one"), message("out", "two")]).expect_err("it may not write there");
    let [failure] = &failures[..] else { panic!("{failures:?}") };
    assert_eq!((failure.fault.kind, &failure.about), (FaultKind::Abortable, &None));
    assert!(failure.fault.message.starts_with("transaction: TopicAuthorizationFailed"), "{failure:?}");
    delivery.abort().expect("it is aborted");
    delivery.begin().expect("the next begins");
    delivery.send(&[message("out", "three")]).expect("the right is given back");
}

#[test]
fn a_broker_that_is_away_holds_no_exit_back() {
    let task = Task::new(settings("127.0.0.1:1", "nowhere", "w1"), &["t"]);
    let answer = task.call(Call::InitProducer);
    let fault = ok(answer, |a| if let Answer::InitProducer(Err(fault)) = a { Some(fault) } else { None });
    assert_eq!(fault.kind, FaultKind::Retriable, "{fault:?}");
    let begun = Instant::now();
    drop(task);
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    println!("exit without a broker: {:?}", begun.elapsed());
}

/// Messages that are on their way, some half sent, when their producer is given up; then the broker goes on, and a
/// producer of the same name begins anew.
#[test]
fn a_producer_that_is_given_up_while_the_broker_stalls_leaves_nothing_behind() {
    let broker = Broker::start();
    create(&broker.bootstrap, "out", 4);
    let mut delivery = delivery::of(&settings(&broker.bootstrap, "stalled", "w1"));
    let mut round = || {
        let until = Instant::now() + Duration::from_secs(60);
        while let Err(fault) = delivery.init() {
            assert!(Instant::now() < until, "{fault:?}");
            assert_ne!(fault.kind, FaultKind::Configuration, "{fault:?}");
        }
        delivery.begin().expect("a transaction begins");
        let messages: Vec<Message> = (0..60).map(|n| Message { partition: Some(n % 4), ..noise("out", n) }).collect();
        let failures = broker.stalled(|| delivery.send(&messages)).expect_err("nobody answers");
        assert!(failures.iter().any(|failure| failure.about.is_none()), "{failures:?}");
        delivery.forget();
    };
    (0..3).for_each(|_| round());
    let seen = broker.read("out");
    assert!(seen.is_empty(), "{} messages of transactions that never ended", seen.len());
}

/// 100 kB that compression makes no smaller.
fn noise(topic: &str, seed: i32) -> Message {
    let mut state = seed as u64 + 1;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    Message { value: Some((0..100_000).map(|_| byte()).collect()), ..message(topic, "") }
}
