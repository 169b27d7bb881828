//! What a steward said: its events under read_committed, summed up and held against the oracle.

use crate::broker::Broker;
use crate::broker::records::Read;
use crate::openlineage::Standard;
use crate::oracle::{Expected, rule};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// All events of one governance topic, in the order of the log.
#[derive(Debug, Default)]
pub struct Verdicts {
    /// Sums over all windows, contract versions and revisions.
    pub records: u64,
    pub tombstones: u64,
    pub undecodable: u64,
    /// Records too late to be judged.
    pub too_late: u64,
    /// Rows that broke a rule.
    pub failed: BTreeMap<String, u64>,
    /// Rows that a rule was asked of.
    pub asked: BTreeMap<String, u64>,
    pub windows: Vec<Value>,
    /// What catalogs are told: runs that were completed, and topics.
    pub runs: Vec<Value>,
    pub datasets: Vec<Value>,
    pub gaps: Vec<Value>,
    /// By incident: its states and sequence numbers, and the window of each.
    pub incidents: BTreeMap<String, Vec<(String, u64, String)>>,
    /// How many each rule opened.
    pub opened: BTreeMap<String, u64>,
    /// Every `ce_id`, with how often it was seen.
    pub ids: BTreeMap<String, u64>,
    /// Which contract versions judged.
    pub versions: BTreeSet<String>,
    /// Rule, partition and offset of each sample.
    pub samples: BTreeSet<(String, i32, i64)>,
    /// Offsets read, by topic id and partition, merged.
    covered: BTreeMap<(String, i32), Vec<(i64, i64)>>,
}

/// Events that are not as their published schema says: docs/events, or OpenLineage's own.
pub fn malformed(broker: &Broker, topic: &str) -> Vec<String> {
    let mut schemas: BTreeMap<String, jsonschema::Validator> = BTreeMap::new();
    let mut malformed = Vec::new();
    let standard = Standard::read();
    for event in broker.read(topic) {
        let schema = event.headers.get("ce_dataschema").cloned().unwrap_or_default();
        if schema.starts_with("https://openlineage.io/") {
            malformed.extend(standard.iter().flat_map(|standard| standard.problems(&event.json())));
            continue;
        }
        let file = schema.rsplit('/').next().unwrap_or_default().to_string();
        let validator = schemas.entry(file.clone()).or_insert_with(|| {
            let text = std::fs::read_to_string(format!("docs/events/{file}")).expect("the schema that an event names");
            let schema = serde_json::from_str(&text).expect("a schema in JSON");
            jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema")
        });
        let value = event.json();
        malformed.extend(validator.iter_errors(&value).map(|e| format!("{file}: {}: {e}", e.instance_path())));
    }
    malformed
}

/// Lineage that a collector found: it says by which evidence.
fn is_found(value: &Value) -> bool {
    ["job", "dataset"].iter().any(|of| !value[of]["facets"]["steward_evidence"].is_null())
}

impl Verdicts {
    pub fn read(broker: &Broker, topic: &str) -> Verdicts {
        let mut verdicts = Verdicts::default();
        for event in broker.read(topic) {
            verdicts.add(&event);
        }
        verdicts
    }

    fn add(&mut self, event: &Read) {
        let header = |name: &str| event.headers.get(name).cloned().unwrap_or_default();
        let times = self.ids.entry(header("ce_id")).or_default();
        *times += 1;
        if *times > 1 {
            return; // A consumer knows it by its id.
        }
        let value = event.json();
        match header("ce_type").as_str() {
            "io.meshsteward.quality.window.v1" => self.add_window(value),
            // One beside each window with records; what it says, `tests/profile` holds.
            "io.meshsteward.quality.profile.v1" => {}
            "io.meshsteward.coverage.gap.v1" => self.gaps.push(value),
            "io.meshsteward.incident.v1" => {
                let incident = self.incidents.entry(text(&value["incident"])).or_default();
                let window = text(&value["lastWindow"]["start"]);
                incident.push((text(&value["state"]), number(&value["sequence"]), window));
                *self.opened.entry(text(&value["rule"])).or_default() += (value["state"] == "opened") as u64;
            }
            // What is changed through the API, `tests/kafka/publishing.rs` holds.
            "io.meshsteward.product.v1" | "io.meshsteward.contract.v1" | "io.meshsteward.policy.v1" => {}
            // What discovery finds beside it, `tests/kafka/lineage.rs` and `chain.rs` hold.
            "io.meshsteward.lineage.job.v1" => {}
            "io.meshsteward.lineage.run.v1" | "io.meshsteward.lineage.dataset.v1" if is_found(&value) => {}
            "io.meshsteward.lineage.run.v1" if value["eventType"] == "COMPLETE" => self.runs.push(value),
            "io.meshsteward.lineage.run.v1" => {}
            "io.meshsteward.lineage.dataset.v1" => self.datasets.push(value),
            other => panic!("an event of type `{other}` at {}/{}", event.partition, event.offset),
        }
    }

