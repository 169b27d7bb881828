//! `io.meshsteward.lineage.run.v1`: the inspection of one window, OpenLineage RunEvents: START and COMPLETE.
//!
//! Each window is a run of its own, because catalogs take lineage from runs that complete. A window whose records are
//! bad is a run that completed: that they are bad stands in its assertions.

use crate::engine::check::tally::Counts;
use crate::engine::check::verdict::RuleResult;
use crate::engine::contract::described::{Dataset, Described};
use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::event::envelope::{Event, clip, rfc3339};
use crate::engine::event::id;
use crate::engine::event::lineage::quality::{self, Measured, Of};
use crate::engine::event::lineage::speaker::{Said, Speaker, facet};
use crate::engine::event::window::Coverage;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The inspection of one window.
#[derive(Clone, Debug)]
pub struct Inspection<'a> {
    pub product: &'a ProductName,
    pub hash: ContractHash,
    pub start_ms: i64,
    pub end_ms: i64,
    pub revision: u32,
    /// When the first of its deltas was written, and that which closed it: times of the log, so that a repeat has the same.
    pub began_ms: i64,
    pub ended_ms: i64,
    pub described: &'a Described,
    pub counts: Counts,
    pub coverage: &'a [Coverage],
    /// Records that came after their window was told: they say nothing of the window as a whole.
    pub late: bool,
    /// Why the window cannot be whole, or nothing.
    pub incomplete: &'a str,
    /// Nothing was counted twice.
    pub exact: bool,
    pub results: &'a [RuleResult],
    /// What a profile knows of the columns, by topic; of a topic that is not in it, the rules tell what they can.
    pub columns: &'a BTreeMap<String, Vec<quality::Column>>,
}

/// Both events of the run; the same product, contract hash, window and revision give the same `runId`, and with the
/// same time the same `ce_id`.
pub fn events(speaker: &Speaker<'_>, inspection: &Inspection<'_>) -> [Event; 2] {
    [
        event(speaker, inspection, "START", inspection.began_ms, inputs(speaker, inspection, false), json!({})),
        event(
            speaker,
            inspection,
            "COMPLETE",
            inspection.ended_ms,
            inputs(speaker, inspection, true),
            run_facets(inspection),
        ),
    ]
}

/// Topics of one product that an event names. At 300 bytes of names and 900 of facets' own fields they weigh 120 kB.
const INPUTS_MAX: usize = 100;
/// What the lists of all inputs may weigh; with the inputs themselves that is 424 kB of the 512 that an event may.
const ASSERTIONS_BYTES: usize = 128 * 1024;
const COLUMNS_BYTES: usize = 64 * 1024;
const OFFSETS_BYTES: usize = 64 * 1024;
const TESTS_BYTES: usize = 48 * 1024;

fn event(
    speaker: &Speaker<'_>,
    inspection: &Inspection<'_>,
    state: &'static str,
    time_ms: i64,
    inputs: Vec<Value>,
    run_facets: Value,
) -> Event {
    let (namespace, job, run) = (speaker.namespace, speaker.job(inspection.product), run_id(speaker, inspection));
    let said = Said {
        kind: "io.meshsteward.lineage.run.v1",
        event: "RunEvent",
        product: Some(inspection.product),
        identity: &[namespace, &job, &run, state],
        key: format!("job:{namespace}/{job}"),
        time_ms,
    };
    let value = json!({
        "eventType": state,
        "run": { "runId": run, "facets": run_facets },
        "job": { "namespace": namespace, "name": job, "facets": job_facets(inspection.product) },
        "inputs": inputs,
        "outputs": [{ "namespace": namespace, "name": speaker.governance, "facets": {}, "outputFacets": {} }],
    });
    speaker.event(said, value)
}

/// A UUID of version 8 (RFC 9562, 5.8): bits of our own, here of a hash.
fn run_id(speaker: &Speaker<'_>, inspection: &Inspection<'_>) -> String {
    let hash = id::of(&[
        "run",
        speaker.namespace,
        &speaker.job(inspection.product),
        &inspection.hash.to_string(),
        &inspection.start_ms.to_string(),
        &inspection.end_ms.to_string(),
        &inspection.revision.to_string(),
    ]);
    let bits = u128::from_str_radix(&hash, 16).unwrap_or_default();
    uuid::Builder::from_custom_bytes(bits.to_be_bytes()).into_uuid().to_string()
}

fn job_facets(product: &ProductName) -> Value {
    // Marquez wants the `jobType`, which the standard lets out.
    let kind = json!({
        "processingType": "BATCH",
        "integration": "STEWARD",
        "jobType": "INSPECTION",
        "emissionPattern": { "eventTrigger": "EVENT_BASED", "eventContentMode": "ACCUMULATIVE" },
    });
    let text = json!({ "description": clip(&format!("Holds every record of {product} to its data contract")) });
    json!({
        "jobType": facet("JobTypeJobFacet", "2-0-4", kind),
        "documentation": facet("DocumentationJobFacet", "1-1-0", text),
    })
}

