//! A JSON Schema of records, draft 4 to 2020-12: its fields, and what its keywords ask of them. What is asked and not measured is
//! told by its keyword, with the reason.

use crate::engine::contract::keyword::{self, Draft};
use crate::engine::contract::plan::{Check, JsonType, Validity};
use crate::engine::contract::subject::shape::{Ask, Field, Shape, list, texts};
use crate::engine::contract::subject::validity;
use crate::engine::contract::values::Values;
use crate::engine::decode::path::Step;
use serde_json::Value;

/// Levels that are read: deeper than any record is.
const DEPTH_MAX: usize = 16;
/// Fields that are told: a schema that refers to the same again and again grows fast.
const FIELDS_MAX: usize = 10_000;

/// `references`: other documents that it refers to, by name. The error says what is wrong with the schema.
pub fn shape(schema: &Value, references: &[(String, String)]) -> Result<Shape, String> {
    if !schema.is_object() {
        return Err("it is no object".to_owned());
    }
    let read = |(name, text): &(String, String)| match serde_json::from_str(text) {
        Ok(other) => Ok((name.clone(), other)),
        Err(e) => Err(format!("{name}, which it refers to: {e}")),
    };
    let others: Vec<(String, Value)> = references.iter().map(read).collect::<Result<_, _>>()?;
    let documents = Documents { others: &others, draft: Draft::of(schema), moved: has_inner_id(schema, true) };
    let mut reader = Reader { documents, open: Vec::new(), count: 0 };
    let text = |key: &str| schema.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut asks = Vec::new();
    let all = reader.documents.all_of(&[At { schema, root: schema }], &mut asks);
    if kinds(&all).is_some_and(|kinds| !kinds.contains(&"object")) {
        asks.push(unasked("type", "records are objects, and the schema is none of objects"));
    }
    let fields = reader.within(&all, "$", 0, &mut asks)?;
    Ok(Shape {
        name: text("title"),
        text: text("description"),
        rules: list(schema.get("confluent:rules")),
        fields,
        asks,
    })
}

/// A schema, and the document that its references go out from.
#[derive(Clone, Copy)]
pub struct At<'s> {
    pub schema: &'s Value,
    pub root: &'s Value,
}

impl<'s> At<'s> {
    fn below(self, schema: &'s Value) -> At<'s> {
        At { schema, ..self }
    }

    /// The schemas of a list: of `allOf` and its like.
    fn each(self, key: &str) -> impl Iterator<Item = At<'s>> {
        let all = self.schema.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        all.iter().map(move |schema| self.below(schema))
    }

    fn is(self, other: At<'_>) -> bool {
        std::ptr::eq(self.schema, other.schema)
    }
}

/// The schema and what it refers to.
pub struct Documents<'s> {
    others: &'s [(String, Value)],
    pub draft: Draft,
    /// A schema within it has an id of its own: where references go, its place alone does not tell.
    moved: bool,
}

