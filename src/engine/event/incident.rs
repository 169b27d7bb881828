//! `io.meshsteward.incident.v1`: a rule that fails, until it holds again; and what lineage finds against what is declared, until both agree.

use crate::engine::check::verdict::{RuleResult, Status};
use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::event::envelope::{self, About, Event, Source, clip, rfc3339};
use crate::engine::event::id;
use crate::engine::event::result::{ResultValue, result_value, word};
use crate::engine::event::window::{ContractValue, contract_value};
use crate::engine::lineage::contradiction::Contradiction;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Opened,
    Updated,
    Resolved,
}

/// What an incident event says.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident<'a> {
    pub product: &'a ProductName,
    pub owner: &'a str,
    pub contract_id: &'a str,
    pub contract_version: &'a str,
    pub hash: ContractHash,
    pub state: State,
    /// The rule's id.
    pub rule: &'a str,
    pub severity: Option<&'a str>,
    pub first_window_ms: i64,
    pub last_window_ms: i64,
    /// The end of `last_window`: the event's time.
    pub last_window_end_ms: i64,
    pub failing_windows: u64,
    pub worst_failed: u64,
    /// 1 for opened, then one more for each event of this incident.
    pub sequence: u64,
    /// The result that moved it; `None` where the rule is gone from the contract, and of lineage.
    pub result: Option<&'a RuleResult>,
    /// Of lineage: what disagrees.
    pub lineage: Option<&'a Contradiction>,
}

/// The rule of an incident of lineage.
pub fn rule_of(found: &Contradiction) -> String {
    format!("steward.lineage.{}", found.word())
}

/// Of an incident of lineage: the data is as good as before, and who is to know may be asleep.
pub const LINEAGE_SEVERITY: &str = "warning";

/// The event; the same product, contract, rule, first window and sequence give the same `ce_id`.
pub fn event(source: &Source, incident: &Incident<'_>) -> Event {
    let about = About {
        kind: KIND,
        schema: "incident.v1.json",
        id: identity(KIND, incident, Some(incident.sequence)),
        product: incident.product,
        time_ms: incident.last_window_end_ms,
        severity: incident.severity,
        verdict: verdict(incident),
    };
    envelope::event(source, about, &value(incident))
}

/// One rule has one incident at a time, but for those of lineage: what disagrees tells them apart.
fn identity(kind: &str, incident: &Incident<'_>, sequence: Option<u64>) -> String {
    let first_window_ms = incident.first_window_ms.to_string();
    let mut parts = vec![
        kind,
        &incident.product.domain,
        &incident.product.name,
        incident.contract_id,
        incident.rule,
        &first_window_ms,
    ];
    let sequence = sequence.map(|sequence| sequence.to_string());
    parts.extend(sequence.as_deref());
    let found = incident.lineage.map(ToString::to_string);
    parts.extend(found.as_deref());
    id::of(&parts)
}

/// Equal in all events of one incident of a rule, and the last part of its page's URL.
pub fn id_of(product: &ProductName, contract: &str, rule: &str, first_window_ms: i64) -> String {
    id::of(&["incident", &product.domain, &product.name, contract, rule, &first_window_ms.to_string()])
}

const KIND: &str = "io.meshsteward.incident.v1";

/// One result has few samples by itself; this holds whatever a contract version's cap is: 20 of at most
/// 2 * 6 KiB (a text of 1 KiB, every byte escaped as `\u00xx`) stay below half of what an event may weigh.
const MAX_SAMPLES: usize = 20;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Value {
    product: String,
    domain: String,
    owner: String,
    contract: ContractValue,
    /// Equal in all events of one incident.
    incident: String,
    state: &'static str,
    rule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<String>,
    /// The start of the window that failed first.
    first_window: String,
    last_window: Span,
    failing_windows: u64,
    worst_failed_row_count: u64,
    sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<ResultValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lineage: Option<Lineage>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

#[derive(Debug, Serialize)]
struct Span {
    start: String,
    end: String,
}

/// What disagrees; nodes as Marquez' API names them.
#[derive(Debug, Serialize)]
struct Lineage {
    kind: &'static str,
    dataset: String,
    text: String,
}

fn value(incident: &Incident<'_>) -> Value {
    let mut result = incident.result.map(result_value);
    let truncated = result.as_ref().is_some_and(|result| result.samples.len() > MAX_SAMPLES);
    if let Some(result) = &mut result {
        result.samples.truncate(MAX_SAMPLES);
    }
    Value {
        product: incident.product.to_string(),
        domain: incident.product.domain.clone(),
        owner: clip(incident.owner),
        contract: contract_value(incident.contract_id, incident.contract_version, incident.hash),
        incident: identity("incident", incident, None),
        state: match incident.state {
            State::Opened => "opened",
            State::Updated => "updated",
            State::Resolved => "resolved",
        },
        rule: clip(incident.rule),
        severity: incident.severity.map(clip),
        first_window: rfc3339(incident.first_window_ms),
        last_window: Span { start: rfc3339(incident.last_window_ms), end: rfc3339(incident.last_window_end_ms) },
        failing_windows: incident.failing_windows,
        worst_failed_row_count: incident.worst_failed,
        sequence: incident.sequence,
        result,
        lineage: incident.lineage.map(|found| Lineage {
            kind: found.word(),
            dataset: clip(&found.dataset().to_string()),
            text: clip(&found.to_string()),
        }),
        truncated,
    }
}

/// An incident whose rule is gone from the contract ends without anybody knowing whether it held.
fn verdict(incident: &Incident<'_>) -> &'static str {
    match (incident.result, incident.state) {
        (None, State::Resolved) if incident.lineage.is_some() => word(Status::Pass),
        (None, _) if incident.lineage.is_some() => word(Status::Warn),
        (Some(result), _) => word(result.status),
        (None, State::Resolved) => word(Status::Unknown),
        (None, _) => word(Status::Fail),
    }
}
