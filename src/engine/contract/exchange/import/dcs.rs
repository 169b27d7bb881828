//! Data Contract Specification (0.9 to 1.2) into outlines. Bitol has taken ODCS in its place.

use crate::engine::contract::exchange::import::promise;
use crate::engine::contract::exchange::outline::{DEPTH_MAX, FIELDS_MAX, Field, Object, Outline, below};
use crate::engine::contract::exchange::tree::{Entries, Tree};
use crate::engine::contract::exchange::unsaid::Unsaid;
use crate::engine::contract::model::LogicalType;
use crate::engine::contract::text::format::TextFormat;
use crate::engine::contract::text::pattern;

/// The error says what is wrong with it.
pub fn outline(document: &Tree, unsaid: &mut Unsaid) -> Result<Outline, String> {
    let Some(edition) = document.get("dataContractSpecification") else {
        return Err("it is no Data Contract Specification: it has no `dataContractSpecification: 1.2.1`".to_owned());
    };
    if !["0.9", "1."].iter().any(|known| edition.word().starts_with(known)) {
        return Err(format!("dataContractSpecification {} is not read: 0.9 to 1.2 are", edition.word()));
    }
    let id = document.text("id").filter(|id| !id.is_empty()).ok_or("it has no id")?;
    let (none, mut reader) = (Tree::Null, Reader { document, count: 0, unsaid });
    let (info, terms) = (document.get("info").unwrap_or(&none), document.get("terms").unwrap_or(&none));
    let (servers, topics) = reader.servers();
    let models = document.get("models").map(Tree::entries).unwrap_or_default();
    let objects = models.iter().map(|(name, model)| reader.model(name, model)).collect::<Result<Vec<Object>, _>>()?;
    let mut objects = objects;
    if let ([object], [topic]) = (objects.as_mut_slice(), topics.as_slice()) {
        object.physical_name = Some(topic.clone());
    }
    let levels = document.get("servicelevels").map(|levels| promise::levels(levels, reader.unsaid)).unwrap_or_default();
    reader.rest(
        document,
        "",
        &[
            "dataContractSpecification",
            "id",
            "info",
            "servers",
            "terms",
            "models",
            "definitions",
            "servicelevels",
            "tags",
        ],
    );
    reader.rest(info, "info", &["title", "version", "status", "description", "owner"]);
    reader.rest(terms, "terms", &["usage", "limitations"]);
    let text = |from: &Tree, key: &str| from.get(key).filter(|value| value.is_scalar()).map(Tree::word);
    Ok(Outline {
        id: id.to_owned(),
        name: text(info, "title"),
        version: text(info, "version"),
        status: text(info, "status").or(Some("active".to_owned())),
        domain: None,
        owner: text(info, "owner"),
        text: text(info, "description"),
        usage: text(terms, "usage"),
        limitations: text(terms, "limitations"),
        tags: document.texts("tags"),
        objects,
        servers,
        levels,
    })
}

struct Reader<'s> {
    document: &'s Tree,
    count: usize,
    unsaid: &'s mut Unsaid,
}

impl<'s> Reader<'s> {
    /// Kafka's, and the topics that they name.
    fn servers(&mut self) -> (Vec<Tree>, Vec<String>) {
        let (mut servers, mut topics) = (Vec::new(), Vec::new());
        for (name, server) in self.document.get("servers").map(Tree::entries).unwrap_or_default() {
            let at = format!("servers.{name}");
            let Some(host) = server.text("host").filter(|_| server.text("type") == Some("kafka")) else {
                self.unsaid.tell(&at, "a server that is no Kafka with a host is not said");
                continue;
            };
            self.rest(server, &at, &["type", "host", "topic", "format", "environment", "description"]);
            let told = Entries::default()
                .with("server", name.as_str())
                .with("type", "kafka")
                .maybe("environment", server.text("environment"))
                .maybe("description", server.text("description"))
                .with("host", host)
                .maybe("format", server.text("format"));
            servers.push(told.into());
            topics.extend(
                server
                    .text("topic")
                    .map(str::to_owned)
                    .filter(|topic| !topics.contains(topic))
                    .into_iter()
                    .collect::<Vec<_>>(),
            );
        }
        (servers, topics)
    }

    fn model(&mut self, name: &str, model: &'s Tree) -> Result<Object, String> {
        let mut fields = self.fields(model, name, "", 0)?;
        let key = [model.texts("primaryKey"), model.texts("primary")].concat();
        for (position, part) in (1..).zip(&key) {
            match fields.iter_mut().find(|field| field.name == *part) {
                Some(field) => field.key = Some((key.len() > 1).then_some(position)),
                None => self.unsaid.tell(name, format!("its primary key {part} is no field of it")),
            }
        }
        self.rest(model, name, &["type", "title", "description", "fields", "quality", "primaryKey", "primary", "tags"]);
        Ok(Object {
            name: name.to_owned(),
            title: model.text("title").map(str::to_owned),
            text: model.text("description").map(str::to_owned),
            tags: model.texts("tags"),
            quality: self.quality(model, name),
            fields,
            ..Object::default()
        })
    }