impl<'s> Documents<'s> {
    /// Where a reference goes: within the document (`#/definitions/x`), or into another that is known.
    fn target(&self, at: At<'s>) -> Option<At<'s>> {
        let reference = at.schema.get("$ref")?.as_str()?;
        let (document, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let root = match document {
            "" => at.root,
            name => self.others.iter().find(|(other, _)| other == name).map(|(_, root)| root)?,
        };
        let schema = root.pointer(pointer).filter(|_| !self.moved)?;
        Some(At { schema, root })
    }

    /// What all names of an object are.
    fn names(&self, at: At<'s>) -> Option<&'s Value> {
        at.schema.get("propertyNames").filter(|names| self.draft >= Draft::D6 && names.is_object())
    }

    /// Until draft 7 nothing beside `$ref` counts.
    pub fn counts(&self, at: At<'_>) -> bool {
        self.draft > Draft::D7 || at.schema.get("$ref").is_none()
    }

    /// All schemas that hold together where these do: what they refer to, `allOf`, and of `anyOf` and `oneOf` the one that is
    /// not null. Each stands there once.
    fn all_of(&self, given: &[At<'s>], asks: &mut Vec<Ask>) -> Vec<At<'s>> {
        let mut all: Vec<At<'s>> = Vec::new();
        let mut open: Vec<At<'s>> = given.iter().rev().copied().collect();
        while let Some(at) = open.pop() {
            if all.iter().any(|known| known.is(at)) {
                continue;
            }
            all.push(at);
            if let Some(reference) = at.schema.get("$ref") {
                match self.target(at) {
                    Some(target) => open.push(target),
                    None => asks.push(unasked("$ref", format!("what {reference} refers to is not here"))),
                }
            }
            if *at.schema == Value::Bool(false) {
                asks.push(unasked("not", "a schema that nothing keeps is not measured"));
            }
            if !self.counts(at) {
                continue;
            }
            open.extend(at.each("allOf"));
            for key in ["anyOf", "oneOf"] {
                let branches: Vec<At<'s>> = at.each(key).collect();
                let is_null = |branch: &&At<'s>| branch.schema.get("type").is_some_and(|t| t == "null");
                let others: Vec<&At<'s>> = branches.iter().filter(|branch| !is_null(branch)).collect();
                match others.as_slice() {
                    _ if branches.is_empty() => {}
                    [one] => open.push(**one),
                    several => asks.push(unasked(key, format!("{key} of {} schemas is not measured", several.len()))),
                }
            }
        }
        all
    }

    /// Whether null keeps the schema; `None`: what is not measured decides it.
    fn takes_null(&self, at: At<'s>, depth: usize) -> Option<bool> {
        if let Value::Bool(all) = at.schema {
            return Some(*all);
        }
        if depth > DEPTH_MAX {
            return None;
        }
        let mut said = Vec::new();
        if at.schema.get("$ref").is_some() {
            said.push(self.target(at).and_then(|target| self.takes_null(target, depth + 1)));
        }
        if self.counts(at) {
            let of = |key: &str| at.schema.get(key);
            let names =
                |of: &Value| of == "null" || of.as_array().is_some_and(|words| words.iter().any(|w| w == "null"));
            said.extend(of("type").map(|types| Some(names(types))));
            said.extend(of("enum").and_then(Value::as_array).map(|values| Some(values.contains(&Value::Null))));
            said.extend(of("const").filter(|_| self.draft >= Draft::D6).map(|value| Some(value.is_null())));
            said.extend(["not", "if"].into_iter().filter_map(of).map(|_| None));
            let each = |key: &str| at.each(key).map(|branch| self.takes_null(branch, depth + 1)).collect::<Vec<_>>();
            said.extend(each("allOf"));
            let any = each("anyOf");
            if !any.is_empty() {
                let certain = any.contains(&Some(true)) || !any.contains(&None);
                said.push(certain.then(|| any.contains(&Some(true))));
            }
            let one = each("oneOf");
            if !one.is_empty() {
                let taken = one.iter().filter(|takes| **takes == Some(true)).count();
                said.push((!one.contains(&None)).then_some(taken == 1));
            }
        }
        both(said)
    }
}

/// Whether all hold.
fn both(said: Vec<Option<bool>>) -> Option<bool> {
    match said.contains(&Some(false)) {
        true => Some(false),
        false => (!said.contains(&None)).then_some(true),
    }
}

struct Reader<'s> {
    documents: Documents<'s>,
    /// The schemas that are being read: one within itself has no end.
    open: Vec<At<'s>>,
    count: usize,
}

/// What is said of one property in several places.
struct Named<'s> {
    name: &'s str,
    schemas: Vec<At<'s>>,
    asked: bool,
}

impl<'s> Reader<'s> {
    /// The fields of an object of these schemas, and what they ask of it as a whole.
    fn within(&mut self, all: &[At<'s>], path: &str, depth: usize, asks: &mut Vec<Ask>) -> Result<Vec<Field>, String> {
        all.iter()
            .filter(|at| self.documents.counts(**at))
            .for_each(|at| validity::asks(*at, self.documents.draft, asks));
        let holds_more =
            |at: &At<'_>| at.schema.get("properties").or(at.schema.get("items")).or(values(at.schema)).is_some();
        let inner: Vec<At<'s>> = all.iter().filter(|at| self.documents.counts(**at)).copied().collect();
        let (again, inner): (Vec<At<'s>>, Vec<At<'s>>) =
            inner.into_iter().partition(|at| depth >= DEPTH_MAX || self.open.iter().any(|open| open.is(*at)));
        if again.iter().any(holds_more) {
            asks.push(unasked("$ref", "what a schema that holds itself asks of the inner one is not measured"));
        }
        let opened = self.open.len();
        self.open.extend(&inner);
        let mut fields = Vec::new();
        for Named { name, schemas, asked } in named(&inner, asks) {
            let full_name = format!("{path}.{name}");
            let field = self.field(&schemas, name, Step::Name(name.to_owned()), full_name, depth + 1)?;
            let takes_null = both(schemas.iter().map(|at| self.documents.takes_null(*at, 0)).collect());
            fields.push(presence(field, asked, takes_null));
        }
        let items: Vec<At<'s>> = inner.iter().filter_map(|at| Some(at.below(items(at.schema, asks)?))).collect();
        if !items.is_empty() {
            let field = self.field(&items, "", Step::Items, path.to_owned(), depth + 1)?;
            let takes_null = both(items.iter().map(|at| self.documents.takes_null(*at, 0)).collect());
            fields.push(presence(field, false, takes_null));
        }
        let names: Vec<At<'s>> = inner.iter().filter_map(|at| Some(at.below(self.documents.names(*at)?))).collect();
        if !names.is_empty() {
            fields.push(self.field(&names, "", Step::Keys, path.to_owned(), depth + 1)?);
        }
        let values: Vec<At<'s>> = inner.iter().filter_map(|at| Some(at.below(values(at.schema)?))).collect();
        if !values.is_empty() {
            let field = self.field(&values, "", Step::Values, path.to_owned(), depth + 1)?;
            let takes_null = both(values.iter().map(|at| self.documents.takes_null(*at, 0)).collect());
            fields.push(presence(field, false, takes_null));
        }
        self.open.truncate(opened);
        Ok(fields)
    }

    fn field(
        &mut self,
        schemas: &[At<'s>],
        name: &str,
        step: Step,
        full_name: String,
        depth: usize,
    ) -> Result<Field, String> {
        self.count += 1;
        if self.count > FIELDS_MAX {
            return Err(format!("it has more than {FIELDS_MAX} fields"));
        }
        let mut asks = Vec::new();
        let all = self.documents.all_of(schemas, &mut asks);
        let kinds = kinds(&all.iter().copied().filter(|at| self.documents.counts(*at)).collect::<Vec<_>>());
        let types: Vec<JsonType> = kinds.iter().flatten().filter_map(|word| json_type(word)).collect();
        match types.as_slice() {
            [] if kinds.is_some() => {
                asks.push(unasked("type", "that no value but null keeps its type is not measured"))
            }
            [] | [_] => {}
            _ => asks.push(("logicalType", Check::Valid(Validity::Types(types.clone())))),
        }
        let (kind, type_name) = match kinds.as_deref() {
            Some([one]) => (*one, type_name(one)),
            _ => ("any", None),
        };
        let says = |key: &str| all.iter().any(|at| at.schema.get(key).is_some());
        let is_plain = !says("enum") && !says("const");
        let fields = self.within(&all, &full_name, depth, &mut asks)?;
        let mut tags: Vec<String> = all.iter().flat_map(|at| texts(at.schema.get("confluent:tags"))).collect();
        tags.dedup();
        Ok(Field {
            name: name.to_owned(),
            step,
            full_name,
            kind: kind.to_owned(),
            json_type: if let [one] = types.as_slice() { Some(*one) } else { None },
            type_name: type_name.filter(|_| is_plain),
            required: false,
            text: all.iter().find_map(|at| at.schema.get("description")).and_then(Value::as_str).map(str::to_owned),
            tags,
            rules: all.iter().flat_map(|at| list(at.schema.get("confluent:rules"))).collect(),
            fields,
            asks,
        })
    }
}

/// What is not measured, by its keyword.
pub fn unasked(keyword: &str, reason: impl Into<String>) -> Ask {
    (keyword::named(keyword).map_or("type", |(name, ..)| name), Check::Unmeasured(reason.into()))
}

/// Whether a field must be there, and whether it may be null there. A contract's own `required` is both.
fn presence(mut field: Field, asked: bool, takes_null: Option<bool>) -> Field {
    match (asked, takes_null) {
        (true, Some(false)) => field.required = true,
        (true, _) => field.asks.insert(0, ("required", Check::Missing(Values::new(Vec::new())))),
        (false, Some(false)) => field.asks.insert(0, ("nullValues", Check::Null)),
        (false, _) => {}
    }
    field
}

/// The properties of all these schemas, in the order in which they are named, and those that are only required.
fn named<'s>(all: &[At<'s>], asks: &mut Vec<Ask>) -> Vec<Named<'s>> {
    let mut found: Vec<Named<'s>> = Vec::new();
    let of = |name: &'s str, found: &mut Vec<Named<'s>>| match found.iter().position(|known| known.name == name) {
        Some(at) => at,
        None => {
            found.push(Named { name, schemas: Vec::new(), asked: false });
            found.len() - 1
        }
    };
    for at in all {
        for (name, schema) in at.schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let place = of(name, &mut found);
            found[place].schemas.push(at.below(schema));
        }
    }
    for at in all {
        for name in at.schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
        {
            let place = of(name, &mut found);
            found[place].asked = true;
        }
    }
    if found.iter().any(|known| known.name.is_empty()) {
        found.retain(|known| !known.name.is_empty());
        asks.push(unasked("properties", "a property without a name is not measured"));
    }
    found
}

/// What all items are. Items by their places are not measured, and then neither are those behind them.
fn items<'s>(schema: &'s Value, asks: &mut Vec<Ask>) -> Option<&'s Value> {
    match schema.get("items")? {
        Value::Array(_) => {
            asks.push(unasked("items", "items by their places are not measured"));
            None
        }
        items => schema.get("prefixItems").is_none().then_some(items),
    }
}

