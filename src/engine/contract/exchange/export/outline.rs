//! A contract as an outline. What an outline does not hold is told.

use crate::engine::contract::exchange::outline::{DEPTH_MAX, Field, Object, Outline, below};
use crate::engine::contract::exchange::tree::Tree;
use crate::engine::contract::exchange::unsaid::Unsaid;
use crate::engine::contract::model::LogicalType;

pub fn of(document: &Tree, unsaid: &mut Unsaid) -> Outline {
    let text = |key: &str| document.get(key).filter(|value| value.is_scalar()).map(Tree::word);
    let described = |key: &str| document.get("description").and_then(|of| of.text(key)).map(str::to_owned);
    let team = document.get("team");
    let read = [
        "apiVersion",
        "kind",
        "id",
        "name",
        "version",
        "status",
        "domain",
        "tags",
        "description",
        "team",
        "servers",
        "schema",
        "slaProperties",
        "dataProduct",
    ];
    rest(document, "", &read, unsaid);
    if let Some(description) = document.get("description") {
        rest(description, "description", &["purpose", "usage", "limitations"], unsaid);
    }
    if let Some(team) = team {
        match team {
            Tree::List(_) => unsaid.tell("", "the members of the team are not said"),
            _ => rest(team, "team", &["name"], unsaid),
        }
    }
    Outline {
        id: text("id").unwrap_or_default(),
        name: text("name").or(text("dataProduct")),
        version: text("version"),
        status: text("status"),
        domain: text("domain"),
        owner: team.and_then(|team| team.text("name")).map(str::to_owned),
        text: described("purpose").or(document.text("description").map(str::to_owned)),
        usage: described("usage"),
        limitations: described("limitations"),
        tags: document.texts("tags"),
        objects: document.list("schema").iter().map(|of| object(of, unsaid)).collect(),
        servers: document.list("servers").to_vec(),
        levels: document.list("slaProperties").to_vec(),
    }
}

/// Tells what a schema never says: it is of fields alone.
pub fn only_fields(outline: &Outline, unsaid: &mut Unsaid) {
    let told: Vec<&str> = [
        ("version", outline.version.is_some()),
        ("status", outline.status.is_some()),
        ("domain", outline.domain.is_some()),
        ("tags", !outline.tags.is_empty()),
        ("description", [&outline.text, &outline.usage, &outline.limitations].iter().any(|text| text.is_some())),
        ("team", outline.owner.is_some()),
        ("servers", !outline.servers.is_empty()),
        ("slaProperties", !outline.levels.is_empty()),
    ]
    .into_iter()
    .filter(|(_, is_there)| *is_there)
    .map(|(key, _)| key)
    .collect();
    if !told.is_empty() {
        unsaid.tell("", format!("{} of the contract: a schema does not say it", told.join(", ")));
    }
}

fn object(of: &Tree, unsaid: &mut Unsaid) -> Object {
    let text = |key: &str| of.text(key).map(str::to_owned);
    let name = text("name").unwrap_or_default();
    let read = [
        "name",
        "physicalName",
        "physicalType",
        "logicalType",
        "businessName",
        "description",
        "tags",
        "customProperties",
        "properties",
        "quality",
    ];
    rest(of, &name, &read, unsaid);
    let custom = of.list("customProperties").iter();
    let custom = custom.filter_map(|entry| Some((entry.text("property")?.to_owned(), entry.get("value")?.clone())));
    Object {
        physical_name: text("physicalName"),
        physical_type: text("physicalType"),
        title: text("businessName"),
        text: text("description"),
        tags: of.texts("tags"),
        custom: custom.collect(),
        quality: of.list("quality").to_vec(),
        fields: fields(of, &name, 0, unsaid),
        name,
    }
}

fn fields(holder: &Tree, at: &str, depth: usize, unsaid: &mut Unsaid) -> Vec<Field> {
    if depth > DEPTH_MAX && !holder.list("properties").is_empty() {
        unsaid.tell(at, format!("more than {DEPTH_MAX} levels are not said"));
        return Vec::new();
    }
    let each = |of: &Tree| field(of, &below(at, of.text("name").unwrap_or_default()), depth, unsaid);
    holder.list("properties").iter().map(each).collect()
}