    fn fields(&mut self, holder: &'s Tree, model: &str, at: &str, depth: usize) -> Result<Vec<Field>, String> {
        let fields = holder.get("fields").map(Tree::entries).unwrap_or_default();
        fields.iter().map(|(name, field)| self.field(name, field, model, &below(at, name), depth)).collect()
    }

    fn field(&mut self, name: &str, given: &'s Tree, model: &str, at: &str, depth: usize) -> Result<Field, String> {
        self.count += 1;
        if self.count > FIELDS_MAX {
            return Err(format!("it has more than {FIELDS_MAX} fields"));
        }
        let place = format!("{model}.{at}");
        if depth > DEPTH_MAX {
            self.unsaid.tell(&place, format!("more than {DEPTH_MAX} levels are not said"));
            return Ok(Field { name: name.to_owned(), ..Field::default() });
        }
        let definition = given.text("$ref").and_then(|reference| reference.strip_prefix("#/definitions/"));
        let definition = definition.and_then(|name| self.document.get("definitions")?.get(name));
        if let (Some(reference), None) = (given.text("$ref"), definition) {
            self.unsaid.tell(&place, format!("what it refers to ({reference}) is not here"));
        }
        // What the field says itself goes before.
        let of = |key: &str| given.get(key).or_else(|| definition?.get(key));
        let text = |key: &str| of(key).and_then(Tree::as_text).map(str::to_owned);
        let flag = |key: &str| of(key) == Some(&Tree::Bool(true));
        let word = text("type").unwrap_or_default();
        let (logical, physical_type) = typed(&word, of("precision"), of("scale"));
        if logical.is_none() && !word.is_empty() && word != "null" {
            self.unsaid.tell(&place, format!("the type {word:?} is not said"));
        }
        let mut field = Field {
            name: name.to_owned(),
            logical,
            physical_type,
            title: text("title"),
            text: text("description"),
            required: flag("required") && word != "null",
            unique: flag("unique"),
            key: (flag("primaryKey") || flag("primary")).then_some(None),
            classification: text("classification").or(flag("pii").then(|| "confidential".to_owned())),
            tags: [given, definition.unwrap_or(&Tree::Null)].iter().flat_map(|of| of.texts("tags")).collect(),
            values: match of("enum") {
                Some(Tree::List(values)) => values.clone(),
                _ => Vec::new(),
            },
            examples: of("examples").map(list_of).into_iter().flatten().chain(of("example").cloned()).collect(),
            ..Field::default()
        };
        if let Some(zoned) = ["timestamp", "timestamp_tz", "timestamp_ntz"].iter().position(|known| *known == word) {
            // A `timestamp` is one with a zone.
            field.options.push(("timezone".to_owned(), (zoned < 2).into()));
        }
        for source in [Some(given), definition].into_iter().flatten() {
            self.options(&mut field, source, &place);
            field.quality.extend(self.quality(source, &place));
            self.rest(source, &place, &READ);
            if field.fields.is_empty() {
                field.fields = self.fields(source, model, at, depth + 1)?;
            }
            if let (Some(items), None) = (source.get("items"), &field.items) {
                field.items = Some(Box::new(self.field("", items, model, &below(at, ""), depth + 1)?));
            }
        }
        if logical == Some(LogicalType::Object) && word == "map" {
            let values = of("values").and_then(|values| values.text("type")).unwrap_or_default();
            field.physical_type = Some(if values.is_empty() { "map".to_owned() } else { format!("map<{values}>") });
        }
        Ok(field)
    }

