//! ODCS v3 YAML into the model: everything that is wrong is told at once, and the rest still governs.

pub mod property; // fields
pub mod options; // their types and options
pub mod quality; // quality rules
pub mod expression; // those that an expression states
pub mod promise; // service levels
pub mod relation; // foreign keys
pub mod beside; // keys and headers
pub mod encoding; // how records are encoded
pub mod custom; // `steward.*` custom properties, classification
pub mod records; // one of them: what becomes of bad records

use crate::engine::contract::compile;
use crate::engine::contract::fields::{At, Fields};
use crate::engine::contract::model::{Contract, LogicalType, Object, Property, property_at, property_called};
use crate::engine::contract::name::TEXT_MAX;
use crate::engine::contract::odcs::custom::{Custom, Level};
use crate::engine::contract::odcs::property::Parent;
use crate::engine::contract::odcs::quality::Subject;
use crate::engine::contract::parsed::{self, Parsed};
use crate::engine::contract::plan::{DEFAULT_OBJECTIVE, IncidentPolicy};
use crate::engine::contract::problem::{Place, Problems};
use crate::engine::contract::yaml::Node;
use crate::engine::decode::path::{FieldPath, Step};
use std::collections::BTreeSet;

/// Versions of the standard that are read. All of v3 share the clauses that are enforced here.
const VERSIONS: [&str; 5] = ["v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0", "v3.2.0"];

/// Says something about the contract, and asks nothing of the data.
const TEXT_KEYS: [&str; 9] = [
    "tenant",
    "support",
    "price",
    "roles",
    "authoritativeDefinitions",
    "contractCreatedTs",
    "context",
    "status",
    "schema",
];
const OBJECT_TEXT_KEYS: [&str; 7] = [
    "id",
    "businessName",
    "authoritativeDefinitions",
    "dataGranularityDescription",
    "deprecated",
    "synonyms",
    "context",
];

/// Reads one document.
pub fn parse(text: &str) -> Parsed {
    parsed::of(text, contract)
}

/// Reads what is a tree already. `None`: it is no contract, or nothing says which one.
pub fn read(root: &Node, problems: &Problems) -> Option<Contract> {
    parsed::of_tree(root, problems, contract)
}

