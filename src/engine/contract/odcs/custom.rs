//! `steward.*` custom properties, and the marks that classify a value.

use crate::engine::contract::fields::{At, Fields};
use crate::engine::contract::horizon::HORIZON_MAX_MS;
use crate::engine::contract::mode::Mode;
use crate::engine::contract::model::Clause;
use crate::engine::contract::odcs::beside;
use crate::engine::contract::odcs::encoding::{self, Stated, Word};
use crate::engine::contract::odcs::records;
use crate::engine::contract::plan::IncidentPolicy;
use crate::engine::contract::problem::{Place, Problems};
use crate::engine::contract::records::Policy;
use crate::engine::contract::sample::{SHARE_MIN, Sampling};
use crate::engine::contract::yaml::{Node, Value};

/// What custom properties say to the daemon.
#[derive(Clone, Debug, Default)]
pub struct Custom {
    pub event_time: Option<(String, Place)>,
    pub declared_delay_ms: Option<i64>,
    pub incident: Option<IncidentPolicy>,
    pub mode: Option<Mode>,
    /// As a share, 0 to 1.
    pub objective: Option<f64>,
    pub records: Policy,
    /// `steward.sample`, and where it stands.
    pub sample: Option<(Sampling, Place)>,
    /// Values of this field may leave as they are.
    pub show_values: bool,
    pub encoding: Stated,
    /// `steward.uniquenessHorizon`, and where it stands.
    pub horizon_ms: Option<i64>,
    pub horizon_at: Option<Place>,
    /// `steward.headers` and `steward.key`.
    pub headers: Option<Vec<Clause>>,
    pub key: Option<Vec<Clause>>,
    /// One of them marks personal data.
    pub classified: bool,
}

/// Where custom properties stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Contract,
    Object,
    Property,
    Rule,
}

/// Known, and not enforced by this version.
const NOT_YET: [&str; 1] = ["runbook"];

/// As many windows as a rule's history keeps.
const INCIDENT_OF_MAX: u32 = 100;

/// Reads `customProperties` and `tags`.
pub fn read(fields: &mut Fields<'_>, level: Level, problems: &Problems) -> Custom {
    let mut custom = Custom::default();
    for tag in fields.list("tags") {
        custom.classified |= tag.text().is_some_and(marks_personal_data);
    }
    for item in fields.list("customProperties") {
        let Some(mut entry) = Fields::of(&item, problems) else { continue };
        let Some(name) = entry.text("property") else { continue };
        let value = entry.get("value");
        match (name.strip_prefix("steward."), value) {
            (Some(_), None) => problems.schema(&entry.at, format!("{name} has no value"), "give it a `value`"),
            (Some(key), Some(value)) => custom.steward(key, value.node, &value.at, level, problems),
            (None, value) => {
                let denied = value.is_none_or(|v| denies(&v.node.value));
                custom.classified |= marks_personal_data(&name) && !denied;
            }
        }
    }
    custom
}