fn field(of: &Tree, at: &str, depth: usize, unsaid: &mut Unsaid) -> Field {
    let text = |key: &str| of.text(key).map(str::to_owned);
    let read = [
        "name",
        "physicalName",
        "physicalType",
        "logicalType",
        "logicalTypeOptions",
        "businessName",
        "description",
        "required",
        "unique",
        "primaryKey",
        "primaryKeyPosition",
        "classification",
        "tags",
        "examples",
        "quality",
        "properties",
        "items",
        "enum",
        "map",
    ];
    rest(of, at, &read, unsaid);
    let name = text("name").unwrap_or_default();
    let position = of.get("primaryKeyPosition").and_then(|position| position.word().parse::<i64>().ok());
    let mut values: Vec<Tree> = of.list("enum").iter().filter_map(|entry| entry.get("value")).cloned().collect();
    let mut quality = Vec::new();
    for rule in of.list("quality") {
        match valid_values(rule).filter(|_| values.is_empty()) {
            Some(list) => values = list,
            None => quality.push(rule.clone()),
        }
    }
    let mut field = Field {
        physical_name: text("physicalName").filter(|physical| *physical != name && !name.is_empty()),
        name,
        logical: of.text("logicalType").and_then(LogicalType::named),
        physical_type: text("physicalType"),
        title: text("businessName"),
        text: text("description"),
        required: of.flag("required"),
        unique: of.flag("unique"),
        key: of.flag("primaryKey").then_some(position.filter(|position| *position > 0)),
        classification: text("classification"),
        tags: of.texts("tags"),
        options: of.get("logicalTypeOptions").map(|options| options.entries().to_vec()).unwrap_or_default(),
        values,
        examples: of.list("examples").to_vec(),
        quality,
        fields: fields(of, at, depth + 1, unsaid),
        items: None,
    };
    let of_map = |part: &str| of.get("map").and_then(|map| map.get(part));
    if depth <= DEPTH_MAX {
        let inner = of.get("items").or_else(|| of_map("value"));
        field.items = inner.map(|items| Box::new(self::field(items, &field.within(at), depth + 1, unsaid)));
    }
    // That they are texts is all that others can say of keys.
    if let Some(key) = of_map("key") {
        rest(key, &format!("{at}{{key}}"), &["logicalType", "physicalType", "description"], unsaid);
    }
    let physical = field.physical_type.as_deref().unwrap_or_default();
    if field.logical == Some(LogicalType::Object) && field.fields.is_empty() && physical.starts_with("map") {
        let values = physical.strip_prefix("map<").and_then(|rest| rest.strip_suffix('>')).and_then(primitive);
        field.items = values.map(Box::new);
        field.logical = Some(LogicalType::Map);
        field.physical_type = None;
    }
    field
}

/// The list of a rule that no value but these may be there.
fn valid_values(rule: &Tree) -> Option<Vec<Tree>> {
    let never =
        rule.text("metric") == Some("invalidValues") && rule.get("mustBe").map(Tree::word).as_deref() == Some("0");
    let [(key, Tree::List(values))] = rule.get("arguments").filter(|_| never)?.entries() else { return None };
    let plain = rule.entries().iter().all(|(key, _)| ["type", "metric", "arguments", "mustBe"].contains(&key.as_str()));
    (key == "validValues" && plain && values.iter().all(Tree::is_scalar)).then(|| values.clone())
}

/// What the values of a map are, by the word of an imported schema.
fn primitive(word: &str) -> Option<Field> {
    let logical = match word {
        "string" | "bytes" => LogicalType::String,
        "int" | "long" | "int32" | "int64" | "uint32" | "uint64" | "sint32" | "sint64" => LogicalType::Integer,
        "fixed32" | "fixed64" | "sfixed32" | "sfixed64" | "integer" | "bigint" => LogicalType::Integer,
        "float" | "double" | "number" | "decimal" => LogicalType::Number,
        "bool" | "boolean" => LogicalType::Boolean,
        _ => return None,
    };
    let physical_type = (word != "string").then(|| word.to_owned());
    Some(Field { physical_type, required: true, ..Field::of(logical) })
}

fn rest(of: &Tree, at: &str, read: &[&str], unsaid: &mut Unsaid) {
    let left: Vec<&str> = of.entries().iter().map(|(key, _)| key.as_str()).filter(|key| !read.contains(key)).collect();
    if !left.is_empty() {
        unsaid.tell(at, format!("{}: not said", left.join(", ")));
    }
}

/// The keys of a field that are there and that a target has no word for. `options`: those that it has.
pub fn tell_lost(field: &Field, at: &str, options: &[&str], keeps: &[&str], unsaid: &mut Unsaid) {
    let mut lost: Vec<&str> = [
        ("title", "businessName", field.title.is_some()),
        ("unique", "unique", field.unique),
        ("key", "primaryKey", field.key.is_some()),
        ("classification", "classification", field.classification.is_some()),
        ("tags", "tags", !field.tags.is_empty()),
        ("examples", "examples", !field.examples.is_empty()),
        ("quality", "quality", !field.quality.is_empty()),
    ]
    .into_iter()
    .filter(|(kind, _, is_there)| *is_there && !keeps.contains(kind))
    .map(|(_, key, _)| key)
    .collect();
    lost.extend(field.options.iter().map(|(key, _)| key.as_str()).filter(|key| !options.contains(key)));
    if !lost.is_empty() {
        unsaid.tell(at, format!("{}: not said", lost.join(", ")));
    }
}
