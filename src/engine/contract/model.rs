//! A contract as the standard words it: ODCS v3, what governs Kafka topics.

use crate::engine::contract::mode::Mode;
use crate::engine::contract::name::ProductName;
use crate::engine::contract::plan::{Check, IncidentPolicy, Threshold, Unit};
use crate::engine::contract::problem::Place;
use crate::engine::contract::records::Policy;
use crate::engine::contract::relation::Elsewhere;
use crate::engine::contract::sample::Sampling;
use crate::engine::decode::framing::Encoding;
use crate::engine::decode::path::FieldPath;

/// One contract; of what asks nothing of data (support, prices, links) only descriptions are kept.
#[derive(Clone, Debug)]
pub struct Contract {
    pub id: String,
    pub version: String,
    pub name: Option<String>,
    /// Deprecated in the standard, and still what many contracts name their product by.
    pub data_product: Option<String>,
    pub domain: Option<String>,
    /// The team's name; empty where none is given.
    pub owner: String,
    /// `team:order-desk` or `user:jane`; `None` where nobody is named.
    pub owner_urn: Option<String>,
    /// Its purpose, usage and limitations, as paragraphs.
    pub text: Option<String>,
    /// `steward.incident`.
    pub incident: IncidentPolicy,
    /// `steward.mode`; of all that no rule of its own says otherwise.
    pub mode: Mode,
    /// `steward.objective`, as a share.
    pub objective: f64,
    /// `steward.records`.
    pub records: Policy,
    /// `steward.sample`; `None`: all records are looked at.
    pub sample: Option<Sampling>,
    /// The objects that are topics, in the order of the document.
    pub objects: Vec<Object>,
    /// The objects that are none: nothing is governed by them, and records may still be tried on them.
    pub ungoverned: Vec<Object>,
    /// Objects of other contracts that this one refers to, each called `CONTRACT#OBJECT`: read for their keys alone.
    pub referred: Vec<Object>,
    /// The whole document as JSON with sorted keys: equal where only comments and layout differ.
    pub canonical: String,
}

/// What the schema says of one kind of record.
#[derive(Clone, Debug)]
pub struct Object {
    /// Where it stands among all objects of the document.
    pub index: usize,
    pub name: String,
    /// The `physicalName`, else the `name`; where it is no topic, whatever is called so.
    pub topic: String,
    /// `schema/orders`.
    pub relates_to: String,
    /// `steward.eventTimeField`, of the object or else of the contract.
    pub event_time: Option<FieldPath>,
    /// `steward.declaredDelay`, likewise.
    pub declared_delay_ms: i64,
    /// `steward.uniquenessHorizon`, of its rules that do not say their own.
    pub horizon_ms: Option<i64>,
    /// `steward.encoding` and `steward.avroSchema`, likewise.
    pub encoding: Encoding,
    /// The description.
    pub text: Option<String>,
    pub properties: Vec<Property>,
    /// What is asked of the object as a whole.
    pub clauses: Vec<Clause>,
}

/// A property, or the items of an array.
#[derive(Clone, Debug)]
pub struct Property {
    /// By `name`s: `lines[].sku`. What rule ids and other clauses call it.
    pub path: String,
    /// By `physicalName`s: where it stands in a record.
    pub field: FieldPath,
    /// `schema/orders/properties/lines/items/properties/sku`.
    pub relates_to: String,
    /// The `physicalType`, else the `logicalType`.
    pub kind: Option<String>,
    /// The description.
    pub text: Option<String>,
    /// Itself, something around it or something in it is classified: no value of it may be shown.
    pub classified: bool,
    /// `steward.showValues`.
    pub show_values: bool,
    pub required: bool,
    pub unique: bool,
    /// `primaryKey`, with its position where one is given.
    pub primary_key: Option<Option<i64>>,
    /// The clauses of its type and its quality rules, in this order.
    pub clauses: Vec<Clause>,
    pub children: Vec<Property>,
}

/// One thing asked.
#[derive(Clone, Debug)]
pub struct Clause {
    /// The contract's own.
    pub id: Option<String>,
    /// The last part of the id where the contract gives none.
    pub key: String,
    pub name: Option<String>,
    /// What it asks where that is no property: `@key`, `@headers.trace-id`.
    pub about: Option<String>,
    /// The field that it asks where that is no property of the contract's own, and whether it is classified.
    pub field: Option<(FieldPath, bool)>,
    /// An ODCS metric or a key of the schema.
    pub metric: &'static str,
    pub dimension: Option<String>,
    pub severity: Option<String>,
    /// `steward.mode` of the rule; `None`: the contract's.
    pub mode: Option<Mode>,
    pub relates_to: String,
    pub check: Check,
    /// `steward.uniquenessHorizon` of the rule.
    pub horizon_ms: Option<i64>,
    pub threshold: Threshold,
    pub unit: Unit,
    /// Where a quality rule stands in the document.
    pub at: Option<Place>,
    /// Of a relationship that leads into another contract: where to.
    pub elsewhere: Option<Box<Elsewhere>>,
}

