//! The model compiled into numbered rules: what is asked of every record, and of every window.

use crate::engine::contract::asked::Asked;
use crate::engine::contract::beside::Beside;
use crate::engine::contract::described::Described;
use crate::engine::contract::horizon::Horizon;
use crate::engine::contract::mode::Mode;
use crate::engine::contract::name::{ContractHash, ProductName, compare_versions};
use crate::engine::contract::problem::{Place, Problem, Problems};
use crate::engine::contract::records::Policy;
use crate::engine::contract::relation::Reference;
use crate::engine::contract::sample::Sampling;
use crate::engine::contract::sla::Sla;
use crate::engine::contract::text::format::TextFormat;
use crate::engine::contract::text::moment::Moments;
use crate::engine::contract::text::pattern::Pattern;
use crate::engine::contract::values::Values;
use crate::engine::decode::framing::Encoding;
use crate::engine::decode::moment::MomentKind;
use crate::engine::decode::path::FieldPath;
use crate::engine::expr::condition::Condition;
use crate::engine::expr::sql::query::Query;
use crate::engine::profile::shape::ProfilePlan;
use rustc_hash::FxHashSet;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Changes whenever the numbering or the meaning of compiled rules changes; it is part of the contract hash.
pub const PLAN_VERSION: u32 = 6;

/// One contract version, compiled. A rule's index in `rules` is its number in every delta that names `hash`.
#[derive(Debug)]
pub struct Plan {
    pub hash: ContractHash,
    pub product: ProductName,
    /// The contract's own id, for events.
    pub contract_id: String,
    pub contract_version: String,
    /// Who answers for the product: the ODCS team's name, else empty.
    pub owner: String,
    /// What it tells catalogs.
    pub described: Arc<Described>,
    pub objects: Vec<ObjectPlan>,
    pub rules: Vec<Rule>,
    /// By object: where its rules look.
    pub asked: Vec<Asked>,
    /// The fields that are profiled, by number as the rules are.
    pub profile: ProfilePlan,
    /// The rules whose keys are remembered beyond a window.
    pub horizons: Vec<Horizon>,
    /// Opens an incident when a rule fails in `failing` of `of` windows (default 1 of 1).
    pub incident: IncidentPolicy,
    /// Of what is asked of every record, whatever the rules: that it can be decoded, and its timestamp.
    pub mode: Mode,
    /// `steward.objective`: the share of windows that is to be good, 0 to 1.
    pub objective: f64,
    /// `steward.records`; where it says nothing, what the mesh has by default.
    pub records: Policy,
    /// `steward.sample`: the records that are profiled and asked the rules; `None`: all.
    pub sample: Option<Sampling>,
}

impl Plan {
    /// With what the mesh does where the contract says nothing.
    pub fn within(mut self, mesh: &Policy) -> Plan {
        self.records = self.records.over(mesh, self.mode);
        self
    }

    /// The objects that it governs, without those that it only refers to.
    pub fn governed(&self) -> impl Iterator<Item = &ObjectPlan> {
        self.objects.iter().filter(|object| !object.keys_only)
    }

    /// Whether anything of the contract is enforced.
    pub fn enforces(&self) -> bool {
        self.mode == Mode::Enforce || self.rules.iter().any(|rule| rule.mode == Mode::Enforce)
    }

    /// Whether records may be copied to quarantine.
    pub fn puts_aside(&self) -> bool {
        self.enforces() || self.records.puts_aside()
    }
}

/// The objective of a contract that states none.
pub const DEFAULT_OBJECTIVE: f64 = 0.99;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncidentPolicy {
    pub failing: u32,
    pub of: u32,
}

/// What is asked of the records of one topic.
#[derive(Debug)]
pub struct ObjectPlan {
    /// ODCS `schema[].name`.
    pub name: String,
    /// ODCS `physicalName`, else `name`.
    pub topic: String,
    /// `None`: the record's timestamp. `Some`: `steward.eventTimeField`.
    pub event_time: Option<FieldPath>,
    /// `steward.declaredDelay`: how far the event time may lag behind the record, 0 by default.
    pub declared_delay_ms: i64,
    pub encoding: Encoding,
    /// The numbers of the rules of this object, ascending.
    pub rules: Vec<usize>,
    /// It is another contract's, and is read for the keys that this one refers to: nothing else is counted of its records.
    pub keys_only: bool,
}