fn run_facets(inspection: &Inspection<'_>) -> Value {
    let span = json!({
        "nominalStartTime": rfc3339(inspection.start_ms),
        "nominalEndTime": rfc3339(inspection.end_ms),
    });
    let engine = json!({
        "name": "Mesh Steward",
        "version": env!("CARGO_PKG_VERSION"),
        "openlineageAdapterVersion": env!("CARGO_PKG_VERSION"),
    });
    let mut facets = json!({
        "nominalTime": facet("NominalTimeRunFacet", "1-0-1", span),
        "processing_engine": facet("ProcessingEngineRunFacet", "1-1-1", engine),
    });
    let untold = |r: &&RuleResult| inspection.late || quality::held(r).is_none() || !has_a_topic(inspection, r);
    let untold: Vec<_> = inspection.results.iter().filter(untold).collect();
    let mut notes = Vec::new();
    if inspection.late {
        notes.push(("steward.window", "these are late records of a window that was told before"));
    }
    if !inspection.incomplete.is_empty() {
        notes.push(("steward.complete", inspection.incomplete));
    }
    if !inspection.exact {
        notes.push(("steward.exact", "records may have been counted twice"));
    }
    if let Some(tests) = quality::tests(&notes, &untold, &mut { TESTS_BYTES }) {
        facets["test"] = tests;
    }
    facets
}

/// Whether it can be said of one topic that the rule held there.
fn has_a_topic(inspection: &Inspection<'_>, result: &RuleResult) -> bool {
    let datasets = &inspection.described.datasets;
    datasets.len() == 1 || datasets.iter().take(INPUTS_MAX).any(|dataset| dataset.holds(&result.relates_to))
}

/// The product's topics, and those that records were read of; measured when the run is complete.
fn inputs(speaker: &Speaker<'_>, inspection: &Inspection<'_>, complete: bool) -> Vec<Value> {
    let mut datasets: Vec<Dataset> = inspection.described.datasets.iter().take(INPUTS_MAX).cloned().collect();
    for part in inspection.coverage {
        if datasets.len() < INPUTS_MAX && datasets.iter().all(|d| d.topic != part.topic) {
            datasets.push(Dataset { topic: part.topic.clone(), ..Dataset::default() });
        }
    }
    let alone = datasets.len() == 1;
    let mut left = Left { assertions: ASSERTIONS_BYTES, columns: COLUMNS_BYTES, offsets: OFFSETS_BYTES };
    let input = |dataset: &Dataset| {
        let facets = if complete { measured(inspection, dataset, alone, &mut left) } else { json!({}) };
        json!({ "namespace": speaker.namespace, "name": dataset.topic, "facets": {}, "inputFacets": facets })
    };
    datasets.iter().map(input).collect()
}

/// What the lists of further inputs may weigh.
struct Left {
    assertions: usize,
    columns: usize,
    offsets: usize,
}

/// `alone`: the product has one topic, and the window's numbers are its own.
fn measured(inspection: &Inspection<'_>, dataset: &Dataset, alone: bool, left: &mut Left) -> Value {
    // A catalog shows the latest run: a few good records that came late must not stand for their window.
    let mut facets = match inspection.late {
        true => json!({}),
        false => judged(Of::Input, inspection, dataset, alone, left),
    };
    let coverage: Vec<&Coverage> = inspection.coverage.iter().filter(|c| c.topic == dataset.topic).collect();
    if let Some(subset) = quality::subset(&coverage, &mut left.offsets) {
        facets["subset"] = subset;
    }
    facets
}

/// Facets of a topic by the window that was inspected; with the topic's others they are 450 kB of the 512 that an event may.
pub fn quality_of(inspection: &Inspection<'_>, dataset: &Dataset) -> Value {
    let alone = inspection.described.datasets.len() == 1;
    let mut left = Left { assertions: ASSERTIONS_BYTES / 2, columns: COLUMNS_BYTES, offsets: 0 };
    judged(Of::Dataset, inspection, dataset, alone, &mut left)
}

fn judged(of: Of, inspection: &Inspection<'_>, dataset: &Dataset, alone: bool, left: &mut Left) -> Value {
    let of_topic = |r: &&RuleResult| alone || dataset.holds(&r.relates_to);
    let results: Vec<&RuleResult> = inspection.results.iter().filter(of_topic).collect();
    let columns = match inspection.columns.get(&dataset.topic) {
        Some(columns) => columns.clone(),
        None => quality::columns(dataset, inspection.results),
    };
    let rows = alone.then_some(inspection.counts.records);
    let measured = Measured { rows, bytes: alone.then_some(inspection.counts.bytes), columns };
    let mut facets = json!({});
    if measured.rows.is_some() || !measured.columns.is_empty() {
        facets["dataQualityMetrics"] = quality::metrics(of, &measured, &mut left.columns);
    }
    if let Some(assertions) = quality::assertions(dataset, &results, &mut left.assertions) {
        facets["dataQualityAssertions"] = assertions;
    }
    facets
}