    fn options(&mut self, field: &mut Field, of: &Tree, at: &str) {
        let allowed: &[&str] = match field.logical {
            Some(LogicalType::String) => &["minLength", "maxLength"],
            Some(LogicalType::Integer | LogicalType::Number) => {
                &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]
            }
            _ => &[],
        };
        for key in ["minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
            let Some(value) = of.get(key) else { continue };
            match allowed.contains(&key) {
                true => add(field, key, value.clone()),
                false => self.unsaid.tell(at, format!("{key} is not said: it is no bound of this type")),
            }
        }
        let is_text = field.logical == Some(LogicalType::String);
        if let Some(text) = of.text("pattern") {
            match pattern::compile(text) {
                Ok(_) if is_text => add(field, "pattern", text.into()),
                Ok(_) => self.unsaid.tell(at, "its pattern is not said: it is no text"),
                Err(why) => self.unsaid.tell(at, format!("its pattern is not said: {why}")),
            }
        }
        match of.text("format") {
            Some(word) if is_text && TextFormat::named(word).is_some() => {
                add(field, "format", word.into());
            }
            Some(word) => self.unsaid.tell(at, format!("the format {word:?} is not said")),
            None => {}
        }
    }

    /// Rules that ODCS has too; others are told.
    fn quality(&mut self, holder: &Tree, at: &str) -> Vec<Tree> {
        holder.list("quality").iter().filter_map(|rule| self.rule(rule, at)).collect()
    }

    fn rule(&mut self, rule: &Tree, at: &str) -> Option<Tree> {
        let mut told = Entries::default();
        let kind = rule.text("type").unwrap_or(if rule.get("query").is_some() { "sql" } else { "library" });
        let metric = rule.text("metric").or(rule.text("rule"));
        let known = match kind {
            "text" => rule.get("description").is_some(),
            "sql" => rule.get("query").is_some(),
            "library" => metric.is_some_and(|metric| METRICS.contains(&metric)),
            "custom" => rule.get("engine").is_some() && rule.get("implementation").is_some(),
            _ => false,
        };
        if !known {
            self.unsaid.tell(at, format!("a quality rule of type {kind} is not said: {}", rule.json()));
            return None;
        }
        told = told.with("type", kind).maybe("metric", metric.filter(|_| kind == "library"));
        for (key, value) in rule.entries() {
            let key = match key.as_str() {
                "type" | "metric" | "rule" => continue,
                "mustBeGreaterThanOrEqualTo" => "mustBeGreaterOrEqualTo",
                "mustBeLessThanOrEqualTo" => "mustBeLessOrEqualTo",
                key => key,
            };
            if RULE_KEYS.contains(&key) {
                told = told.with(key, value.clone());
            } else {
                self.unsaid.tell(at, format!("{key} of a quality rule is not said"));
            }
        }
        Some(told.into())
    }

    /// Tells the keys that nobody reads.
    fn rest(&mut self, of: &Tree, at: &str, read: &[&str]) {
        for (key, _) in of.entries().iter().filter(|(key, _)| !read.contains(&key.as_str())) {
            self.unsaid.tell(at, format!("{key} is not said"));
        }
    }
}

/// An option that is not there yet: what the field says itself goes before its definition.
fn add(field: &mut Field, key: &str, value: Tree) {
    if field.option(key).is_none() {
        field.options.push((key.to_owned(), value));
    }
}

const METRICS: [&str; 5] = ["nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"];

const RULE_KEYS: [&str; 18] = [
    "name",
    "description",
    "dimension",
    "severity",
    "unit",
    "businessImpact",
    "arguments",
    "query",
    "engine",
    "implementation",
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
];

const READ: [&str; 30] = [
    "$ref",
    "type",
    "title",
    "description",
    "required",
    "unique",
    "primaryKey",
    "primary",
    "classification",
    "pii",
    "tags",
    "enum",
    "examples",
    "example",
    "precision",
    "scale",
    "fields",
    "items",
    "quality",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "pattern",
    "format",
    "keys",
    "values",
    "name",
];

fn list_of(tree: &Tree) -> Vec<Tree> {
    match tree {
        Tree::List(items) => items.clone(),
        other => vec![other.clone()],
    }
}

fn typed(word: &str, precision: Option<&Tree>, scale: Option<&Tree>) -> (Option<LogicalType>, Option<String>) {
    let logical = match word {
        "string" | "text" | "varchar" | "bytes" => LogicalType::String,
        "number" | "decimal" | "numeric" | "float" | "double" => LogicalType::Number,
        "int" | "integer" | "long" | "bigint" => LogicalType::Integer,
        "boolean" => LogicalType::Boolean,
        "timestamp" | "timestamp_tz" | "timestamp_ntz" => LogicalType::Timestamp,
        "date" => LogicalType::Date,
        "time" => LogicalType::Time,
        "array" => LogicalType::Array,
        "object" | "record" | "struct" | "map" => LogicalType::Object,
        _ => return (None, None),
    };
    let physical = match (word, precision) {
        ("number" | "decimal" | "numeric", Some(precision)) => {
            let scale = scale.map_or_else(|| "0".to_owned(), Tree::word);
            Some(format!("decimal({},{scale})", precision.word()))
        }
        // A whole number there is no timestamp in milliseconds.
        ("bytes" | "float" | "double" | "int" | "long" | "decimal" | "varchar", _) => Some(word.to_owned()),
        _ => None,
    };
    (Some(logical), physical)
}