#[derive(Debug)]
pub struct Rule {
    /// The contract's `id`, else derived from the path and stable, e.g. `orders.amount.required`.
    pub id: String,
    /// Whether the id is the contract's own.
    pub own_id: bool,
    pub name: Option<String>,
    /// Index into `Plan::objects`.
    pub object: usize,
    /// The property by the names of the schema, `lines[].sku`, else what stands beside the value, `@key` or
    /// `@headers.trace-id`; `None` at object level.
    pub property: Option<String>,
    /// Where it stands in a record; `None` at object level.
    pub field: Option<FieldPath>,
    /// An ODCS metric, or the schema key it comes from: `required`, `nullValues`, `pattern` …
    pub metric: &'static str,
    pub dimension: Option<String>,
    pub severity: Option<String>,
    pub mode: Mode,
    /// ODCS path of the element: `schema/orders/properties/amount`.
    pub relates_to: String,
    /// Classified fields leave no value, not even masked.
    pub classified: bool,
    pub check: Check,
    /// How far before a window's end keys of other windows count: of `Check::Unique` `steward.uniquenessHorizon`, of
    /// `Check::Refers` `steward.referenceHorizon`.
    pub horizon_ms: Option<i64>,
    pub threshold: Threshold,
    pub unit: Unit,
}

/// What a rule asks. A tombstone and an undecodable record are asked nothing.
#[derive(Clone, Debug)]
pub enum Check {
    /// The field is there and not null.
    Present,
    /// The field is there and null.
    Null,
    /// The field is not there, or its value equals one of these; null only where the list holds null.
    Missing(Values),
    /// The value keeps one clause of its schema; null and missing rows are not asked.
    Valid(Validity),
    /// `invalidValues`: the value is one of `values` and, as text, matches `pattern`, whichever is given. Null and
    /// missing rows are not asked; what is no text matches no pattern.
    Invalid { values: Option<Values>, pattern: Option<Pattern> },
    /// The key or a header keeps one clause.
    Beside(Box<Beside>),
    /// Distinct within the window, over the named fields together.
    Unique(Vec<FieldPath>),
    /// The keys that these fields hold stand in the object that they refer to, within the horizon.
    Refers(Box<Reference>),
    /// The number of rows.
    RowCount,
    /// What an expression says of the record, or of the field.
    Holds(Arc<Condition>),
    /// The number that a query gives.
    Query(Arc<Query>),
    /// A service level: of the times of a window's records, and of what windows before it have left.
    Sla(Box<Sla>),
    /// Parsed and not enforced: `unknown`, with the reason.
    Unmeasured(String),
}

