//! JSON Schema, draft 4 to 2020-12, into outlines.

use crate::engine::contract::exchange::outline::{DEPTH_MAX, FIELDS_MAX, Field, Object, Outline, below};
use crate::engine::contract::exchange::tree::Tree;
use crate::engine::contract::exchange::unsaid::Unsaid;
use crate::engine::contract::keyword::{self, Role, Takes};
use crate::engine::contract::model::LogicalType;
use crate::engine::contract::text::format::TextFormat;
use crate::engine::contract::text::pattern;
use crate::engine::contract::yaml;
use std::collections::BTreeSet;

/// `references`: other documents that it refers to, each by its name. The error says what is wrong with it.
pub fn outline(schema: &Tree, references: &[(&str, &str)], unsaid: &mut Unsaid) -> Result<Outline, String> {
    let mut others = Vec::new();
    for (name, text) in references {
        let node = yaml::parse(text).map_err(|error| format!("{name}: {error}"))?;
        others.push((*name, Tree::of(&node)));
    }
    let mut reader = Reader { document: schema, others: &others, count: 0, solid: BTreeSet::new(), unsaid };
    let root = reader.field("", schema, "", 0)?;
    if root.logical != Some(LogicalType::Object) {
        return Err("the JSON Schema is none of an object: a contract describes fields".to_owned());
    }
    let id = schema.text("$id").or(schema.text("id"));
    let id_name = id.map(|id| id.trim_end_matches('#').rsplit(['/', ':']).next().unwrap_or(id));
    let id_name = id_name.map(|name| name.trim_end_matches(".json").trim_end_matches(".schema"));
    let name = schema.text("title").or(id_name).filter(|name| !name.is_empty()).unwrap_or("record").to_owned();
    if !root.options.is_empty() {
        let keys: Vec<&str> = root.options.iter().map(|(key, _)| key.as_str()).collect();
        reader.unsaid.tell("", format!("{} of the record as a whole is not said", keys.join(", ")));
    }
    let object =
        Object { name: name.clone(), text: root.text, tags: root.tags, fields: root.fields, ..Object::default() };
    Ok(Outline { id: id.unwrap_or(&name).to_owned(), name: Some(name), objects: vec![object], ..Outline::default() })
}

struct Reader<'s> {
    /// That which is being read stands in; references go out from it.
    document: &'s Tree,
    others: &'s [(&'s str, Tree)],
    count: usize,
    /// Fields that are not null where they are there, by their ways: whether they are required may stand elsewhere.
    solid: BTreeSet<String>,
    unsaid: &'s mut Unsaid,
}

impl<'s> Reader<'s> {
    fn field(&mut self, name: &str, schema: &'s Tree, at: &str, depth: usize) -> Result<Field, String> {
        self.count += 1;
        if self.count > FIELDS_MAX {
            return Err(format!("it has more than {FIELDS_MAX} fields"));
        }
        let mut field = Field { name: name.to_owned(), ..Field::default() };
        if depth > DEPTH_MAX {
            self.unsaid.tell(at, format!("more than {DEPTH_MAX} levels are not said: the schema may hold itself"));
            return Ok(field);
        }
        let mut nullable = self.fill(&mut field, schema, at, depth)?;
        if field.logical.is_none() {
            self.guess(&mut field);
        }
        if field.values.contains(&Tree::Null) {
            field.values.retain(|value| *value != Tree::Null);
            nullable = true;
        }
        // Null and absence are one to a contract; where nothing says the type, null may be meant.
        field.required = !nullable && (field.logical.is_some() || !field.values.is_empty());
        self.fitting(&mut field, at);
        Ok(field)
    }

    /// Adds what a schema says; whether it may be null.
    fn fill(&mut self, field: &mut Field, given: &'s Tree, at: &str, depth: usize) -> Result<bool, String> {
        if depth > DEPTH_MAX {
            return Ok(true);
        }
        let (schema, document) = self.resolved(given, at);
        let outer = std::mem::replace(&mut self.document, document);
        let filled = self.filled(field, given, schema, at, depth);
        self.document = outer;
        filled
    }