/// What all members of an object are, where it is a map: where no names are told apart.
pub fn values(schema: &Value) -> Option<&Value> {
    let named = |key: &str| schema.get(key).and_then(Value::as_object).is_some_and(|of| !of.is_empty());
    let is_map = !named("properties") && !named("patternProperties");
    schema.get("additionalProperties").filter(|values| is_map && values.is_object())
}

/// The types but null that all these schemas allow; `None`: any.
fn kinds<'s>(all: &[At<'s>]) -> Option<Vec<&'s str>> {
    let mut left: Option<Vec<&'s str>> = None;
    for at in all {
        let said: Vec<&str> = match at.schema.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => continue,
        };
        let mut said: Vec<&str> = said.into_iter().filter(|word| *word != "null").collect();
        if said.contains(&"number") {
            said.retain(|word| *word != "integer");
        }
        left = Some(match left {
            None => said,
            Some(left) => left.into_iter().filter_map(|word| common(word, &said)).collect(),
        });
    }
    left
}

/// An integer is a number.
fn common<'s>(word: &'s str, said: &[&'s str]) -> Option<&'s str> {
    match word {
        "integer" if said.contains(&"number") => Some("integer"),
        "number" if said.contains(&"integer") => Some("integer"),
        word => said.contains(&word).then_some(word),
    }
}

fn json_type(word: &str) -> Option<JsonType> {
    Some(match word {
        "string" => JsonType::String,
        "integer" => JsonType::Integer,
        "number" => JsonType::Number,
        "boolean" => JsonType::Boolean,
        "object" => JsonType::Object,
        "array" => JsonType::Array,
        _ => return None,
    })
}

/// As Confluent's rules call it.
fn type_name(word: &str) -> Option<&'static str> {
    Some(match word {
        "string" => "STRING",
        "integer" => "INT",
        "number" => "DOUBLE",
        "boolean" => "BOOLEAN",
        _ => return None,
    })
}

/// Whether a schema within has an `$id` (of draft 4 an `id`) that is a text.
fn has_inner_id(schema: &Value, is_root: bool) -> bool {
    let is_id = |(key, value): (&String, &Value)| !is_root && (key == "$id" || key == "id") && value.is_string();
    match schema {
        Value::Object(entries) => entries.iter().any(|e| is_id(e) || has_inner_id(e.1, false)),
        Value::Array(items) => items.iter().any(|item| has_inner_id(item, false)),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
