//! A task whose flushes fail, and what it tells of that.

use crate::sim::hands::{Hands, MINUTE_MS, T};
use mesh_steward::engine::record::TopicId;
use mesh_steward::flow::io::{
    Action, Answer, Call, Chunk, Ends, Fault, FaultKind, Input, Membership, Ms, Part, SendFailure, TopicInfo,
};
use mesh_steward::flow::stage::Stage;
use mesh_steward::flow::task::Task;

const CONTRACT: &str = "
apiVersion: v3.1.0
kind: DataContract
id: failing
version: 1.0.0
status: active
domain: sales
dataProduct: orders
schema: [{name: a, physicalType: topic, physicalName: orders, properties: [{name: id, logicalType: string}]}]
";

/// A cluster that has nothing, and takes messages or does not.
fn answers<S: Stage>(task: &mut Task<S>, now: Ms, input: Input<'_>, takes: bool) {
    let mut actions = task.on(now, input);
    let call = |action| if let Action::Call(call) = action { Some(call) } else { None };
    while let Some(call) = actions.into_iter().find_map(call) {
        let refused = || Fault { kind: FaultKind::Abortable, message: "produce: refused".into() };
        let answer = match call {
            Call::InitProducer => Answer::InitProducer(Ok(())),
            Call::Committed(parts) => Answer::Committed(Ok(parts.into_iter().map(|part| (part, None)).collect())),
            Call::Topics(topics) => {
                let info = Some(TopicInfo { id: TopicId(1), partitions: 1 });
                Answer::Topics(Ok(topics.into_iter().map(|topic| (topic, info)).collect()))
            }
            Call::Ends(parts) => {
                let ends = Ends { start: 0, stable: 0, high: 0 };
                Answer::Ends(Ok(parts.into_iter().map(|part| (part, ends)).collect()))
            }
            Call::Highs(parts) => Answer::Highs(Ok(parts.into_iter().map(|part| (part, 0)).collect())),
            Call::ReadLog { to, .. } => Answer::ReadLog(Ok(Chunk { records: Vec::new(), next: to, done: true })),
            Call::Begin => Answer::Begin(Ok(Membership { generation: 1, member: "m".into() })),
            Call::Send(_) if takes => Answer::Send(Ok(())),
            Call::Send(_) => Answer::Send(Err(vec![SendFailure { about: None, fault: refused() }])),
            Call::SendOffsets { .. } => Answer::SendOffsets(Ok(())),
            Call::Commit => Answer::Commit(Ok(())),
            other => panic!("{other:?}"),
        };
        actions = task.on(now, Input::Answer(answer));
    }
}

#[test]
fn a_partition_whose_flushes_fail_says_since_when_and_why_until_one_commits() {
    let mut hands = Hands::new(&[CONTRACT]);
    hands.inspector.reset();
    let mut task = Task::new(T, hands.inspector);
    let part = Part::new(&"orders".into(), 0);
    let told = |task: &Task<_>| task.waits().remove(&part);

    answers(&mut task, T, Input::Assigned(vec![part.clone()]), true);
    assert_eq!(told(&task), None, "it is live");
    for minute in 1..4 {
        answers(&mut task, T + minute * MINUTE_MS, Input::Tick, false);
        let (wait, since_ms) = told(&task).expect("its flush failed");
        assert!(wait.ends_with("; its last flush failed: produce: refused"), "{wait}");
        assert_eq!(since_ms, Some(T + MINUTE_MS), "since the first");
    }
    answers(&mut task, T + 4 * MINUTE_MS, Input::Tick, true);
    assert_eq!(told(&task), None, "one committed");

    answers(&mut task, T + 5 * MINUTE_MS, Input::Tick, false);
    assert!(told(&task).is_some(), "its flush failed");
    answers(&mut task, T + 5 * MINUTE_MS, Input::Lost(vec![part.clone()]), true);
    assert_eq!(told(&task), None, "it is another worker's by now");
}