    /// `given` refers to `schema`, or is it.
    fn filled(
        &mut self,
        field: &mut Field,
        given: &'s Tree,
        schema: &'s Tree,
        at: &str,
        depth: usize,
    ) -> Result<bool, String> {
        let mut nullable = false;
        for of in [given, schema] {
            let text = |key: &str| of.text(key).map(str::to_owned);
            field.title = field.title.take().or(text("title")).filter(|_| !at.is_empty());
            field.text = field.text.take().or(text("description"));
            field.tags.extend(
                of.texts("confluent:tags").into_iter().filter(|tag| !field.tags.contains(tag)).collect::<Vec<_>>(),
            );
            if std::ptr::eq(given, schema) {
                break;
            }
        }
        match schema.get("type") {
            Some(Tree::Text(word)) if word == "null" => nullable = true,
            Some(Tree::Text(word)) => field.logical = logical(word),
            Some(Tree::List(words)) => {
                let words: Vec<&str> = words.iter().filter_map(Tree::as_text).collect();
                nullable = words.contains(&"null");
                match words.iter().filter(|word| **word != "null").collect::<Vec<_>>().as_slice() {
                    [one] => field.logical = logical(one),
                    several if several.contains(&&"integer") && several.contains(&&"number") && several.len() == 2 => {
                        field.logical = Some(LogicalType::Number);
                    }
                    _ => self.unsaid.tell(at, "a value of several types is not said: it may be anything"),
                }
            }
            _ => {}
        }
        nullable |= self.branches(field, schema, at, depth)?;
        self.options(field, schema, at);
        if let Some(Tree::List(values)) = schema.get("enum") {
            field.values = values.clone();
        }
        field.values.extend(schema.get("const").cloned());
        field.examples.extend(schema.list("examples").iter().chain(schema.get("example")).cloned());
        self.properties(field, schema, at, depth)?;
        match schema.get("items") {
            Some(items @ Tree::Map(_)) => {
                let at = below(at, "");
                field.items = Some(Box::new(self.field("", items, &at, depth + 1)?));
            }
            Some(Tree::List(_)) => self.unsaid.tell(at, "items by their places are not said"),
            _ => {}
        }
        for (key, value) in schema.entries() {
            let free = key == "additionalProperties" && *value == Tree::Bool(true);
            if !free && matches!(keyword::named(key), None | Some((_, _, Role::Unasked))) {
                self.unsaid.tell(at, format!("{key} is not said"));
            }
        }
        Ok(nullable)
    }

    /// `allOf` is all of it; `oneOf` and `anyOf` where one branch alone is not null.
    fn branches(&mut self, field: &mut Field, schema: &'s Tree, at: &str, depth: usize) -> Result<bool, String> {
        let mut nullable = false;
        for part in schema.list("allOf") {
            self.fill(field, part, at, depth + 1)?;
        }
        for key in ["oneOf", "anyOf"] {
            let branches = schema.list(key);
            let is_null = |branch: &&Tree| branch.text("type") == Some("null");
            let others: Vec<&Tree> = branches.iter().filter(|branch| !is_null(branch)).collect();
            match others.as_slice() {
                [] => {}
                [one] => {
                    nullable |= others.len() < branches.len();
                    nullable |= self.fill(field, one, at, depth + 1)?;
                }
                several => {
                    nullable |= others.len() < branches.len();
                    self.unsaid.tell(at, format!("{key} of {} schemas is not said", several.len()));
                    // Whether one of them takes null, nobody says.
                    nullable |= field.logical.is_none();
                }
            }
        }
        Ok(nullable)
    }

    fn properties(&mut self, field: &mut Field, schema: &'s Tree, at: &str, depth: usize) -> Result<(), String> {
        let required = schema.texts("required");
        let Some(properties) = schema.get("properties") else {
            self.demand(field, &required, at);
            return Ok(());
        };
        for (name, of) in properties.entries() {
            let at = below(at, name);
            if name.is_empty() || *of == Tree::Bool(false) {
                self.unsaid.tell(&at, "a property without a name, or that may not be, is not said");
                continue;
            }
            let mut found = self.field(name, of, &at, depth + 1)?;
            let asked = required.contains(name);
            if asked && !found.required {
                self.unsaid.tell(&at, "that it must be there, be it as null, is not said");
            }
            if found.required {
                self.solid.insert(at);
            }
            found.required &= asked;
            match field.fields.iter_mut().find(|known| known.name == *name) {
                Some(known) => known.required |= found.required,
                None => field.fields.push(found),
            }
        }
        self.demand(field, &required, at);
        Ok(())
    }

    /// What is required and described elsewhere, or nowhere.
    fn demand(&mut self, field: &mut Field, required: &[String], at: &str) {
        for name in required {
            match field.fields.iter_mut().find(|known| known.name == *name) {
                Some(known) => known.required |= self.solid.contains(&below(at, name)),
                None => {
                    let at = below(at, name);
                    self.unsaid
                        .tell(&at, "it is required, and described nowhere: that it may not be null is asked too");
                    field.fields.push(Field { name: name.clone(), required: true, ..Field::default() });
                }
            }
        }
    }

