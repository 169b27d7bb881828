//! Properties, and what arrays and maps hold, with all that is asked of them.

use crate::engine::contract::fields::{At, Fields};
use crate::engine::contract::model::{Clause, Property};
use crate::engine::contract::odcs::custom::{self, Level};
use crate::engine::contract::odcs::options;
use crate::engine::contract::odcs::quality::{self, Subject, Tables};
use crate::engine::contract::plan::{Check, JsonType, Validity};
use crate::engine::contract::problem::{Place, Problems};
use crate::engine::decode::path::{FieldPath, Step};

/// What a property stands in.
#[derive(Clone, Copy)]
pub struct Parent<'a> {
    /// By `name`s; empty for the object.
    pub path: &'a str,
    pub field: &'a FieldPath,
    pub relates_to: &'a str,
    pub classified: bool,
    /// How deep it is nested.
    pub depth: usize,
    pub tables: Tables<'a>,
}

/// Deeper than any record is read.
const DEPTH_MAX: usize = 64;

/// Says something about the property, and asks nothing of the data.
const TEXT_KEYS: [&str; 16] = [
    "id",
    "businessName",
    "authoritativeDefinitions",
    "deprecated",
    "synonyms",
    "partitioned",
    "partitionKeyPosition",
    "encryptedName",
    "transformSourceObjects",
    "transformLogic",
    "transformDescription",
    "examples",
    "criticalDataElement",
    "semanticType",
    "context",
    "name",
];

/// Reads a list of properties.
pub fn list(holder: &mut Fields<'_>, parent: Parent<'_>, problems: &Problems) -> Vec<Property> {
    let mut names: Vec<String> = Vec::new();
    let mut properties = Vec::new();
    for found in holder.list("properties") {
        let Some(mut fields) = Fields::of(&found, problems) else { continue };
        let Some(name) = fields.text("name").filter(|n| !n.is_empty()) else {
            problems.schema(&fields.at, "the property has no name", "give it a `name`");
            continue;
        };
        if names.contains(&name) {
            problems.beyond(
                &fields.at,
                "repeated-name",
                format!("the property {name} stands here twice"),
                "remove one of them, or rename it",
            );
        }
        let dot = if parent.path.is_empty() { "" } else { "." };
        let path = format!("{}{dot}{name}", parent.path);
        let step = Step::Name(fields.text("physicalName").unwrap_or_else(|| name.clone()));
        let relates_to = format!("{}/properties/{name}", parent.relates_to);
        properties.extend(one(fields, path, below(parent.field, step), relates_to, parent, problems));
        names.push(name);
    }
    properties
}

/// Reads what the items of an array are.
fn items(found: &At<'_>, parent: Parent<'_>, problems: &Problems) -> Option<Property> {
    let mut fields = Fields::of(found, problems)?;
    fields.known(&["physicalName"]);
    let relates_to = format!("{}/items", parent.relates_to);
    one(fields, format!("{}[]", parent.path), below(parent.field, Step::Items), relates_to, parent, problems)
}

/// Reads what the keys and the values of a map are (v3.2).
fn map(found: &At<'_>, parent: Parent<'_>, problems: &Problems) -> Vec<Property> {
    let Some(mut holder) = Fields::of(found, problems) else { return Vec::new() };
    let mut part = |key: &str, step: Step| {
        let mut fields = Fields::of(&holder.get(key)?, problems)?;
        fields.known(&["physicalName"]);
        let relates_to = format!("{}/map/{key}", parent.relates_to);
        let path = format!("{}{{{key}}}", parent.path);
        one(fields, path, below(parent.field, step), relates_to, parent, problems)
    };
    let key = part("key", Step::Keys).map(of_texts);
    let value = part("value", Step::Values);
    key.into_iter().chain(value).collect()
}

/// A key is a text in every record: what is asked of another type is asked of nothing.
fn of_texts(mut key: Property) -> Property {
    let is_other = |clause: &Clause| match &clause.check {
        Check::Valid(Validity::Type(kind)) => *kind != JsonType::String,
        _ => false,
    };
    if key.clauses.iter().any(is_other) {
        for clause in key.clauses.iter_mut().filter(|clause| matches!(clause.check, Check::Valid(_))) {
            clause.check =
                Check::Unmeasured("the keys of a map are texts in a record, and of no other type".to_owned());
        }
    }
    key
}

fn one(
    mut fields: Fields<'_>,
    path: String,
    field: FieldPath,
    relates_to: String,
    parent: Parent<'_>,
    problems: &Problems,
) -> Option<Property> {
    if parent.depth >= DEPTH_MAX {
        problems.beyond(
            &fields.at,
            "too-deep",
            format!("properties are nested deeper than {DEPTH_MAX}"),
            "flatten them: no record is read that deep",
        );
        return None;
    }
    let custom = custom::read(&mut fields, Level::Property, problems);
    let mut clauses = options::read(&mut fields, &relates_to, problems);
    clauses.extend(quality::read(&mut fields, &relates_to, Subject::Property(&field, parent.tables), problems));
    // Read when all objects are known; here only their form is told.
    let _ = fields.list("relationships");
    let labelled = fields.text("classification").is_some_and(|c| !c.is_empty() && !c.eq_ignore_ascii_case("public"));
    let classified = parent.classified || custom.classified || labelled;
    let inner = Parent {
        path: &path,
        field: &field,
        relates_to: &relates_to,
        classified,
        depth: parent.depth + 1,
        tables: parent.tables,
    };
    let mut children = list(&mut fields, inner, problems);
    children.extend(fields.get("items").and_then(|found| items(&found, inner, problems)));
    children.extend(fields.get("map").iter().flat_map(|found| map(found, inner, problems)));

    let kind = fields.text("physicalType").or_else(|| fields.text("logicalType"));
    let text = fields.text("description");
    let required = fields.flag("required") == Some(true);
    let unique = fields.flag("unique") == Some(true);
    let position = fields.integer("primaryKeyPosition").filter(|p| *p >= 0);
    let is_key = fields.flag("primaryKey") == Some(true);
    if position.is_some_and(|p| p > 0) && !is_key {
        problems.doubt(
            &fields.at,
            "idle-key",
            "primaryKeyPosition means nothing without primaryKey",
            "set `primaryKey: true`, or remove the position",
        );
    }
    fields.known(&TEXT_KEYS);
    clauses.extend(unknown(&mut fields, &relates_to, problems));
    // A container is shown with all that is in it.
    let classified = classified || children.iter().any(|c| c.classified);
    Some(Property {
        path,
        field,
        relates_to,
        kind,
        text,
        classified,
        show_values: custom.show_values,
        required,
        unique,
        primary_key: is_key.then_some(position),
        clauses,
        children,
    })
}

/// Keys that the standard does not have: what they ask, nobody knows.
pub fn unknown(element: &mut Fields<'_>, relates_to: &str, problems: &Problems) -> Vec<Clause> {
    let each = |(key, at): (&str, Place)| {
        problems.schema(
            &at,
            format!("{key} is not a key of the standard here"),
            "correct its name, or move it to `customProperties`",
        );
        Clause::unmeasured("unknown", relates_to, format!("the key {key} is not understood")).keyed(key)
    };
    element.unknown().into_iter().map(each).collect()
}

fn below(field: &FieldPath, step: Step) -> FieldPath {
    let mut steps = field.0.clone();
    steps.push(step);
    FieldPath(steps)
}
