//! `io.meshsteward.incident.v1`: a rule that fails, until it holds again.

use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::check::verdict::RuleResult;
use crate::engine::event::envelope::{Event, Source};

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
    /// The result that moved it; `None` where the rule is gone from the contract.
    pub result: Option<&'a RuleResult>,
}

/// The event; the same product, rule, first window and sequence give the same `ce_id`.
pub fn event(_source: &Source, _incident: &Incident<'_>) -> Event {
    Event::default()
}