/// One clause of a field's schema. Every clause but `Type`, `Types`, `Written`, `Moment` and `OneOf` asks only values of its own type:
/// a value of another type is one fault, and `Type` finds it.
#[derive(Clone, Debug)]
pub enum Validity {
    Type(JsonType),
    /// Of one of these types.
    Types(Vec<JsonType>),
    /// Reads as a date, timestamp or time. Where `asks_type` is false it comes from `format` and asks text alone;
    /// else it is the field's `logicalType`, and what is neither text, a moment nor (where allowed) an epoch is wrong.
    Moment {
        read: Moments,
        asks_type: bool,
    },
    /// A text, whose form `format` asks; or, where the record has moments of its own, one of this kind.
    Written(MomentKind),
    /// Asked of what reads; nanoseconds, as `Moments::read` gives them.
    MomentRange {
        read: Moments,
        minimum: Option<i128>,
        maximum: Option<i128>,
        exclusive_minimum: Option<i128>,
        exclusive_maximum: Option<i128>,
    },
    /// Whether the text names its offset, asked of what reads.
    Zoned {
        read: Moments,
        zoned: bool,
    },
    /// Characters (Unicode scalar values) of a string.
    Length {
        min: Option<u64>,
        max: Option<u64>,
    },
    /// Searched for in a string, not anchored.
    Pattern(Pattern),
    Format(TextFormat),
    Number {
        minimum: Option<f64>,
        maximum: Option<f64>,
        exclusive_minimum: Option<f64>,
        exclusive_maximum: Option<f64>,
        multiple_of: Option<f64>,
    },
    /// A number that fits `i8` … `u128`.
    Fits {
        min: i128,
        max: u128,
    },
    OneOf(Values),
    Items {
        min: Option<u64>,
        max: Option<u64>,
        unique: bool,
    },
    /// The number of an object's fields.
    Properties {
        min: Option<u64>,
        max: Option<u64>,
    },
    /// An object's fields that are there and not null.
    Has(Vec<String>),
    /// An object's fields are among these.
    Only(FxHashSet<Box<str>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonType {
    String,
    Number,
    /// A number without a fraction: 1.0 is one.
    Integer,
    Object,
    Array,
    Boolean,
}

/// ODCS operators, exactly one a rule. Of a clause of the schema (`required` …): `MustBe(0.0)` failed rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    MustBe(f64),
    MustNotBe(f64),
    GreaterThan(f64),
    GreaterOrEqualTo(f64),
    LessThan(f64),
    LessOrEqualTo(f64),
    /// Without its ends, as the standard's prose says.
    Between(f64, f64),
    NotBetween(f64, f64),
}

impl Threshold {
    pub fn holds(self, value: f64) -> bool {
        match self {
            Threshold::MustBe(n) => value == n,
            Threshold::MustNotBe(n) => value != n,
            Threshold::GreaterThan(n) => value > n,
            Threshold::GreaterOrEqualTo(n) => value >= n,
            Threshold::LessThan(n) => value < n,
            Threshold::LessOrEqualTo(n) => value <= n,
            Threshold::Between(low, high) => low < value && value < high,
            Threshold::NotBetween(low, high) => value <= low || high <= value,
        }
    }
}

impl Threshold {
    /// Whether it holds for every number of `[low, high]`, or for none; `None`: for some.
    pub fn decides(self, low: f64, high: f64) -> Option<bool> {
        let certain = match self {
            Threshold::MustBe(n) | Threshold::MustNotBe(n) => low == high || n < low || high < n,
            // Both ends outside may have the range between them.
            Threshold::Between(from, to) | Threshold::NotBetween(from, to) => {
                high <= from || to <= low || (from < low && high < to)
            }
            _ => self.holds(low) == self.holds(high),
        };
        certain.then(|| self.holds(low))
    }
}

impl Rule {
    /// Whether a failure is a warning: severities `warning`, `warn` and `info`, in any case.
    pub fn warns(&self) -> bool {
        self.severity.as_deref().is_some_and(|s| ["warning", "warn", "info"].iter().any(|w| s.eq_ignore_ascii_case(w)))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Rows,
    Percent,
}

/// All contracts in force: what each topic's records are asked, and by which hash a window is judged.
#[derive(Debug, Default)]
pub struct Plans {
    /// The current version of each product's contracts, by topic; several products may read one topic.
    pub by_topic: BTreeMap<String, Vec<Binding>>,
    /// Every version that a delta may name, old ones too.
    pub by_hash: BTreeMap<ContractHash, Arc<Plan>>,
}

impl Plans {
    /// Puts contracts in force, in the order of their files' paths. Of one contract id the highest version governs; of one
    /// version in two wordings the first. Whatever was given can still explain a delta that names it.
    pub fn build(plans: Vec<Arc<Plan>>) -> (Plans, Vec<Problem>) {
        let mut current: BTreeMap<&str, &Arc<Plan>> = BTreeMap::new();
        let problems = Problems::default();
        for plan in &plans {
            let id = plan.contract_id.as_str();
            let Some(other) = current.get(id).copied() else {
                current.insert(id, plan);
                continue;
            };
            let (old, new) = (&other.contract_version, &plan.contract_version);
            match compare_versions(new, old) {
                _ if plan.hash == other.hash => {
                    problems.doubt(
                        &Place::default(),
                        "repeated-contract",
                        format!("contract {id} {new} is given twice"),
                        "remove one of the files",
                    );
                }
                Ordering::Equal => problems.beyond(
                    &Place::default(),
                    "repeated-version",
                    format!("contract {id} {new} is given in two wordings; the first by path governs"),
                    "remove one of the files, or give the newer a higher version",
                ),
                order => {
                    let (higher, lower) = if order == Ordering::Greater { (new, old) } else { (old, new) };
                    problems.doubt(
                        &Place::default(),
                        "older-version",
                        format!("contract {id} is given in two versions; {higher} governs, {lower} does not"),
                        "remove the file of the lower version",
                    );
                    if order == Ordering::Greater {
                        current.insert(id, plan);
                    }
                }
            }
        }
        let mut by_topic: BTreeMap<String, Vec<Binding>> = BTreeMap::new();
        for plan in current.values() {
            for (object, of) in plan.objects.iter().enumerate() {
                let binding = Binding { plan: Arc::clone(plan), object };
                by_topic.entry(of.topic.clone()).or_default().push(binding);
            }
        }
        let by_hash = plans.iter().map(|plan| (plan.hash, Arc::clone(plan))).collect();
        (Plans { by_topic, by_hash }, problems.into_vec())
    }
}

/// One object of one contract, bound to its topic.
#[derive(Clone, Debug)]
pub struct Binding {
    pub plan: Arc<Plan>,
    /// Index into `plan.objects`.
    pub object: usize,
}

impl Binding {
    /// Whether the topic is read for the keys that the contract refers to.
    pub fn keys_only(&self) -> bool {
        self.plan.objects.get(self.object).is_some_and(|object| object.keys_only)
    }
}

#[cfg(test)]
mod tests {
    use super::Threshold;

    #[test]
    fn thresholds_hold_as_the_standards_operators_say() {
        let cases = [
            (Threshold::MustBe(1.0), [false, true, false]),
            (Threshold::MustNotBe(1.0), [true, false, true]),
            (Threshold::GreaterThan(1.0), [false, false, true]),
            (Threshold::GreaterOrEqualTo(1.0), [false, true, true]),
            (Threshold::LessThan(1.0), [true, false, false]),
            (Threshold::LessOrEqualTo(1.0), [true, true, false]),
            (Threshold::Between(0.0, 2.0), [false, true, false]),
            (Threshold::NotBetween(0.0, 2.0), [true, false, true]),
        ];
        for (threshold, expected) in cases {
            assert_eq!([0.0, 1.0, 2.0].map(|n| threshold.holds(n)), expected, "{threshold:?}");
        }
    }
}
