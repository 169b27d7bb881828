//! Late records under each policy: the same counts, other verdicts and incidents.

use super::*;
use crate::engine::check::own;
use crate::engine::contract::plan::Binding;
use crate::engine::contract::{compile, odcs};
use crate::engine::event::envelope::Source;
use crate::engine::record::{Interval, window_of};
use crate::flow::delta::{Extent, Report, Reports, WindowKey};
use crate::flow::history::ProductHistory;
use crate::flow::product::Product;
use crate::flow::state::ProductState;
use crate::flow::tell::Teller;
use crate::flow::window::{At, WindowConfig};
use serde_json::Value;

const WINDOW: WindowConfig =
    WindowConfig { size_ms: 10_000, grace_ms: 0, late_accept_ms: 60_000, max_open_ms: 600_000 };

/// A record of each of these seconds, one after the other, each in a delta and a transaction of its own.
fn events(policy: &str, seconds: &[i64]) -> Vec<Value> {
    let text = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: orders\nversion: 1.0.0\nstatus: active\nschema:\n\
         - {{name: orders, physicalType: topic, properties: [{{name: id, required: true}}]}}\n\
         customProperties: [{{property: steward.records, value: {policy}}}]\n"
    );
    let plan = Arc::new(compile::compile(&odcs::parse(&text).contract.expect("a contract")));
    let (hash, product) = (plan.hash, plan.product.clone());
    let mut plans = Plans::default();
    plans.by_topic.insert("orders".into(), vec![Binding { plan: plan.clone(), object: 0 }]);
    plans.by_hash.insert(hash, plan);
    let mut judge = PlansJudge::new(Arc::new(plans), &[7; 16]);
    let source = Source { cluster: "c".into(), group: "g".into() };
    let mut of = Product::<Tally>::new(ProductState::new(product.clone()), ProductHistory::new(product));
    let (mut told, mut now_ms) = (Vec::new(), 0);
    for (n, second) in seconds.iter().enumerate() {
        let (at_ms, offset) = (second * 1_000, n as i64);
        now_ms = now_ms.max(at_ms);
        let mut tally = Tally::default();
        let record = RawRecord { timestamp_ms: at_ms, value: Some(br#"{"id":"a"}"#), ..RawRecord::empty(offset) };
        assert_eq!(judge.examine(0, &record), Examined::At(None));
        judge.count(0, &record, Position { topic: TopicId(1), partition: 0 }, false, &mut tally);
        let start = window_of(at_ms, WINDOW.size_ms);
        let report = Report {
            topic: "orders".into(),
            id: TopicId(1),
            partition: 0,
            interval: Interval { from: offset, to: offset + 1 },
            watermark_ms: Some(at_ms),
            caught_up_ms: None,
            begins: n == 0,
        };
        let topics = vec![Extent { topic: "orders".into(), id: Some(TopicId(1)), partitions: 1 }];
        let counts = vec![(start, tally.counts)];
        let reports = Reports { partitions: vec![report], topics, current: vec![hash], counts };
        let tell = Teller { judge: &judge, window: &WINDOW, source: &source, events: "events", lineage: None };
        let at = At { first: offset, last: offset, append_ms: now_ms };
        of.apply(&tell, &at, vec![(WindowKey { start, hash }, tally)], &reports);
        told.extend(of.end_transaction(&tell, offset + 1).events);
    }
    told.iter().filter_map(|event| serde_json::from_slice(&event.value).ok()).collect()
}

/// The window of 0 to 10 gets a second record when it has closed, and a third when it is too late for any.
const SECONDS: [i64; 5] = [1, 31, 5, 200, 6];

fn windows(events: &[Value]) -> impl Iterator<Item = &Value> {
    events.iter().filter(|event| event["results"].is_array())
}

#[test]
fn a_policy_says_what_late_records_mean_and_never_how_many_they_are() {
    let counts = |events: &[Value]| -> Vec<Value> { windows(events).map(|window| window["counts"].clone()).collect() };
    let late = |events: &[Value]| -> Vec<(u64, Value)> {
        let result = |window: &Value| {
            let of_policy = window["results"].as_array()?.iter().find(|result| result["id"] == own::LATE)?;
            Some((of_policy["measure"]["failedRowCount"].as_u64()?, of_policy["status"].clone()))
        };
        windows(events).filter_map(result).filter(|(failed, _)| *failed > 0).collect()
    };
    let incidents = |events: &[Value]| events.iter().filter(|event| event["state"] == "opened").count();
    // One more, and the time of the fifth is told with the window that closes next.
    let seconds = [&SECONDS[..], &[230]].concat();
    let usual = events("{}", &seconds);
    assert_eq!((late(&usual), incidents(&usual)), (vec![], 0));
    let all: u64 =
        counts(&usual).iter().map(|c| c["records"].as_u64().unwrap_or(0) + c["late"].as_u64().unwrap_or(0)).sum();
    assert_eq!(all, 5, "the sixth is of a window that is open: {:?}", counts(&usual));
    for (policy, status) in [("{late: ignore}", None), ("{late: warn}", Some("warn")), ("{late: fail}", Some("fail"))] {
        let found = events(policy, &seconds);
        assert_eq!(counts(&found), counts(&usual), "{policy}");
        let expected = status.map_or(vec![], |status| vec![(1, Value::from(status)), (1, Value::from(status))]);
        assert_eq!(late(&found), expected, "{policy}: the revision, and the window that tells of the third");
        assert_eq!(incidents(&found), expected.len(), "{policy}: each is resolved in between");
        let bad =
            windows(&found).filter(|window| Some(window["status"].as_str().unwrap_or_default()) == status).count();
        assert_eq!(bad, expected.len(), "{policy}");
    }
}
