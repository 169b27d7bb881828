//! Many partitions that are taken up at once.

use crate::sim::hands::{Hands, T};
use mesh_steward::engine::record::TopicId;
use mesh_steward::flow::io::{Action, Answer, Call, Chunk, Ends, LogRecord, Part, TopicInfo};
use mesh_steward::flow::opening::{Parts, Phase};
use mesh_steward::flow::stage::Stage;
use std::collections::BTreeMap;
use std::sync::Arc;

const CONTRACT: &str = "
apiVersion: v3.1.0
kind: DataContract
id: opened
version: 1.0.0
status: active
domain: sales
dataProduct: orders
schema: [{name: a, physicalType: topic, physicalName: orders, properties: [{name: id, logicalType: string}]}]
";

/// Without committed offsets each needs both of the daemon's logs; what they hold is of others.
#[test]
fn a_thousand_new_partitions_read_the_daemons_logs_once_and_not_a_thousand_times() {
    const PARTITIONS: i32 = 1_000;
    let mut hands = Hands::new(&[CONTRACT]);
    hands.inspector.reset();
    let topic: Arc<str> = "orders".into();
    let mut parts = Parts::default();
    (0..PARTITIONS).for_each(|partition| parts.open(Part::new(&topic, partition)));
    let (mut out, mut asked) = (Vec::new(), BTreeMap::<&str, u32>::new());
    while let Some(call) = parts.next_call() {
        let (name, answer) = match &call {
            Call::Committed(parts) => {
                ("committed", Answer::Committed(Ok(parts.iter().map(|part| (part.clone(), None)).collect())))
            }
            Call::Topics(topics) => {
                let info = TopicInfo { id: TopicId(1), partitions: PARTITIONS };
                ("topics", Answer::Topics(Ok(topics.iter().map(|topic| (topic.clone(), Some(info))).collect())))
            }
            Call::Ends(parts) => {
                let high = |part: &Part| if part.topic == topic { 7 } else { 3 };
                let ends = |part: &Part| Ends { start: 0, stable: high(part), high: high(part) };
                ("ends", Answer::Ends(Ok(parts.iter().map(|part| (part.clone(), ends(part))).collect())))
            }
            // Two records, then one.
            Call::ReadLog { from, to, .. } => {
                let next = (from + 2).min(*to);
                let record = |offset| LogRecord { offset, timestamp_ms: T, key: Some(b"other".to_vec()), value: None };
                let records = (*from..next).map(record).collect();
                ("read", Answer::ReadLog(Ok(Chunk { records, next, done: next == *to })))
            }
            other => panic!("{other:?}"),
        };
        *asked.entry(name).or_default() += 1;
        assert!(parts.answered(T, &mut hands.inspector, &call, answer, &mut out).is_ok(), "{call:?}");
        assert!(asked.values().sum::<u32>() < 20, "{asked:?}");
    }
    // Their own ends, those of state, those of deltas; each log in two pieces.
    assert_eq!(asked, BTreeMap::from([("committed", 1), ("topics", 1), ("ends", 3), ("read", 4)]));
    let started = out.iter().filter(|action| matches!(action, Action::Start { offset: 0, .. })).count();
    assert_eq!(started, PARTITIONS as usize);
    assert!(parts.phases.values().all(|phase| matches!(phase, Phase::Live { .. })));
}