fn contract(root: &At<'_>, problems: &Problems) -> Option<Contract> {
    let mut fields = Fields::of(root, problems)?;
    let at = fields.at.clone();
    let kind = fields.text("kind");
    match kind.as_deref() {
        Some("DataContract") => {}
        None => problems.schema(&at, "the document has no kind", "write `kind: DataContract`"),
        Some(other) => {
            problems.schema(
                &at,
                format!("the document is a {other}, and no contract"),
                "write `kind: DataContract`, or move it away from the contracts",
            );
            return None;
        }
    }
    let api = fields.text("apiVersion");
    match api.as_deref() {
        None => problems.schema(&at, "the contract has no apiVersion", "write `apiVersion: v3.1.0`"),
        Some(known) if VERSIONS.contains(&known) => {}
        Some(older) if older.starts_with("v2.2.") => problems.doubt(
            &at,
            "old-version",
            format!("apiVersion {older:?} is read as if it were v3"),
            format!("migrate to one of {}", VERSIONS.join(", ")),
        ),
        Some(other) => problems.schema(
            &at,
            format!("apiVersion {other:?} is not read"),
            format!("migrate to one of {}", VERSIONS.join(", ")),
        ),
    }
    let id = fields.text("id").filter(|id| !id.is_empty());
    let version = fields.text("version");
    if version.is_none() {
        problems.schema(&at, "the contract has no version", "write `version: 1.0.0`, and raise it with each change");
    }
    if fields.text("status").is_none() && api.as_deref() != Some("v3.2.0") {
        problems.schema(&at, "the contract has no status", "write `status: active`");
    }
    let (name, data_product, domain) = (fields.text("name"), fields.text("dataProduct"), fields.text("domain"));
    let (owner, owner_urn) = owner(&mut fields, problems);
    let text = description(&mut fields, problems);
    servers(&mut fields, problems);
    let custom = custom::read(&mut fields, Level::Contract, problems);

    let (mut objects, mut ungoverned) = (Vec::new(), Vec::new());
    let schema = fields.list("schema");
    for (index, found) in schema.iter().enumerate() {
        match object(found, index, &custom, problems) {
            Some((object, true)) => objects.push(object),
            Some((object, false)) => ungoverned.push(object),
            None => {}
        }
    }
    repeated(objects.iter().chain(&ungoverned), &at, problems);
    relation::read(&schema, &mut objects);
    relation::read(&schema, &mut ungoverned);
    promise::read(&mut fields, &mut objects, &mut ungoverned, problems);
    fields.known(&TEXT_KEYS);
    for (key, at) in fields.unknown() {
        problems.schema(
            &at,
            format!("{key} is not a key of the standard here"),
            "correct its name, or move it to `customProperties`",
        );
    }
    if objects.is_empty() {
        problems.doubt(
            &at,
            "no-topic",
            "the contract governs no topic",
            "give an object of its schema `physicalType: topic`, and the topic as `physicalName`",
        );
    }
    let Some(id) = id else {
        problems.schema(&at, "the contract has no id", "write `id:` with a name that never changes");
        return None;
    };
    let contract = Contract {
        id,
        version: version.unwrap_or_default(),
        name: name.filter(|n| !n.is_empty()),
        data_product: data_product.filter(|n| !n.is_empty()),
        domain: domain.filter(|d| !d.is_empty()),
        owner,
        owner_urn,
        text,
        incident: custom.incident.unwrap_or(IncidentPolicy { failing: 1, of: 1 }),
        mode: custom.mode.unwrap_or_default(),
        objective: custom.objective.unwrap_or(DEFAULT_OBJECTIVE),
        records: custom.records,
        sample: custom.sample.as_ref().map(|(sample, _)| *sample),
        objects,
        ungoverned,
        referred: Vec::new(),
        canonical: root.node.json().to_string(),
    };
    if let Some((sample, at)) = &custom.sample {
        records::tell_sampled(*sample, at, &contract, problems);
    }
    for (id, relates_to) in compile::repeated_ids(&contract) {
        problems.beyond(
            &at,
            "repeated-id",
            format!("the id {id} of {relates_to} is used before"),
            "give each rule an id of its own",
        );
    }
    for (length, id) in compile::long_ids(&contract) {
        problems.doubt(
            &at,
            "long-id",
            format!("the id of a rule has {length} characters, and is told as {id}"),
            format!("give it an `id` of at most {TEXT_MAX} characters, or shorten the names of its fields"),
        );
    }
    Some(contract)
}

/// The object, and whether it is a topic.
fn object(found: &At<'_>, index: usize, of_contract: &Custom, problems: &Problems) -> Option<(Object, bool)> {
    let mut fields = Fields::of(found, problems)?;
    let at = fields.at.clone();
    let Some(name) = fields.text("name").filter(|n| !n.is_empty()) else {
        problems.schema(&at, "the object has no name", "give it a `name`");
        return None;
    };
    let is_topic = fields.text("physicalType").is_some_and(|t| t.eq_ignore_ascii_case("topic"));
    if fields.text("logicalType").is_some_and(|t| LogicalType::named(&t) != Some(LogicalType::Object)) {
        problems.schema(&at, "the object has another logicalType", "write `logicalType: object`, or leave it out");
    }
    let topic = fields.text("physicalName").unwrap_or_else(|| name.clone());
    let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    // Kafka's own bound.
    if is_topic && (topic.is_empty() || topic.len() > 249 || !topic.chars().all(legal)) {
        problems.beyond(
            &at,
            "bad-topic",
            format!("{topic:?} can be no topic"),
            "give the topic's name as `physicalName`",
        );
    }
    let relates_to = format!("schema/{name}");
    let custom = custom::read(&mut fields, Level::Object, problems);
    let root = FieldPath::default();
    let classified = of_contract.classified || custom.classified;
    let parent =
        Parent { path: "", field: &root, relates_to: &relates_to, classified, depth: 0, tables: [&name, &topic] };
    let properties = property::list(&mut fields, parent, problems);

    let find = |path: &str| property_called(&properties, path).map(|p| p.field.clone());
    let mut clauses = quality::read(&mut fields, &relates_to, Subject::Object(&find, [&name, &topic]), problems);
    clauses.extend(beside::clauses(&custom, of_contract, &relates_to));
    let text = fields.text("description");
    fields.known(&OBJECT_TEXT_KEYS);
    // Read when all objects are known; here only their form is told.
    let _ = fields.list("relationships");
    clauses.extend(property::unknown(&mut fields, &relates_to, problems));

    let event_time = custom.event_time.as_ref().or(of_contract.event_time.as_ref());
    let event_time = event_time.and_then(|(path, at)| event_time_field(path, at, &properties, problems));
    let declared_delay_ms = custom.declared_delay_ms.or(of_contract.declared_delay_ms).unwrap_or(0);
    let encoding = custom.encoding.encoding(&of_contract.encoding, problems);
    let horizon_ms = custom.horizon_ms;
    let object = Object {
        index,
        name,
        topic,
        relates_to,
        event_time,
        declared_delay_ms,
        horizon_ms,
        encoding,
        text,
        properties,
        clauses,
    };
    Some((object, is_topic))
}