impl Custom {
    fn steward(&mut self, key: &str, node: &Node, at: &Place, level: Level, problems: &Problems) {
        let of_topics = level == Level::Contract || level == Level::Object;
        match (key, &node.value) {
            ("eventTimeField", Value::Text(field)) if of_topics => self.event_time = Some((field.clone(), at.clone())),
            ("declaredDelay", Value::Text(text)) if of_topics && duration_ms(text).is_some() => {
                self.declared_delay_ms = duration_ms(text);
            }
            ("showValues", Value::Bool(show)) if level == Level::Property => self.show_values = *show,
            ("showValues", _) => {
                problems.beyond(at, "steward-property",
                    "steward.showValues is understood on a property alone, as true or false",
                    "set it to true on each property whose values may be shown in profiles",
                );
            }
            ("incident", _) if level == Level::Contract => match incident(node) {
                Some(policy) => self.incident = Some(policy),
                None => problems.beyond(at, "steward-property",
                    "steward.incident is not understood",
                    format!("write {{failing: N, of: M}} with 1 <= N <= M <= {INCIDENT_OF_MAX}"),
                ),
            },
            ("mode", Value::Text(word)) if Mode::named(word).is_some() && matches!(level, Level::Contract | Level::Rule) => {
                self.mode = Mode::named(word);
            }
            ("mode", _) => problems.beyond(at, "steward-property",
                "steward.mode is understood on the contract and on its rules, as observe, warn or enforce",
                "write one of the three words, on the contract or on a rule of `quality`",
            ),
            // Read by lineage, of the document itself.
            ("inputs", node) if of_topics && are_names(node) => {}
            ("inputs", _) if of_topics => problems.beyond(at, "steward-property",
                "steward.inputs is no list of names",
                "write the topics, or objects of this contract, that the data is made of: [shop.orders, shop.customers]",
            ),
            ("objective", _) if level == Level::Contract => match objective(&node.value) {
                Some(share) => self.objective = Some(share),
                None => problems.beyond(at, "steward-property",
                    "steward.objective is no percentage",
                    "write how many windows of a hundred are to be good: 99.9",
                ),
            },
            ("sample", _) if level == Level::Contract => match share(&node.value) {
                // All of them is no sample.
                Some(1.0) => {}
                share => match share.and_then(Sampling::of) {
                    Some(sample) => self.sample = Some((sample, at.clone())),
                    None => problems.beyond(at, "steward-property",
                        "steward.sample is no share of the records",
                        format!("write a number from {SHARE_MIN} to 1, such as 0.01, or a percentage in quotes: \"1 %\""),
                    ),
                },
            },
            ("records", _) if level == Level::Contract => {
                self.records = records::read(&At { node, at: at.clone() }, problems);
            }
            ("protobufSchema", Value::Text(text)) if of_topics => {
                self.encoding.protobuf = encoding::protobuf(text, at, problems);
            }
            ("protobufMessage", Value::Text(name)) if of_topics => {
                self.encoding.message = Some((name.clone(), at.clone()));
            }
            ("protobufSchema" | "protobufMessage", _) if of_topics => {
                problems.beyond(at, "steward-property", format!("steward.{key} is no text"), "give the text of a .proto file, and a message's name");
            }
            ("uniquenessHorizon", Value::Text(text)) if level == Level::Object || level == Level::Rule => {
                self.horizon_ms = duration_ms(text).filter(|ms| (1..=HORIZON_MAX_MS).contains(ms));
                self.horizon_at = Some(at.clone());
                if self.horizon_ms.is_none() {
                    problems.beyond(at, "steward-property",
                        format!("steward.uniquenessHorizon {text:?} is no span of time up to 3 d, as far back as keys can be read again after a restart"),
                        "write it with a unit: 30m, 24h or 3d",
                    );
                }
            }
            ("uniquenessHorizon", _) => {
                problems.beyond(at, "steward-property",
                    "steward.uniquenessHorizon is understood on an object or a rule, as a span of time",
                    "write 24h, on a rule about duplicates or on the object for all of its keys",
                );
            }
            ("headers", _) if of_topics => {
                self.headers = Some(beside::headers(&At { node, at: at.clone() }, problems));
            }
            ("key", _) if of_topics => self.key = Some(beside::key(&At { node, at: at.clone() }, problems)),
            ("avroSchema", _) if of_topics => self.encoding.schema = encoding::schema(node, at, problems),
            ("encoding", Value::Text(word)) if of_topics && Word::named(word).is_some() => {
                self.encoding.encoding = Word::named(word).map(|word| (word, at.clone()));
            }
            ("encoding", _) if of_topics => {
                problems.beyond(at, "steward-property", "steward.encoding is not understood", "write json, avro, protobuf or registry");
            }
            ("eventTimeField", _) if of_topics => {
                problems.beyond(at, "steward-property", "steward.eventTimeField is no text", "name a field, such as created_at");
            }
            ("declaredDelay", _) if of_topics => {
                problems.beyond(at, "steward-property",
                    "steward.declaredDelay is no span of time",
                    "write it with a unit: 500ms, 30s, 5m, 1h or 1d",
                );
            }
            ("eventTimeField" | "declaredDelay" | "avroSchema" | "protobufSchema" | "protobufMessage" | "encoding"
             | "headers" | "key" | "inputs", _) => {
                problems.beyond(at, "steward-property",
                    format!("steward.{key} stands where it means nothing"),
                    "put it on the object or the contract",
                );
            }
            ("incident" | "objective" | "records" | "sample", _) => {
                problems.doubt(at, "steward-property",
                    format!("steward.{key} is read on the contract alone"),
                    "move it to the contract's customProperties",
                );
            }
            (known, _) if NOT_YET.contains(&known) => {
                problems.doubt(at, "steward-property",
                    format!("steward.{key} is not enforced by this version"),
                    "remove it, or leave it for a later one",
                );
            }
            _ => problems.beyond(at, "steward-property",
                format!("steward.{key} is not known"),
                "use eventTimeField, declaredDelay, avroSchema, protobufSchema, protobufMessage, encoding, headers, key, inputs, uniquenessHorizon, incident, objective, records, sample, mode or showValues, or a name without `steward.`",
            ),
        }
    }
}

fn are_names(node: &Value) -> bool {
    let is_name = |node: &Node| matches!(&node.value, Value::Text(name) if !name.trim().is_empty());
    matches!(node, Value::List(names) if names.iter().all(is_name))
}

/// Percent into a share.
fn objective(value: &Value) -> Option<f64> {
    let percent = match value {
        Value::Number(number) => number.as_f64()?,
        Value::Text(text) => text.trim().strip_suffix('%').unwrap_or(text).trim().parse().ok()?,
        _ => return None,
    };
    (0.0 < percent && percent <= 100.0).then_some(percent / 100.0)
}

/// `0.01`, or `"1 %"`.
fn share(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::Text(text) => Some(text.trim().strip_suffix('%')?.trim().parse::<f64>().ok()? / 100.0),
        _ => None,
    }
}

fn incident(node: &Node) -> Option<IncidentPolicy> {
    let Value::Map(entries) = &node.value else { return None };
    let mut policy = IncidentPolicy { failing: 1, of: 1 };
    for (key, node) in entries {
        let Value::Number(n) = &node.value else { return None };
        let n = u32::try_from(n.as_u64()?).ok()?;
        match key.as_str() {
            "failing" => policy.failing = n,
            "of" => policy.of = n,
            _ => return None,
        }
    }
    (1 <= policy.failing && policy.failing <= policy.of && policy.of <= INCIDENT_OF_MAX).then_some(policy)
}

/// `500ms`, `30s`, `5m`, `1h`, `1d`.
pub fn duration_ms(text: &str) -> Option<i64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    // A year is more than any window waits; beyond it, times would overflow one day.
    number.parse::<i64>().ok()?.checked_mul(unit_ms).filter(|ms| *ms <= 366 * 86_400_000)
}

/// A tag or a property's name: `pii`, `PII:email`, `contains_pii`, `personalData`, `sensitive` …
pub fn marks_personal_data(text: &str) -> bool {
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let whole = [
        "ispii",
        "containspii",
        "haspii",
        "personal",
        "personaldata",
        "ispersonaldata",
        "sensitive",
        "issensitive",
        "confidential",
    ];
    plain.starts_with("pii") || whole.contains(&plain.as_str())
}

/// `pii: false` marks nothing.
fn denies(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Text(text) => ["", "false", "no", "none"].iter().any(|w| text.eq_ignore_ascii_case(w)),
        _ => false,
    }
}
