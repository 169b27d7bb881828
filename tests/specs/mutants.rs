//! Documents made from a JSON Schema and from examples, changed at random: the same ones in every run.

use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// `count` mutants of the documents and of such as hold everything that the schema knows, which are first.
pub fn of(schema: &Value, documents: Vec<Value>, count: usize) -> Vec<Value> {
    let mut pool = Pool::default();
    pool.learn(schema);
    let mut originals = Maker { schema }.documents(&pool.kinds);
    originals.extend(documents);
    originals.iter().for_each(|document| pool.collect(document));
    let mut dice = Dice(8);
    let mutant = |i: usize, dice: &mut Dice| {
        let mut document = originals[i % originals.len()].clone();
        for _ in 0..1 + dice.below(3) {
            mutate(&mut document, &pool, dice);
        }
        document
    };
    let mutants: Vec<Value> = (0..count).map(|i| mutant(i, &mut dice)).collect();
    originals.iter().cloned().chain(mutants).collect()
}

/// Each document without one of its keys: each place once, of the items of a list those of the first.
pub fn lacking(documents: &[Value]) -> Vec<Value> {
    let mut all = Vec::new();
    for document in documents {
        let mut paths = Vec::new();
        all_paths(document, String::new(), &mut paths);
        let of_first = |path: &&String| path.split('/').all(|step| !step.parse().is_ok_and(|n: usize| n > 0));
        for path in paths.iter().filter(of_first) {
            let Some((around, key)) = path.rsplit_once('/') else { continue };
            let mut lacking = document.clone();
            let Some(Value::Object(entries)) = lacking.pointer_mut(around) else { continue };
            entries.remove(&key.replace("~1", "/").replace("~0", "~"));
            all.push(lacking);
        }
    }
    all
}

/// What mutants are made of.
#[derive(Default)]
struct Pool {
    keys: BTreeSet<String>,
    words: BTreeSet<String>,
    /// Types of servers.
    kinds: Vec<String>,
    /// Values of examples, each with its key.
    parts: Vec<(String, Value)>,
}

