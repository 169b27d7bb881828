//! What a schema and a contract have in common: objects and their fields, types, bounds and texts.

use crate::engine::contract::exchange::tree::Tree;
use crate::engine::contract::model::LogicalType;

/// Deeper than any record is, and the end of a schema that refers to itself.
pub const DEPTH_MAX: usize = 32;
/// Fields that are read: a schema that names its types again and again grows fast.
pub const FIELDS_MAX: usize = 10_000;

#[derive(Clone, Debug, Default)]
pub struct Outline {
    pub id: String,
    pub name: Option<String>,
    pub version: Option<String>,
    pub status: Option<String>,
    pub domain: Option<String>,
    /// The team.
    pub owner: Option<String>,
    /// What the data is for.
    pub text: Option<String>,
    pub usage: Option<String>,
    pub limitations: Option<String>,
    pub tags: Vec<String>,
    pub objects: Vec<Object>,
    /// `servers`, as ODCS has them.
    pub servers: Vec<Tree>,
    /// `slaProperties`, as ODCS has them.
    pub levels: Vec<Tree>,
}

#[derive(Clone, Debug, Default)]
pub struct Object {
    pub name: String,
    /// Where its records are: a topic, where it is one.
    pub physical_name: Option<String>,
    pub physical_type: Option<String>,
    pub title: Option<String>,
    pub text: Option<String>,
    pub tags: Vec<String>,
    /// `customProperties`, by name.
    pub custom: Vec<(String, Tree)>,
    /// `quality`, as ODCS has it.
    pub quality: Vec<Tree>,
    pub fields: Vec<Field>,
}

/// A property, or the items of an array.
#[derive(Clone, Debug, Default)]
pub struct Field {
    /// Empty of items.
    pub name: String,
    /// What it is called in a record, where that is another name.
    pub physical_name: Option<String>,
    /// `None`: anything.
    pub logical: Option<LogicalType>,
    pub physical_type: Option<String>,
    pub title: Option<String>,
    pub text: Option<String>,
    /// It is there, and not null.
    pub required: bool,
    pub unique: bool,
    /// Part of the primary key; its position, counted from 1, where one is given.
    pub key: Option<Option<i64>>,
    pub classification: Option<String>,
    pub tags: Vec<String>,
    /// `logicalTypeOptions`, as ODCS has them.
    pub options: Vec<(String, Tree)>,
    /// The only values that it may have; empty: any.
    pub values: Vec<Tree>,
    pub examples: Vec<Tree>,
    /// `quality`, as ODCS has it, without the rule that `values` is.
    pub quality: Vec<Tree>,
    /// Of an object.
    pub fields: Vec<Field>,
    /// Of an array, or the values of a map.
    pub items: Option<Box<Field>>,
}

impl Field {
    pub fn of(logical: LogicalType) -> Field {
        Field { logical: Some(logical), ..Field::default() }
    }

    /// The way of what it holds.
    pub fn within(&self, at: &str) -> String {
        match self.logical {
            Some(LogicalType::Map) => format!("{at}{{value}}"),
            _ => below(at, ""),
        }
    }

    pub fn option(&self, key: &str) -> Option<&Tree> {
        self.options.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

/// The field's way by dots.
pub fn below(at: &str, name: &str) -> String {
    match (at, name) {
        (at, "") => format!("{at}[]"),
        ("", name) => name.to_owned(),
        (at, name) => format!("{at}.{name}"),
    }
}

/// What a topic may be called (Kafka's own bound is 249).
pub fn legal_topic(name: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let text: String = name.chars().take(249).map(kept).collect();
    if text.is_empty() { "records".to_owned() } else { text }
}
