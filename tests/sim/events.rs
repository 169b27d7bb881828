//! The governance topic as a read_committed consumer sees it: ids, revisions, incidents, who counted what.

use crate::sim::fold::Fold;
use crate::sim::invariants::{Failure, broken};
use crate::sim::judge::{RecordId, named};
use crate::sim::log::{Data, Log};
use crate::sim::shape::{GRACE_MS, WINDOW_MS};
use mesh_steward::engine::contract::name::ProductName;
use mesh_steward::engine::record::{Offset, TopicId};
use mesh_steward::flow::io::Ms;
use mesh_steward::flow::state::{Incident, ProductState};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A gap event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    pub product: ProductName,
    pub id: TopicId,
    pub partition: i32,
    pub from: Offset,
    pub to: Option<Offset>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub product: ProductName,
    pub hash: String,
    pub start_ms: Ms,
    pub revision: u64,
    pub complete: bool,
    pub incomplete: String,
    pub names: BTreeMap<RecordId, u32>,
}

#[derive(Default)]
pub struct Said {
    read: Offset,
    ids: BTreeSet<String>,
    /// Window events, and runs of the inspection that began and were completed.
    runs: [usize; 3],
    revisions: BTreeMap<(ProductName, String, Ms), u64>,
    pub windows: Vec<Window>,
    /// Products with windows that closed before their time.
    forced: BTreeSet<ProductName>,
    pub gaps: Vec<Gap>,
    /// Product, rule, first window: the last event's sequence, and whether the incident is open.
    incidents: BTreeMap<(ProductName, String, Ms), (u64, bool)>,
    pub observed: BTreeMap<ProductName, BTreeMap<RecordId, u32>>,
    pub sums: BTreeMap<ProductName, Sums>,
}

/// What a product's window events add up to.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    pub records: u64,
    /// By rule.
    pub failed: BTreeMap<String, u64>,
    /// Results of a rule that say that nobody knows what came before.
    pub blind: BTreeMap<String, u64>,
}

impl Said {
    pub fn read(&mut self, log: &Log, folds: &BTreeMap<i32, Fold>) -> Result<(), Failure> {
        for entry in log.entries[self.read as usize..log.stable() as usize].iter().filter(|e| e.visible()) {
            self.one(&entry.data, folds)?;
        }
        self.read = log.stable();
        match self.runs {
            [windows, began, complete] if windows == began && windows == complete => Ok(()),
            runs => broken("a window is told with its run", format!("windows, runs begun, complete: {runs:?}")),
        }
    }

    fn one(&mut self, data: &Data, folds: &BTreeMap<i32, Fold>) -> Result<(), Failure> {
        let header =
            |name: &str| data.headers.iter().find(|(k, _)| *k == name).map(|(_, v)| v.clone()).unwrap_or_default();
        let value: Value = serde_json::from_slice(data.value.as_deref().unwrap_or_default()).unwrap_or_default();
        let (id, kind) = (header("ce_id"), header("ce_type"));
        if !self.ids.insert(id.clone()) {
            return broken("I4: no event twice", format!("{kind} {id}: {value}"));
        }
        if kind.contains(".lineage.") {
            self.runs[1] += usize::from(value["eventType"] == "START");
            self.runs[2] += usize::from(value["eventType"] == "COMPLETE");
            return Ok(());
        }
        let Some(product) = product(&value) else {
            return broken("events are readable", value.to_string());
        };
        if kind.contains(".window.") {
            self.runs[0] += 1;
            self.window(product, &value, folds)
        } else if kind.contains(".gap.") {
            self.gap(product, &value);
            Ok(())
        } else if kind.contains(".incident.") {
            self.incident(product, &value)
        } else {
            // A profile: only the real engine's windows have one.
            Ok(())
        }
    }