impl Pool {
    /// Every key and every word of the schema.
    fn learn(&mut self, schema: &Value) {
        match schema {
            Value::Object(entries) => {
                for (key, value) in entries {
                    match (key.as_str(), value) {
                        ("properties", Value::Object(of)) => self.keys.extend(of.keys().cloned()),
                        ("enum", Value::Array(words)) => {
                            let words: Vec<String> = words.iter().filter_map(Value::as_str).map(String::from).collect();
                            if words.iter().any(|word| word == "kafka") {
                                self.kinds = words.clone();
                            }
                            self.words.extend(words);
                        }
                        _ => {}
                    }
                    self.learn(value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            _ => {}
        }
    }

    fn collect(&mut self, value: &Value) {
        match value {
            Value::Object(entries) => {
                for (key, value) in entries {
                    if value.to_string().len() < 400 {
                        self.parts.push((key.clone(), value.clone()));
                    }
                    self.collect(value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item)),
            _ => {}
        }
    }
}

/// Makes instances of a schema.
struct Maker<'s> {
    schema: &'s Value,
}

impl Maker<'_> {
    /// One with every key that always may stand; one with a server of each type and all that it may have; one with a
    /// property of each type and all its options.
    fn documents(&self, kinds: &[String]) -> Vec<Value> {
        let whole = self.instance(self.schema, 0);
        let mut documents = vec![whole.clone()];
        if kinds.is_empty() {
            return documents;
        }
        let mut with = |key: &str, items: Vec<Value>| {
            let mut document = whole.clone();
            document[key] = items.into();
            documents.push(document);
        };
        let definition = |name: &str| self.schema.pointer(&format!("/$defs/{name}")).expect("a definition");
        with("servers", self.cases(definition("Server"), "type", json!({"server": "s"})));
        let properties = self.cases(definition("SchemaBaseProperty"), "logicalType", json!({"name": "p"}));
        with("schema", vec![json!({"name": "o", "properties": properties})]);
        let mut rules = self.cases(definition("DataQuality"), "type", json!({}));
        for rule in &mut rules {
            rule["mustBe"] = 1.into();
        }
        with("schema", vec![json!({"name": "o", "quality": rules})]);
        documents
    }

    /// An instance for each condition of a definition: the key has the word, and all is there that then may be.
    fn cases(&self, definition: &Value, key: &str, base: Value) -> Vec<Value> {
        let mut made = Vec::new();
        for case in definition["allOf"].as_array().into_iter().flatten() {
            let mut conditions = vec![&case["if"]];
            conditions.extend(case["if"]["anyOf"].as_array().into_iter().flatten());
            for condition in conditions {
                let Some(word) = condition.pointer(&format!("/properties/{key}/const")) else { continue };
                let mut instance = self.instance(&case["then"], 2);
                let Value::Object(entries) = &mut instance else { continue };
                entries.insert(key.to_owned(), word.clone());
                entries.extend(base.as_object().cloned().unwrap_or_default());
                made.push(instance);
            }
        }
        made
    }

    fn instance(&self, schema: &Value, depth: usize) -> Value {
        let schema = self.resolved(schema);
        if let Some(word) = schema["enum"].get(0).or(schema.get("const")) {
            return word.clone();
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(first) = schema[key].get(0).filter(|_| schema.get("properties").is_none()) {
                return self.instance(first, depth);
            }
        }
        match schema["type"].as_str().or(schema["type"][0].as_str()) {
            Some("string") => text(&schema).into(),
            Some("integer") => 2.into(),
            Some("number") => json!(1.5),
            Some("boolean") => true.into(),
            Some("array") if depth > 5 => json!([]),
            Some("array") => match schema["items"].is_object() {
                true => json!([self.instance(&schema["items"], depth + 1)]),
                false => json!([]),
            },
            _ => {
                let mut entries = Map::new();
                for (key, of) in schema["properties"].as_object().into_iter().flatten() {
                    // Without a type of its own, a property may have no options.
                    let is_type = key == "logicalType" || key == "logicalTypeOptions";
                    if depth <= 5 && (!is_type || of["properties"].is_object()) {
                        entries.insert(key.clone(), self.instance(of, depth + 1));
                    }
                }
                Value::Object(entries)
            }
        }
    }

    /// With what it refers to and what all of it must be, but for conditions.
    fn resolved(&self, schema: &Value) -> Value {
        let mut whole = schema.clone();
        let referred = schema["$ref"].as_str().and_then(|r| self.schema.pointer(r.trim_start_matches('#')));
        let all = schema["allOf"].as_array().into_iter().flatten();
        for part in referred.into_iter().chain(all) {
            let part = self.resolved(part);
            for (key, value) in part.as_object().into_iter().flatten() {
                match (key.as_str(), value, whole.get_mut(key)) {
                    ("properties", Value::Object(more), Some(Value::Object(known))) => known.extend(more.clone()),
                    ("if" | "then" | "not" | "allOf", ..) | (_, _, Some(_)) => {}
                    (_, value, None) => whole[key] = value.clone(),
                }
            }
        }
        whole
    }
}

/// A text that the schema's pattern and format take.
fn text(schema: &Value) -> &'static str {
    let pattern = schema["pattern"].as_str().and_then(|pattern| regex::Regex::new(pattern).ok());
    let formed = match schema["format"].as_str() {
        Some("date") => "2026-11-28",
        Some("date-time") => "2026-11-28T14:00:00Z",
        Some("uri") => "https://example.com/a?b#c",
        _ => "some-text",
    };
    let all = [formed, "a.b", "sftp://host/x"];
    all.into_iter().find(|text| pattern.as_ref().is_none_or(|p| p.is_match(text))).unwrap_or(formed)
}

fn mutate(document: &mut Value, pool: &Pool, dice: &mut Dice) {
    let mut paths = Vec::new();
    all_paths(document, String::new(), &mut paths);
    let path = dice.one(&paths).clone();
    let Some(found) = document.pointer_mut(&path) else { return };
    match (dice.below(10), found) {
        (0 | 1, Value::Object(entries)) if !entries.is_empty() => {
            let keys: Vec<String> = entries.keys().cloned().collect();
            let old = entries.remove(dice.one(&keys)).unwrap_or_default();
            if dice.below(2) == 0 {
                entries.insert(dice.key(pool), old);
            }
        }
        (2..=4, Value::Object(entries)) => {
            let (key, value) = match dice.below(3) {
                0 => (dice.key(pool), dice.value(pool)),
                _ => dice.one(&pool.parts).clone(),
            };
            entries.insert(key, value);
        }
        (5, Value::Object(entries)) => {
            entries.insert("nobodyKnowsThis".to_owned(), Value::Null);
        }
        (0..=3, Value::Array(items)) if !items.is_empty() => {
            let item = dice.one(items).clone();
            items.push(match (dice.below(3), item) {
                // Equal to JSON, and written in another way.
                (0, Value::Number(n)) => json!(n.as_f64()),
                (_, item) => item,
            });
        }
        (4, Value::Array(items)) => {
            items.pop();
        }
        (5, Value::Array(items)) => items.push(dice.value(pool)),
        (0..=3, Value::String(text)) => {
            let more =
                [" ", "#", ".", "/x", "\n", "é", "%", "%2F", ":", "-", "_", "0", "T", "?", "[", "@", "\u{a0}", "\\"];
            let places: Vec<usize> = (0..=text.len()).filter(|i| text.is_char_boundary(*i)).collect();
            let place = *dice.one(&places);
            match dice.below(3) {
                0 => {
                    text.truncate(place);
                }
                _ => text.insert_str(place, dice.one::<&str>(&more)),
            }
        }
        (4..=7, Value::String(text)) => *text = dice.word(pool),
        (0..=4, found @ Value::Number(_)) => {
            let numbers = [json!(0), json!(-1), json!(1.0), json!(1.5), json!(-0.0), json!(1e300), json!(u64::MAX)];
            *found = dice.one(&numbers).clone();
        }
        (_, found) => *found = dice.value(pool),
    }
}

fn all_paths(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                all_paths(value, format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), paths);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| all_paths(item, format!("{path}/{i}"), paths));
        }
        _ => {}
    }
    paths.push(path);
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same throws on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }

    fn one<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len())]
    }

    fn key(&mut self, pool: &Pool) -> String {
        let n = self.below(pool.keys.len());
        pool.keys.iter().nth(n).cloned().unwrap_or_default()
    }

    fn word(&mut self, pool: &Pool) -> String {
        let n = self.below(pool.words.len());
        pool.words.iter().nth(n).cloned().unwrap_or_default()
    }

    fn value(&mut self, pool: &Pool) -> Value {
        let all = [
            Value::Null,
            json!(true),
            json!(0),
            json!(7),
            json!(-1),
            json!(1.0),
            json!(1.5),
            json!(""),
            json!("a.b"),
            json!("2026-02-29"),
            json!([]),
            json!([1, 2]),
            json!([1, 1.0]),
            json!(["a.b"]),
            json!([{}]),
            json!({}),
            json!({"a": 1}),
        ];
        match self.below(3) {
            0 => self.one(&pool.parts).1.clone(),
            _ => self.one(&all).clone(),
        }
    }
}
