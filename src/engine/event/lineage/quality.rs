//! What a run says of one of its inputs, and a topic of its last window: how much it was, what the columns hold, which
//! rules held, which offsets.

use crate::engine::check::verdict::{RuleResult, Status};
use crate::engine::contract::described::{Dataset, Described};
use crate::engine::event::envelope::clip;
use crate::engine::event::lineage::speaker::{facet, fitting};
use crate::engine::event::window::Coverage;
use crate::engine::profile::summary::{RANKS, Summary};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// How a topic's records of a window measure; what is not known is left out of the facet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    pub rows: Option<u64>,
    pub bytes: Option<u64>,
    pub columns: Vec<Column>,
}

/// A column of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// By the names of the schema facet: `lines._element.sku`.
    pub name: String,
    /// Null or missing.
    pub nulls: Option<u64>,
    /// Values: rows without the null ones.
    pub count: Option<u64>,
    pub distinct: Option<u64>,
    pub sum: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// Rank between 0 and 1, and the value there.
    pub quantiles: Vec<(f64, f64)>,
}

/// Where a facet stands: the standard has a schema for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// An input of a run, which is one window.
    Input,
    /// A topic, by its last window.
    Dataset,
}

/// `dataQualityMetrics`; `left` is what columns may still weigh.
pub fn metrics(of: Of, measured: &Measured, left: &mut usize) -> Value {
    let named = measured.columns.iter().map(|column| json!([clip(&column.name), of_column(column)]));
    let (kept, _) = fitting(named, left);
    let columns: Map<String, Value> =
        kept.into_iter().filter_map(|pair| Some((pair[0].as_str()?.to_owned(), pair[1].clone()))).collect();
    let mut fields = json!({ "columnMetrics": columns });
    put(&mut fields, "rowCount", measured.rows);
    put(&mut fields, "bytes", measured.bytes);
    match of {
        Of::Input => facet("DataQualityMetricsInputDatasetFacet", "1-0-3", fields),
        Of::Dataset => facet("DataQualityMetricsDatasetFacet", "1-0-0", fields),
    }
}

/// What a profile tells of the columns, by topic. Fields that no contract describes are in no schema that catalogs know.
pub fn of_profile(described: &Described, summary: &Summary) -> BTreeMap<String, Vec<Column>> {
    let mut columns: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    for field in summary.fields.iter().filter(|f| f.kinds.total() > 0) {
        let Some(element) = field.object.as_ref().map(|object| format!("schema/{object}")) else { continue };
        let Some(dataset) = described.datasets.iter().find(|d| d.objects.contains(&element)) else { continue };
        let quantiles = field.quantiles.iter().flat_map(|q| RANKS.into_iter().zip(q.values.iter().copied()));
        columns.entry(dataset.topic.clone()).or_default().push(Column {
            name: field.path.replace("[]", "._element"),
            nulls: Some(field.kinds.missing + field.kinds.null),
            count: Some(field.kinds.present()),
            distinct: field.distinct.map(|d| d.estimate.round() as u64),
            sum: field.numbers.map(|n| n.mean * n.count as f64),
            min: field.numbers.map(|n| n.min),
            max: field.numbers.map(|n| n.max),
            quantiles: quantiles.collect(),
        });
    }
    columns
}

/// What the rules alone tell of the columns: how many rows are null or missing. A rule that asked other rows than all
/// of them, such as one among the items of an array, tells nothing.
pub fn columns(dataset: &Dataset, results: &[RuleResult]) -> Vec<Column> {
    let mut columns: BTreeMap<String, Column> = BTreeMap::new();
    // `required` counts null and missing, `nullValues` null alone: the former is what a column of nulls means.
    for metric in ["required", "nullValues"] {
        for result in results.iter().filter(|r| r.metric == metric && r.value.is_some() && r.asked > 0) {
            let Some(name) = dataset.column(&result.relates_to).filter(|_| dataset.holds(&result.relates_to)) else {
                continue;
            };
            if !name.contains("_element") {
                let (nulls, count) = (Some(result.failed), Some(result.asked.saturating_sub(result.failed)));
                let column = Column { name: name.clone(), nulls, count, ..Column::default() };
                columns.entry(name).or_insert(column);
            }
        }
    }
    columns.into_values().collect()
}

/// `dataQualityAssertions`, what failed first; `None` where no rule was measured. `left` is what they may still weigh.
pub fn assertions(dataset: &Dataset, results: &[&RuleResult], left: &mut usize) -> Option<Value> {
    let mut measured: Vec<(bool, &RuleResult)> = results.iter().filter_map(|r| Some((held(r)?, *r))).collect();
    measured.sort_by_key(|(success, _)| *success);
    let (kept, omitted) = fitting(measured.iter().map(|(success, r)| assertion(dataset, *success, r)), left);
    let mut fields = json!({ "assertions": kept });
    if omitted > 0 {
        fields["omitted"] = json!(omitted);
    }
    (!measured.is_empty()).then(|| facet("DataQualityAssertionsDatasetFacet", "1-1-0", fields))
}