fn event_time_field(path: &str, at: &Place, properties: &[Property], problems: &Problems) -> Option<FieldPath> {
    if path.is_empty() || path.contains(['[', '{']) {
        problems.beyond(
            at,
            "bad-event-time",
            format!("steward.eventTimeField {path:?} is not one field"),
            "name one field of the record, nested ones by dots",
        );
        return None;
    }
    let field = property_at(properties, path).map(|p| p.field.clone());
    if field.is_none() && !properties.is_empty() {
        problems.doubt(
            at,
            "unknown-element",
            format!("steward.eventTimeField {path} is no property of the object"),
            "declare it as a property, or correct its name",
        );
    }
    Some(field.unwrap_or_else(|| FieldPath(path.split('.').map(|name| Step::Name(name.to_owned())).collect())))
}

/// The team's name; of the old form, a list of members, whoever owns it. The second says which of the two it is.
fn owner(fields: &mut Fields<'_>, problems: &Problems) -> (String, Option<String>) {
    let told = |kind: &str, name: Option<String>| {
        let urn = name.as_ref().filter(|name| !name.is_empty()).map(|name| format!("{kind}:{name}"));
        (name.unwrap_or_default(), urn)
    };
    let Some(found) = fields.get("team") else { return told("team", None) };
    let Some(members) = found.items() else {
        return told("team", Fields::of(&found, problems).and_then(|mut team| team.text("name")));
    };
    let owner = members.iter().find_map(|member| {
        let mut member = Fields::of(member, problems)?;
        let owns = member.text("role").is_some_and(|role| role.eq_ignore_ascii_case("owner"));
        let left = member.get("dateOut").is_some();
        member.text("username").filter(|_| owns && !left)
    });
    told("user", owner)
}

/// What the contract is for, how it may be used and what it cannot do: each a paragraph.
fn description(fields: &mut Fields<'_>, problems: &Problems) -> Option<String> {
    let found = fields.get("description")?;
    if let Some(text) = found.text() {
        return Some(text.to_owned());
    }
    let mut texts = Fields::of(&found, problems)?;
    let texts: Vec<_> = ["purpose", "usage", "limitations"].iter().filter_map(|key| texts.text(key)).collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

fn servers(fields: &mut Fields<'_>, problems: &Problems) {
    for found in fields.list("servers") {
        let Some(mut server) = Fields::of(&found, problems) else { continue };
        let kafka = server.text("type").is_some_and(|t| t.eq_ignore_ascii_case("kafka"));
        let format = server
            .text("format")
            .filter(|f| kafka && !["json", "avro", "protobuf"].iter().any(|read| f.eq_ignore_ascii_case(read)));
        if let Some(format) = format {
            problems.doubt(
                &server.at,
                "undecoded-format",
                format!("records in {format} are not decoded by this version"),
                "expect every record to be undecodable, or write JSON, Avro or Protobuf",
            );
        }
    }
}

/// Objects that share a name would share the ids of their rules.
fn repeated<'o>(objects: impl Iterator<Item = &'o Object>, at: &Place, problems: &Problems) {
    let mut names = BTreeSet::new();
    for object in objects {
        if !names.insert(&object.name) {
            problems.beyond(
                at,
                "repeated-name",
                format!("two objects are named {}", object.name),
                "rename one of them",
            );
        }
    }
}

#[cfg(test)]
mod tests;