    fn add_window(&mut self, window: Value) {
        let counts = &window["counts"];
        self.records += number(&counts["records"]);
        self.tombstones += number(&counts["tombstones"]);
        self.undecodable += number(&counts["undecodable"]);
        self.too_late += number(&counts["late"]);
        self.versions.insert(text(&window["contract"]["version"]));
        for result in list(&window["results"]) {
            let id = text(&result["id"]);
            *self.failed.entry(id.clone()).or_default() += number(&result["measure"]["failedRowCount"]);
            *self.asked.entry(id.clone()).or_default() += number(&result["measure"]["rowCount"]);
            for sample in list(&result["samples"]) {
                self.samples.insert((
                    id.clone(),
                    number(&sample["partition"]) as i32,
                    number(&sample["offset"]) as i64,
                ));
            }
        }
        for part in list(&window["coverage"]) {
            let place = (text(&part["topicId"]), number(&part["partition"]) as i32);
            let interval = (number(&part["from"]) as i64, number(&part["to"]) as i64);
            cover(self.covered.entry(place).or_default(), interval);
        }
        self.windows.push(window);
    }

    /// What differs from the oracle, in words; empty where nothing does.
    pub fn differences(&self, expected: &Expected) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut same = |what: &str, found: u64, planted: u64| {
            if found != planted {
                wrong.push(format!("{what}: {found} found, {planted} planted"));
            }
        };
        same("records", self.records, expected.records);
        same("tombstones", self.tombstones, expected.tombstones);
        same("undecodable", self.undecodable, expected.undecodable);
        same("too late", self.too_late, 0);
        same("runs of windows", self.runs.len() as u64, self.windows.len() as u64);
        let rows = expected.records - expected.tombstones - expected.undecodable;
        same("rows asked for a customer", self.asked.get(rule::NO_CUSTOMER).copied().unwrap_or(0), rows);
        for rule in rule::ALL {
            let planted = expected.failed.get(rule).copied().unwrap_or(0);
            same(rule, self.failed.get(rule).copied().unwrap_or(0), planted);
            let opened = self.opened.get(rule).is_some_and(|times| *times > 0);
            same(&format!("{rule}: whether an incident opened"), opened as u64, (planted > 0) as u64);
        }
        for (id, times) in self.ids.iter().filter(|(_, times)| **times != 1) {
            wrong.push(format!("ce_id {id} {times} times"));
        }
        for (rule, partition, offset) in &self.samples {
            // Which row of a pair is the duplicate depends on who was read first.
            let planted = expected.places.get(rule.as_str());
            if rule != rule::DUPLICATE && !planted.is_some_and(|places| places.contains(&(*partition, *offset))) {
                wrong.push(format!("{rule}: a sample at {partition}/{offset}, where nothing was planted"));
            }
        }
        for (incident, events) in &self.incidents {
            let sequence: Vec<u64> = events.iter().map(|(_, n, _)| *n).collect();
            let opened = events.iter().filter(|(state, ..)| state == "opened").count();
            let resolved = events.iter().position(|(state, ..)| state == "resolved");
            let ends = resolved.is_none_or(|place| place + 1 == events.len());
            if opened != 1 || events[0].0 != "opened" || !sequence.iter().copied().eq(1..=events.len() as u64) || !ends
            {
                wrong.push(format!("incident {incident} went {events:?}"));
            }
        }
        wrong
    }

    /// Gap events as topic id, partition, from, to.
    pub fn gap_bounds(&self) -> Vec<(i32, i64, Option<i64>)> {
        let bounds = |g: &Value| (number(&g["partition"]) as i32, number(&g["from"]) as i64, g["to"].as_i64());
        let mut gaps: Vec<_> = self.gaps.iter().map(bounds).collect();
        gaps.sort_unstable();
        gaps
    }

    /// By the window's start in ms: records, and whether every event of it says that it is exact.
    pub fn by_window(&self) -> BTreeMap<i64, (u64, bool)> {
        let mut found: BTreeMap<i64, (u64, bool)> = BTreeMap::new();
        for window in &self.windows {
            let start = text(&window["window"]["start"]).parse::<jiff::Timestamp>().expect("a window's start");
            let (records, exact) = found.entry(start.as_millisecond()).or_insert((0, true));
            *records += number(&window["counts"]["records"]);
            *exact &= window["exact"] == true;
        }
        found
    }

    /// The offsets that windows say were read of a partition, over all ids its topic had, each id's merged.
    pub fn covered(&self, partition: i32) -> Vec<Vec<(i64, i64)>> {
        self.covered.iter().filter(|((_, p), _)| *p == partition).map(|(_, intervals)| intervals.clone()).collect()
    }
}

/// Adds a half-open interval to a sorted list of disjoint ones that do not touch.
fn cover(intervals: &mut Vec<(i64, i64)>, (mut from, mut to): (i64, i64)) {
    if from >= to {
        return;
    }
    intervals.retain(|(f, t)| {
        let apart = *t < from || to < *f;
        if !apart {
            (from, to) = (from.min(*f), to.max(*t));
        }
        apart
    });
    intervals.push((from, to));
    intervals.sort_unstable();
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn intervals_that_touch_become_one() {
    let check = |given: &[(i64, i64)], want: &[(i64, i64)]| {
        let mut intervals = Vec::new();
        given.iter().for_each(|i| cover(&mut intervals, *i));
        assert_eq!(intervals, want);
    };
    check(&[(0, 5), (5, 9)], &[(0, 9)]);
    check(&[(5, 9), (0, 5)], &[(0, 9)]);
    check(&[(0, 3), (6, 9), (2, 7)], &[(0, 9)]);
    check(&[(0, 3), (4, 9), (3, 3)], &[(0, 3), (4, 9)]);
}
