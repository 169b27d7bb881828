//! A product whose records stop: its windows are judged by those before them, whatever deltas they close with.

use super::*;
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

const CONTRACT: &str = "
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
domain: sales
schema:
  - {name: orders, physicalType: topic, properties: [{name: id, logicalType: string, required: true}]}
slaProperties:
  - {id: fresh, property: freshness, value: 15, unit: s}
";
const WINDOW: WindowConfig =
    WindowConfig { size_ms: 10_000, grace_ms: 0, late_accept_ms: 60_000, max_open_ms: 600_000 };

/// A delta at each of these seconds; in those below `until` a record was read. The statuses that window events tell, with the
/// second at which their window begins.
fn told(seconds: &[i64], until: i64) -> Vec<(i64, String)> {
    let plan = Arc::new(compile::compile(&odcs::parse(CONTRACT).contract.expect("a contract")));
    let (hash, product) = (plan.hash, plan.product.clone());
    let mut plans = Plans::default();
    plans.by_topic.insert("orders".into(), vec![Binding { plan: plan.clone(), object: 0 }]);
    plans.by_hash.insert(hash, plan);
    let mut judge = PlansJudge::new(Arc::new(plans), &[7; 16]);
    let source = Source { cluster: "c".into(), group: "g".into() };
    let mut of = Product::<Tally>::new(ProductState::new(product.clone()), ProductHistory::new(product));
    for (n, second) in seconds.iter().enumerate() {
        let (at_ms, offset) = (second * 1_000, n as i64);
        let read = *second < until;
        let mut windows = Vec::new();
        if read {
            let mut tally = Tally::default();
            let value = Some(br#"{"id":"a"}"#.as_slice());
            let record =
                RawRecord { offset, timestamp_ms: at_ms, key: None, value, schema_header: None, headers: None };
            assert_eq!(judge.examine(0, &record), Examined::At(None));
            judge.count(0, &record, Position { topic: TopicId(1), partition: 0 }, false, &mut tally);
            windows.push((WindowKey { start: window_of(at_ms, WINDOW.size_ms), hash }, tally));
        }
        let read_to = seconds.iter().filter(|s| **s < until && *s <= second).count() as i64;
        let report = Report {
            topic: "orders".into(),
            id: TopicId(1),
            partition: 0,
            interval: Interval { from: if read { read_to - 1 } else { read_to }, to: read_to },
            watermark_ms: read.then_some(at_ms),
            caught_up_ms: Some(at_ms),
            begins: n == 0,
        };
        let topics = vec![Extent { topic: "orders".into(), id: Some(TopicId(1)), partitions: 1 }];
        let reports = Reports { partitions: vec![report], topics, current: vec![hash], ..Reports::default() };
        let tell = Teller { judge: &judge, window: &WINDOW, source: &source, events: "events", lineage: None };
        of.apply(&tell, &At { first: offset, last: offset, append_ms: at_ms }, windows, &reports);
    }
    let values = of.moved.events.iter().filter_map(|e| serde_json::from_slice::<serde_json::Value>(&e.value).ok());
    let windows = values.filter(|value| value["results"].is_array());
    let start = |window: &serde_json::Value| {
        let start = window["window"]["start"].as_str().and_then(|s| s.parse::<jiff::Timestamp>().ok());
        start.map_or(-1, jiff::Timestamp::as_second)
    };
    windows.map(|w| (start(&w), w["status"].as_str().unwrap_or_default().to_owned())).collect()
}

#[test]
fn an_idle_product_goes_stale_in_the_same_window_however_its_deltas_come() {
    // The last record is of second 14: by the end of the window of 20 to 30 it is 16 s old.
    let expected = [(0, "pass"), (10, "pass"), (20, "fail")].map(|(start, status)| (start, status.to_owned()));
    let often: Vec<i64> = (0..12).map(|n| 4 + 5 * n).collect();
    assert_eq!(told(&often, 15), expected);
    assert_eq!(told(&[4, 9, 14, 95], 15), expected, "all idle windows close at once");
}
