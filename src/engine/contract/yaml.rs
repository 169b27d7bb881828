//! YAML 1.2 core into a tree that knows its lines and columns.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// One node of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub value: Value,
    /// Where its key stands, if it is a value of a mapping, else where it begins itself. The first line is 1.
    pub line: u64,
    /// In characters, the first is 1.
    pub column: u64,
}

/// Core has no timestamps: a date is text.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Node>),
    /// In the order of the document; keys are distinct.
    Map(Vec<(String, Node)>),
}

/// Why a text is no YAML document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    pub line: Option<u64>,
    pub column: Option<u64>,
    pub message: String,
}

/// Each nested property takes two levels, and 64 of them may be nested: 128, and some to stand in. Reading is recursive, and
/// a thread's stack of 2 MiB holds many times that.
const DEPTH_MAX: usize = 160;

/// Reads one document; duplicate keys are an error.
pub fn parse(text: &str) -> Result<Node, SyntaxError> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        underscored_numbers_as_strings: true,
        budget: serde_saphyr::budget! { max_depth: DEPTH_MAX },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|e| {
        let location = e.location().filter(|l| l.line() > 0);
        SyntaxError {
            line: location.map(|l| l.line()),
            column: location.map(|l| l.column()),
            message: e.without_snippet().to_string().lines().next().unwrap_or_default().to_owned(),
        }
    })
}

impl Node {
    /// A tree that has no places of its own: all of it stands in the first line.
    pub fn of(json: serde_json::Value) -> Node {
        use serde_json::Value as Json;
        let value = match json {
            Json::Null => Value::Null,
            Json::Bool(b) => Value::Bool(b),
            Json::Number(n) => Value::Number(n),
            Json::String(text) => Value::Text(text),
            Json::Array(items) => Value::List(items.into_iter().map(Node::of).collect()),
            Json::Object(entries) => Value::Map(entries.into_iter().map(|(key, node)| (key, Node::of(node))).collect()),
        };
        Node { value, line: 1, column: 1 }
    }

    /// The same tree as JSON, its objects sorted by key: equal for texts that differ in comments and layout.
    pub fn json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(b) => (*b).into(),
            Value::Number(n) => n.clone().into(),
            Value::Text(t) => t.clone().into(),
            Value::List(items) => items.iter().map(Node::json).collect(),
            Value::Map(entries) => {
                let sorted: std::collections::BTreeMap<_, _> =
                    entries.iter().map(|(k, v)| (k.clone(), v.json())).collect();
                serde_json::Value::Object(sorted.into_iter().collect())
            }
        }
    }

    /// Of a mapping: its entries, in the order of the document.
    pub fn entries(&self) -> Option<&[(String, Node)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        let spanned = serde_saphyr::Spanned::<Value>::deserialize(deserializer)?;
        Ok(Node { value: spanned.value, line: spanned.referenced.line(), column: spanned.referenced.column() })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Bool(b))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Value, E> {
        Ok(Value::Number(n.into()))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Value, E> {
        Ok(Value::Number(n.into()))
    }

    fn visit_i128<E: serde::de::Error>(self, n: i128) -> Result<Value, E> {
        self.visit_f64(n as f64)
    }

    fn visit_u128<E: serde::de::Error>(self, n: u128) -> Result<Value, E> {
        self.visit_f64(n as f64)
    }

    /// JSON has no `.inf` and no `.nan`: they stay text, and are no numbers to any rule.
    fn visit_f64<E>(self, n: f64) -> Result<Value, E> {
        Ok(serde_json::Number::from_f64(n).map_or_else(|| Value::Text(n.to_string()), Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, node)) = map.next_entry::<serde_saphyr::Spanned<String>, Node>()? {
            let (line, column) = (key.referenced.line(), key.referenced.column());
            entries.push((key.value, Node { line, column, ..node }));
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::{Node, Value, parse};
    use serde_json::json;

    #[test]
    fn scalars_are_those_of_yaml_1_2_core() {
        let cases = [
            ("a: 2022-11-15T02:59:43+00:00", json!({"a": "2022-11-15T02:59:43+00:00"})),
            ("a: 2022-11-15", json!({"a": "2022-11-15"})),
            ("a: yes", json!({"a": "yes"})),
            (
                "a: [true, null, ~, 1, -1.5, 1_000, 'x', \"1\"]",
                json!({"a": [true, null, null, 1, -1.5, "1_000", "x", "1"]}),
            ),
            ("a:", json!({"a": null})),
            ("a: &x {b: 1}\nc: *x", json!({"a": {"b": 1}, "c": {"b": 1}})),
            ("a: |\n  two\n  lines\n", json!({"a": "two\nlines\n"})),
            ("", json!(null)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).map(|n| n.json()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_nested_too_deep_or_grows_without_bound_is_refused() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(&deep(150)).is_ok());
        assert!(parse(&deep(100_000)).is_err());
        let bomb = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, i| {
            let before = i - 1;
            format!("{text}a{i}: &a{i} [*a{before}, *a{before}, *a{before}, *a{before}]\n")
        });
        assert!(parse(&bomb).is_err());
    }

    #[test]
    fn nodes_and_syntax_errors_know_their_places() {
        let document = parse("a: 1\nb:\n  - x\n  - c: 2\nd:\ne:\n").unwrap();
        let at = |n: &Node| (n.line, n.column);
        let Value::Map(entries) = &document.value else { panic!("no map") };
        let found: Vec<_> = entries.iter().map(|(_, n)| at(n)).collect();
        assert_eq!((at(&document), found), ((1, 1), vec![(1, 1), (2, 1), (5, 1), (6, 1)]));
        let Value::List(items) = &entries[1].1.value else { panic!("no list") };
        assert_eq!((at(&items[0]), at(&items[1])), ((3, 5), (4, 5)));
        for (text, at) in [("a: 1\na: 2\n", 2), ("a: 1\nb: [1\n", 2), ("a: 1\n b: 2\n", 2)] {
            let error = parse(text).unwrap_err();
            assert!(error.line.is_some_and(|l| l >= at), "{text}: {error:?}");
        }
    }
}