    fn window(&mut self, product: ProductName, value: &Value, folds: &BTreeMap<i32, Fold>) -> Result<(), Failure> {
        let span = &value["window"];
        let names = value["results"].as_array().into_iter().flatten().find(|r| r["id"] == "names");
        let window = Window {
            product: product.clone(),
            hash: text(&value["contract"]["hash"]),
            start_ms: span["start"].as_str().map_or(0, ms),
            revision: span["revision"].as_u64().unwrap_or(0),
            complete: span["complete"] == true,
            incomplete: text(&span["incomplete"]),
            names: names.and_then(|r| r["reason"].as_str()).map(named).unwrap_or_default(),
        };
        let key = (product.clone(), window.hash.clone(), window.start_ms);
        let next = self.revisions.get(&key).map_or(0, |r| r + 1);
        // A window without records has no event of its own, and its late ones begin with 1.
        if window.revision != next && !(next == 0 && window.revision == 1) {
            return broken("I4: revisions without holes", format!("{key:?}: {} after {next}", window.revision));
        }
        self.revisions.insert(key, window.revision);
        let forced = window.incomplete.contains("max.open") || window.incomplete.contains("too many");
        let naive = folds.values().find_map(|f| f.products.get(&product));
        let (closes, time) = (window.start_ms + WINDOW_MS + GRACE_MS, naive.and_then(|n| n.reached));
        if forced {
            self.forced.insert(product.clone());
        } else if window.revision == 0 && time.is_none_or(|t| t < closes) {
            return broken("I6: windows close by the watermark", format!("{window:?} at {time:?}"));
        }
        for (id, (hash, before)) in window.names.keys().filter_map(|id| Some((id, naive?.told.get(id)?))) {
            if hash.to_string() != window.hash {
                return broken("each version judges its own", format!("{id} was told as {hash}: {window:?}"));
            }
            // Late is what came after its window had closed, not what came with the news that closed it.
            if window.revision > 0 && !self.forced.contains(&product) && before.is_none_or(|b| b < closes) {
                return broken("I6: only late records are late", format!("{id} at {before:?}: {window:?}"));
            }
        }
        let sums = self.sums.entry(product.clone()).or_default();
        sums.records += value["counts"]["records"].as_u64().unwrap_or(0);
        for result in value["results"].as_array().into_iter().flatten() {
            *sums.failed.entry(text(&result["id"])).or_insert(0) +=
                result["measure"]["failedRowCount"].as_u64().unwrap_or(0);
            let blind = result["reason"].as_str().is_some_and(|reason| reason.contains("not known"));
            *sums.blind.entry(text(&result["id"])).or_insert(0) += u64::from(blind);
        }
        let counts = self.observed.entry(product).or_default();
        for (id, times) in &window.names {
            *counts.entry(*id).or_insert(0) += times;
        }
        self.windows.push(window);
        Ok(())
    }

    fn gap(&mut self, product: ProductName, value: &Value) {
        self.gaps.push(Gap {
            product,
            id: value["topicId"].as_str().and_then(TopicId::parse).unwrap_or(TopicId(0)),
            partition: value["partition"].as_i64().unwrap_or(-1) as i32,
            from: value["from"].as_i64().unwrap_or(-1),
            to: value["to"].as_i64(),
        });
    }

    fn incident(&mut self, product: ProductName, value: &Value) -> Result<(), Failure> {
        let first = value["firstWindow"].as_str().map_or(0, ms);
        let key = (product, text(&value["rule"]), first);
        let sequence = value["sequence"].as_u64().unwrap_or(0);
        let (before, open) = self.incidents.get(&key).copied().unwrap_or((0, false));
        let opens = value["state"] == "opened";
        if sequence != before + 1 || opens == open {
            return broken("I3: incidents in sequence", format!("{key:?}: {sequence} after {before}, {value}"));
        }
        self.incidents.insert(key, (sequence, value["state"] != "resolved"));
        Ok(())
    }

    /// What is open by the events is open in the state.
    pub fn incidents_match(&self, products: &BTreeMap<ProductName, ProductState>) -> Result<(), Failure> {
        let open = |s: &ProductState| {
            let one = |i: &Incident| ((s.product.clone(), i.rule.clone(), i.first_window), i.sequence);
            s.incidents.iter().map(one).collect::<Vec<_>>()
        };
        let state: BTreeMap<_, _> = products.values().flat_map(open).collect();
        let told: BTreeMap<_, _> = self
            .incidents
            .iter()
            .filter(|(_, (_, open))| *open)
            .map(|(k, (sequence, _))| (k.clone(), *sequence))
            .collect();
        if state == told {
            return Ok(());
        }
        broken("I3: incidents in sequence", format!("state {state:?}, events {told:?}"))
    }
}

fn product(value: &Value) -> Option<ProductName> {
    let (domain, name) = value["product"].as_str()?.split_once('/')?;
    Some(ProductName { domain: domain.into(), name: name.into() })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn ms(time: &str) -> Ms {
    time.parse::<jiff::Timestamp>().map_or(0, |t| t.as_millisecond())
}