    fn options(&mut self, field: &mut Field, schema: &Tree, at: &str) {
        let mut set = |key: &str, value: Tree| match field.options.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => *known = value,
            None => field.options.push((key.to_owned(), value)),
        };
        for (key, value) in schema.entries() {
            if let Some((_, _, Role::Bound(_, Takes::Count | Takes::Step))) = keyword::named(key) {
                set(key, value.clone());
            }
        }
        for (key, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
            match (schema.get(key), schema.get(bound)) {
                // Draft 4: whether the bound itself is beyond.
                (Some(Tree::Bool(true)), Some(value)) => set(key, value.clone()),
                (Some(value @ Tree::Number(_)), _) => set(key, value.clone()),
                (_, _) => {}
            }
            if let (Some(value), false) = (schema.get(bound), schema.flag(key)) {
                set(bound, value.clone());
            }
        }
        if schema.flag("uniqueItems") {
            set("uniqueItems", true.into());
        }
        if let Some(text) = schema.text("pattern") {
            match pattern::compile(text) {
                Ok(_) => set("pattern", text.into()),
                Err(why) => self.unsaid.tell(at, format!("its pattern is not said: {why}")),
            }
        }
        match schema.text("format") {
            Some("date") => field.logical = Some(LogicalType::Date),
            Some("date-time") => field.logical = Some(LogicalType::Timestamp),
            Some("time") => field.logical = Some(LogicalType::Time),
            Some(word @ ("int32" | "int64")) => {
                set("format", if word == "int32" { "i32".into() } else { "i64".into() })
            }
            Some("float" | "double") | None => {}
            Some(word) if TextFormat::named(word).is_some() => set("format", word.into()),
            Some(word) => self.unsaid.tell(at, format!("the format {word:?} is not said")),
        }
    }

    /// Without a type, what its keywords speak of.
    fn guess(&mut self, field: &mut Field) {
        let all = |is: fn(&Tree) -> bool| !field.values.is_empty() && field.values.iter().all(is);
        let has = |keys: &[&str]| field.options.iter().any(|(key, _)| keys.contains(&key.as_str()));
        field.logical = match () {
            _ if all(|value| matches!(value, Tree::Text(_) | Tree::Null)) => Some(LogicalType::String),
            _ if !field.fields.is_empty() => Some(LogicalType::Object),
            _ if field.items.is_some() || has(&["minItems", "maxItems", "uniqueItems"]) => Some(LogicalType::Array),
            _ => None,
        };
    }

    /// Keeps the options that the type has.
    fn fitting(&mut self, field: &mut Field, at: &str) {
        let allowed: Vec<&str> = field.logical.into_iter().flat_map(keyword::bounds).map(|(key, _)| key).collect();
        let is_whole = field.logical == Some(LogicalType::Integer);
        let is_text = field.logical == Some(LogicalType::String);
        field.options.retain(|(key, value)| {
            let of_type = key != "format"
                || value
                    .as_text()
                    .is_some_and(|word| is_text == TextFormat::named(word).is_some() && (is_text || is_whole));
            let kept = allowed.contains(&key.as_str()) && of_type;
            if !kept {
                self.unsaid.tell(at, format!("{key} is not said: it is no bound of this type"));
            }
            kept
        });
        if field.values.iter().any(|value| !value.is_scalar()) {
            self.unsaid.tell(at, "a list of values that are objects or arrays is not said");
            field.values.clear();
        }
        field.examples.retain(|example| *example != Tree::Null);
    }

    /// A schema, or what it refers to, within its document (`#/$defs/x`) or in another that is known; and the document that this
    /// stands in.
    fn resolved(&mut self, given: &'s Tree, at: &str) -> (&'s Tree, &'s Tree) {
        let (mut schema, mut document) = (given, self.document);
        for _ in 0..DEPTH_MAX {
            let Some(reference) = schema.text("$ref") else { return (schema, document) };
            let (name, pointer) = reference.split_once('#').unwrap_or((reference, ""));
            let other = self.others.iter().find(|(other, _)| *other == name).map(|(_, other)| other);
            let Some(root) = Some(document).filter(|_| name.is_empty()).or(other) else { break };
            let Some(found) = pointed(root, pointer) else { break };
            (schema, document) = (found, root);
        }
        if let Some(reference) = schema.text("$ref") {
            self.unsaid.tell(at, format!("what it refers to ({reference}) is not here: it may be anything"));
        }
        (schema, document)
    }
}

/// RFC 6901.
fn pointed<'t>(root: &'t Tree, pointer: &str) -> Option<&'t Tree> {
    let mut found = root;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        found = match found {
            Tree::List(items) => items.get(token.parse::<usize>().ok()?)?,
            other => other.get(&token)?,
        };
    }
    Some(found)
}

fn logical(word: &str) -> Option<LogicalType> {
    Some(match word {
        "string" => LogicalType::String,
        "integer" => LogicalType::Integer,
        "number" => LogicalType::Number,
        "boolean" => LogicalType::Boolean,
        "object" => LogicalType::Object,
        "array" => LogicalType::Array,
        _ => return None,
    })
}
