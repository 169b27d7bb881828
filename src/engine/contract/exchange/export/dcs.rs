//! A contract as Data Contract Specification 1.2.1.

use crate::engine::contract::exchange::export::avro::decimal;
use crate::engine::contract::exchange::export::outline::tell_lost;
use crate::engine::contract::exchange::outline::{Field, Object, Outline, below};
use crate::engine::contract::exchange::tree::{Entries, Tree};
use crate::engine::contract::exchange::unsaid::Unsaid;
use crate::engine::contract::model::LogicalType;

pub fn dcs(outline: &Outline, unsaid: &mut Unsaid) -> Tree {
    let info = Entries::default()
        .with("title", outline.name.as_deref().unwrap_or(&outline.id))
        .with("version", outline.version.as_deref().unwrap_or("0.0.1"))
        .maybe("status", outline.status.clone())
        .maybe("description", outline.text.clone())
        .maybe("owner", outline.owner.clone());
    let terms =
        Entries::default().maybe("usage", outline.usage.clone()).maybe("limitations", outline.limitations.clone());
    if outline.domain.is_some() {
        unsaid.tell("", "domain: not said");
    }
    let mut models: Vec<(String, Tree)> = Vec::new();
    for object in &outline.objects {
        match models.iter().any(|(name, _)| *name == object.name) {
            true => unsaid.tell(&object.name, "a second object of this name is not said"),
            false => models.push((object.name.clone(), model(object, unsaid))),
        }
    }
    Entries::default()
        .with("dataContractSpecification", "1.2.1")
        .with("id", outline.id.as_str())
        .with("info", info)
        .maybe("servers", Some(Tree::Map(servers(outline, unsaid))))
        .maybe("terms", Some(terms))
        .maybe("models", Some(Tree::Map(models)))
        .maybe("servicelevels", Some(Tree::Map(levels(outline, unsaid))))
        .maybe("tags", Some(outline.tags.clone()))
        .into()
}

/// Those of Kafka: each names the topic of the first object.
fn servers(outline: &Outline, unsaid: &mut Unsaid) -> Vec<(String, Tree)> {
    let first = outline.objects.first();
    let topic = first.map(|object| object.physical_name.clone().unwrap_or_else(|| object.name.clone()));
    let mut servers: Vec<(String, Tree)> = Vec::new();
    for server in &outline.servers {
        let name = server.text("server").unwrap_or("kafka");
        let at = below("servers", name);
        let Some(host) = server.text("host").filter(|_| server.text("type") == Some("kafka")) else {
            unsaid.tell(&at, "a server that is no Kafka with a host is not said");
            continue;
        };
        if servers.iter().any(|(known, _)| known == name) {
            unsaid.tell(&at, "a second server of this name is not said");
            continue;
        }
        let read = ["server", "type", "host", "format", "environment", "description"];
        rest(server, &at, &read, unsaid);
        let told = Entries::default()
            .with("type", "kafka")
            .maybe("environment", server.text("environment"))
            .maybe("description", server.text("description"))
            .with("host", host)
            .maybe("topic", topic.clone())
            .maybe("format", server.text("format"));
        servers.push((name.to_owned(), told.into()));
    }
    servers
}

fn model(object: &Object, unsaid: &mut Unsaid) -> Tree {
    let key = keyed(&object.fields);
    Entries::default()
        .with("type", "table")
        .maybe("title", object.title.clone())
        .maybe("description", object.text.clone())
        .maybe("primaryKey", (key.len() > 1).then_some(key))
        .maybe("fields", Some(fields(&object.fields, &object.name, unsaid)))
        .maybe("quality", Some(rules(&object.quality)))
        .maybe("tags", Some(object.tags.clone()))
        .into()
}

/// The names of a composite key, in its order.
fn keyed(fields: &[Field]) -> Vec<String> {
    let mut key: Vec<(i64, String)> =
        fields.iter().filter_map(|field| Some((field.key?.unwrap_or(i64::MAX), field.name.clone()))).collect();
    key.sort_by_key(|(position, _)| *position);
    key.into_iter().map(|(_, name)| name).collect()
}

fn fields(fields: &[Field], at: &str, unsaid: &mut Unsaid) -> Tree {
    let is_key = keyed(fields).len() == 1;
    let mut told: Vec<(String, Tree)> = Vec::new();
    for field in fields {
        let at = below(at, &field.name);
        match told.iter().any(|(name, _)| *name == field.name) {
            true => unsaid.tell(&at, "a second field of this name is not said"),
            false => told.push((field.name.clone(), of(field, is_key, &at, unsaid))),
        }
    }
    Tree::Map(told)
}