/// The metric of a clause that is written for people.
pub const TEXT: &str = "text";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogicalType {
    String,
    Date,
    Timestamp,
    Time,
    Number,
    Integer,
    Object,
    Array,
    Boolean,
    /// v3.2.
    Map,
    /// v3.2.
    Vector,
}

impl Contract {
    /// `{domain}/{name}`: the domain is `default` where none is given; the name is `dataProduct`, else `name`, else `id`.
    pub fn product(&self) -> ProductName {
        let name = self.data_product.as_ref().or(self.name.as_ref()).unwrap_or(&self.id);
        ProductName { domain: in_a_key(self.domain.as_deref().unwrap_or("default")), name: in_a_key(name) }
    }
}

impl Contract {
    /// All objects, in the order of the document.
    pub fn all_objects(&self) -> Vec<&Object> {
        let mut all: Vec<&Object> = self.objects.iter().chain(&self.ungoverned).collect();
        all.sort_by_key(|object| object.index);
        all
    }

    /// The contract as if it held one object alone, and that were a topic: the one of this name, else the first of the
    /// document. `None`: there is no such object.
    pub fn of_one(&self, schema: Option<&str>) -> Option<Contract> {
        let object = self.all_objects().into_iter().find(|object| schema.is_none_or(|name| object.name == name))?;
        Some(Contract { objects: vec![object.clone()], ungoverned: Vec::new(), ..self.clone() })
    }
}

impl Clause {
    /// A clause of the schema: no row may break it.
    pub fn schema(metric: &'static str, dimension: &str, relates_to: &str, check: Check) -> Clause {
        Clause {
            id: None,
            key: metric.to_owned(),
            name: None,
            about: None,
            field: None,
            metric,
            dimension: Some(dimension.to_owned()),
            severity: None,
            mode: None,
            relates_to: relates_to.to_owned(),
            check,
            horizon_ms: None,
            threshold: Threshold::MustBe(0.0),
            unit: Unit::Rows,
            at: None,
            elsewhere: None,
        }
    }

    /// Parsed, and not enforced.
    pub fn unmeasured(metric: &'static str, relates_to: &str, reason: impl Into<String>) -> Clause {
        let clause = Clause::schema(metric, "", relates_to, Check::Unmeasured(reason.into()));
        Clause { dimension: None, ..clause }
    }

    /// With a key of its own for the derived id.
    pub fn keyed(self, key: impl Into<String>) -> Clause {
        Clause { key: key.into(), ..self }
    }
}

impl LogicalType {
    /// Its ODCS name.
    pub fn word(self) -> &'static str {
        match self {
            LogicalType::String => "string",
            LogicalType::Date => "date",
            LogicalType::Timestamp => "timestamp",
            LogicalType::Time => "time",
            LogicalType::Number => "number",
            LogicalType::Integer => "integer",
            LogicalType::Object => "object",
            LogicalType::Array => "array",
            LogicalType::Boolean => "boolean",
            LogicalType::Map => "map",
            LogicalType::Vector => "vector",
        }
    }

    /// By its ODCS name.
    pub fn named(name: &str) -> Option<LogicalType> {
        Some(match name {
            "string" => LogicalType::String,
            "date" => LogicalType::Date,
            "timestamp" => LogicalType::Timestamp,
            "time" => LogicalType::Time,
            "number" => LogicalType::Number,
            "integer" => LogicalType::Integer,
            "object" => LogicalType::Object,
            "array" => LogicalType::Array,
            "boolean" => LogicalType::Boolean,
            "map" => LogicalType::Map,
            "vector" => LogicalType::Vector,
            _ => return None,
        })
    }
}

/// Finds a property by its `name`s: `customer.zip`, `lines[].sku`.
pub fn property_at<'p>(properties: &'p [Property], path: &str) -> Option<&'p Property> {
    properties.iter().find_map(|p| if p.path == path { Some(p) } else { property_at(&p.children, path) })
}

/// Finds a property as a query calls it: by its `name`s, else by its `physicalName`s, else by either in any case.
pub fn property_called<'p>(properties: &'p [Property], path: &str) -> Option<&'p Property> {
    fn find<'p>(all: &'p [Property], is: &dyn Fn(&Property) -> bool) -> Option<&'p Property> {
        all.iter().find_map(|p| if is(p) { Some(p) } else { find(&p.children, is) })
    }
    let any_case = |p: &Property| p.path.eq_ignore_ascii_case(path) || p.field.to_string().eq_ignore_ascii_case(path);
    property_at(properties, path)
        .or_else(|| find(properties, &|p| p.field.to_string() == path))
        .or_else(|| find(properties, &any_case))
}

/// A slash would split a key, and a space a label: everything but `A-Z a-z 0-9 . _ -` becomes `-`.
pub fn in_a_key(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect()
}