/// `test`, of the run: what is to be known of the window (a name and why, as skipped), what could not be measured, as
/// skipped too, and what cannot be told of one input alone.
pub fn tests(notes: &[(&str, &str)], results: &[&RuleResult], left: &mut usize) -> Option<Value> {
    let note = |(name, why): &(&str, &str)| json!({ "name": name, "status": "skip", "description": clip(why) });
    let test = |result: &&RuleResult| {
        let status = match held(result) {
            Some(true) => "pass",
            Some(false) => "fail",
            None => "skip",
        };
        let mut test = json!({
            "name": clip(&result.id),
            "status": status,
            "severity": severity(result),
            "type": classification(&result.metric),
        });
        let text = result.reason.as_deref().or(result.name.as_deref()).map(clip);
        put(&mut test, "description", text);
        test
    };
    let (kept, omitted) = fitting(notes.iter().map(note).chain(results.iter().map(test)), left);
    let mut fields = json!({ "tests": kept });
    if omitted > 0 {
        fields["omitted"] = json!(omitted);
    }
    (!results.is_empty() || !notes.is_empty()).then(|| facet("TestRunFacet", "1-0-1", fields))
}

/// `subset`: the offsets read, half-open; `None` where none were. `left` is what they may still weigh.
pub fn subset(coverage: &[&Coverage], left: &mut usize) -> Option<Value> {
    let partition = |c: &&Coverage| {
        let (from, to) = (c.interval.from, c.interval.to);
        json!({
            "identifier": c.partition.to_string(),
            "dimensions": { "topicId": c.id.to_string(), "partition": c.partition, "from": from, "to": to },
        })
    };
    let (kept, omitted) = fitting(coverage.iter().map(partition), left);
    let mut fields = json!({ "inputCondition": { "type": "partition", "partitions": kept } });
    if omitted > 0 {
        fields["omitted"] = json!(omitted);
    }
    let mut facet = facet("BaseSubsetDatasetFacet", "1-0-0", fields);
    facet["_schemaURL"] = json!(
        "https://openlineage.io/spec/facets/1-0-0/BaseSubsetDatasetFacet.json#/$defs/InputSubsetInputDatasetFacet"
    );
    (!coverage.is_empty()).then_some(facet)
}

/// Whether the rule held; `None` where nobody knows.
pub fn held(result: &RuleResult) -> Option<bool> {
    match result.status {
        Status::Pass => Some(true),
        Status::Fail | Status::Warn => Some(false),
        Status::Error | Status::Skip | Status::Unknown => None,
    }
}

fn assertion(dataset: &Dataset, success: bool, result: &RuleResult) -> Value {
    let mut told = json!({
        "assertion": classification(&result.metric),
        "success": success,
        "severity": severity(result),
        "name": clip(&result.id),
        "params": { "metric": clip(&result.metric), "rowCount": result.asked, "failedRowCount": result.failed },
    });
    put(&mut told, "column", dataset.column(&result.relates_to).as_deref().map(clip));
    put(&mut told, "description", result.name.as_deref().map(clip));
    put(&mut told, "expected", expected(&result.threshold));
    put(&mut told, "actual", result.value.map(|value| value.to_string()));
    put(&mut told["params"], "dimension", result.dimension.as_deref().map(clip));
    put(&mut told["params"], "severity", result.severity.as_deref().map(clip));
    put(&mut told["params"], "unit", Some(result.unit));
    told
}

/// OpenLineage's word for a kind of test where it has one, else ODCS's.
fn classification(metric: &str) -> String {
    match metric {
        "required" | "nullValues" | "missingValues" => "not_null".into(),
        "unique" | "primaryKey" | "duplicateValues" => "unique".into(),
        "rowCount" => "row_count".into(),
        other => clip(other),
    }
}

/// `error` or `warn`, whatever the contract calls it.
fn severity(result: &RuleResult) -> &'static str {
    let warns = |s: &str| ["warning", "warn", "info"].iter().any(|w| s.eq_ignore_ascii_case(w));
    if result.severity.as_deref().is_some_and(warns) { "warn" } else { "error" }
}

/// `mustBe 0`.
fn expected(threshold: &Value) -> Option<String> {
    let (operator, operand) = threshold.as_object()?.iter().next()?;
    Some(clip(&format!("{operator} {operand}")))
}

fn of_column(column: &Column) -> Value {
    let number = |value: Option<f64>| value.filter(|v| v.is_finite());
    let mut told = json!({});
    put(&mut told, "nullCount", column.nulls);
    put(&mut told, "count", column.count);
    put(&mut told, "distinctCount", column.distinct);
    put(&mut told, "sum", number(column.sum));
    put(&mut told, "min", number(column.min));
    put(&mut told, "max", number(column.max));
    let quantiles = column.quantiles.iter().filter(|(_, value)| value.is_finite());
    let quantiles: Map<String, Value> = quantiles.map(|(rank, value)| (rank.to_string(), json!(value))).collect();
    put(&mut told, "quantiles", (!quantiles.is_empty()).then_some(quantiles));
    told
}

/// A facet has no nulls: what is not known is not there.
fn put(fields: &mut Value, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        fields[name] = value.into();
    }
}