fn of(field: &Field, key_alone: bool, at: &str, unsaid: &mut Unsaid) -> Tree {
    let physical = field.physical_type.as_deref().unwrap_or_default();
    let (precision, scale) = decimal(physical).unzip();
    let word = match field.logical {
        Some(LogicalType::String) => (if physical == "bytes" { "bytes" } else { "string" }).to_owned(),
        Some(LogicalType::Number) => match physical {
            "float" | "double" => physical.to_owned(),
            _ if precision.is_some() => "decimal".to_owned(),
            _ => "number".to_owned(),
        },
        Some(LogicalType::Integer) => (if physical == "long" { "long" } else { "integer" }).to_owned(),
        Some(LogicalType::Timestamp) if field.option("timezone") == Some(&Tree::Bool(false)) => {
            "timestamp_ntz".to_owned()
        }
        Some(LogicalType::Vector) => "array".to_owned(),
        Some(logical) => logical.word().to_owned(),
        None => String::new(),
    };
    let said: &[&str] = match field.logical {
        Some(LogicalType::String) => &["minLength", "maxLength", "pattern", "format"],
        Some(LogicalType::Number | LogicalType::Integer) => {
            &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]
        }
        Some(LogicalType::Timestamp) => &["timezone"],
        _ => &[],
    };
    if let Some(name) = &field.physical_name {
        unsaid.tell(at, format!("its physicalName {name} is not said"));
    }
    let keeps = ["title", "unique", "key", "classification", "tags", "examples", "quality"];
    tell_lost(field, at, said, &keeps, unsaid);
    let mut entries = Entries::default()
        .maybe("type", (!word.is_empty()).then_some(word))
        .maybe("title", field.title.clone())
        .maybe("description", field.text.clone())
        .flag("required", field.required)
        .flag("unique", field.unique)
        .flag("primaryKey", field.key.is_some() && key_alone)
        .maybe("precision", precision)
        .maybe("scale", scale);
    for (key, value) in field.options.iter().filter(|(key, _)| said.contains(&key.as_str()) && key != "timezone") {
        entries = entries.with(key, value.clone());
    }
    let values = field.values.iter().all(|value| value.as_text().is_some());
    if !values {
        unsaid.tell(at, "a list of values that are no texts is not said");
    }
    entries = entries
        .maybe("enum", Some(field.values.clone()).filter(|_| values))
        .maybe("classification", field.classification.clone())
        .maybe("tags", Some(field.tags.clone()))
        .maybe("examples", Some(field.examples.clone()))
        .maybe("quality", Some(rules(&field.quality)))
        .maybe("fields", Some(fields(&field.fields, at, unsaid)));
    let inner = field.items.as_deref().map(|items| of(items, false, &field.within(at), unsaid));
    match field.logical {
        Some(LogicalType::Map) => {
            let text = Entries::default().with("type", "string");
            entries.with("keys", text).maybe("values", inner).into()
        }
        _ => entries.maybe("items", inner).into(),
    }
}

/// ODCS took its rules from there; two operators are called otherwise.
fn rules(quality: &[Tree]) -> Vec<Tree> {
    let renamed = |(key, value): &(String, Tree)| {
        let key = match key.as_str() {
            "mustBeGreaterOrEqualTo" => "mustBeGreaterThanOrEqualTo",
            "mustBeLessOrEqualTo" => "mustBeLessThanOrEqualTo",
            key => key,
        };
        (key.to_owned(), value.clone())
    };
    let rule = |rule: &Tree| {
        let kind = rule.get("type").is_none().then(|| ("type".to_owned(), "library".into()));
        Tree::Map(kind.into_iter().chain(rule.entries().iter().map(renamed)).collect())
    };
    quality.iter().map(rule).collect()
}

fn levels(outline: &Outline, unsaid: &mut Unsaid) -> Vec<(String, Tree)> {
    let mut levels: Vec<(String, Tree)> = Vec::new();
    for level in &outline.levels {
        let name = level.text("property").unwrap_or_default();
        let at = below("slaProperties", name);
        let value = level.get("value").map(Tree::word).unwrap_or_default();
        let unit = level.text("unit").unwrap_or_default();
        let (key, fields): (_, &[&str]) = match name {
            "availability" => ("percentage", &[]),
            "retention" => ("period", &["timestampField"]),
            "latency" => ("threshold", &["sourceTimestampField", "processedTimestampField"]),
            "freshness" => ("threshold", &["timestampField"]),
            "frequency" => ("interval", &[]),
            _ => ("", &[]),
        };
        if key.is_empty() || levels.iter().any(|(known, _)| known == name) {
            unsaid.tell(&at, "it is not said");
            continue;
        }
        rest(level, &at, &["property", "value", "unit", "element", "description"], unsaid);
        let unit = if key == "percentage" { "%" } else { unit };
        let mut told =
            Entries::default().maybe("description", level.text("description")).with(key, format!("{value}{unit}"));
        let elements: Vec<&str> =
            level.text("element").unwrap_or_default().split(',').filter(|e| !e.is_empty()).collect();
        for (field, element) in fields.iter().zip(&elements) {
            told = told.with(field, element.trim());
        }
        if elements.len() > fields.len() {
            unsaid.tell(&at, "its element is not said");
        }
        levels.push((name.to_owned(), told.into()));
    }
    levels
}

fn rest(of: &Tree, at: &str, read: &[&str], unsaid: &mut Unsaid) {
    let left: Vec<&str> = of.entries().iter().map(|(key, _)| key.as_str()).filter(|key| !read.contains(key)).collect();
    if !left.is_empty() {
        unsaid.tell(at, format!("{}: not said", left.join(", ")));
    }
}
