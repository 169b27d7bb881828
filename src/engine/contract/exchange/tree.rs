//! A document whose keys have an order: read from YAML or JSON, written as either.

use crate::engine::contract::yaml::{Node, Value};
use serde_json::Number;
use std::fmt::Write;

#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

/// A value of a key that holds nothing nested stands in its line, up to so many characters.
const FLOW_MAX_CHARS: usize = 90;

impl Tree {
    pub fn of(node: &Node) -> Tree {
        match &node.value {
            Value::Null => Tree::Null,
            Value::Bool(b) => Tree::Bool(*b),
            Value::Number(n) => Tree::Number(n.clone()),
            Value::Text(text) => Tree::Text(text.clone()),
            Value::List(items) => Tree::List(items.iter().map(Tree::of).collect()),
            Value::Map(entries) => Tree::Map(entries.iter().map(|(key, node)| (key.clone(), Tree::of(node))).collect()),
        }
    }

    /// The value of a key; null is the same as no value.
    pub fn get(&self, key: &str) -> Option<&Tree> {
        self.entries().iter().find(|(name, value)| name == key && *value != Tree::Null).map(|(_, value)| value)
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Tree::as_text)
    }

    pub fn flag(&self, key: &str) -> bool {
        self.get(key) == Some(&Tree::Bool(true))
    }

    /// The items of a key's list; none where it is no list.
    pub fn list(&self, key: &str) -> &[Tree] {
        match self.get(key) {
            Some(Tree::List(items)) => items,
            _ => &[],
        }
    }

    /// The texts of a key's list.
    pub fn texts(&self, key: &str) -> Vec<String> {
        self.list(key).iter().filter_map(Tree::as_text).map(str::to_owned).collect()
    }

    /// In the order of the document; none where it is no mapping.
    pub fn entries(&self) -> &[(String, Tree)] {
        match self {
            Tree::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Tree::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A scalar as people read it.
    pub fn word(&self) -> String {
        match self {
            Tree::Text(text) => text.clone(),
            other => other.json(),
        }
    }

    pub fn is_scalar(&self) -> bool {
        !matches!(self, Tree::List(_) | Tree::Map(_))
    }

    /// As YAML 1.2, a line's end at its end.
    pub fn yaml(&self) -> String {
        let mut out = String::new();
        match self {
            Tree::Map(entries) if !entries.is_empty() => block(entries, 0, false, &mut out),
            other => out.push_str(&format!("{}\n", flow(other))),
        }
        out
    }

    /// As JSON in one line.
    pub fn json(&self) -> String {
        self.as_json(&|text| serde_json::Value::from(text).to_string(), (", ", ": "))
    }

    /// As JSON for people, a line's end at its end.
    pub fn pretty_json(&self) -> String {
        let mut out = String::new();
        pretty(self, 0, &mut out);
        out.push('\n');
        out
    }

    fn as_json(&self, text: &dyn Fn(&str) -> String, (comma, colon): (&str, &str)) -> String {
        match self {
            Tree::Null => "null".to_owned(),
            Tree::Bool(b) => b.to_string(),
            Tree::Number(n) => n.to_string(),
            Tree::Text(of) => text(of),
            Tree::List(items) => {
                let items: Vec<String> = items.iter().map(|item| item.as_json(text, (comma, colon))).collect();
                format!("[{}]", items.join(comma))
            }
            Tree::Map(entries) => {
                let entry = |(key, value): &(String, Tree)| {
                    format!("{}{colon}{}", text(key), value.as_json(text, (comma, colon)))
                };
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(comma))
            }
        }
    }
}

/// A mapping of what is there.
#[derive(Debug, Default)]
pub struct Entries(Vec<(String, Tree)>);

impl Entries {
    pub fn with(mut self, key: &str, value: impl Into<Tree>) -> Entries {
        self.0.push((key.to_owned(), value.into()));
        self
    }

    /// Left out where there is nothing: no value, an empty list or mapping.
    pub fn maybe(self, key: &str, value: Option<impl Into<Tree>>) -> Entries {
        match value.map(Into::into) {
            None => self,
            Some(Tree::List(items)) if items.is_empty() => self,
            Some(Tree::Map(entries)) if entries.is_empty() => self,
            Some(value) => self.with(key, value),
        }
    }

    pub fn flag(self, key: &str, set: bool) -> Entries {
        if set { self.with(key, true) } else { self }
    }
}

impl From<Entries> for Tree {
    fn from(entries: Entries) -> Tree {
        Tree::Map(entries.0)
    }
}

impl From<bool> for Tree {
    fn from(b: bool) -> Tree {
        Tree::Bool(b)
    }
}

impl From<i64> for Tree {
    fn from(n: i64) -> Tree {
        Tree::Number(n.into())
    }
}

impl From<&str> for Tree {
    fn from(text: &str) -> Tree {
        Tree::Text(text.to_owned())
    }
}

impl From<String> for Tree {
    fn from(text: String) -> Tree {
        Tree::Text(text)
    }
}

impl<T: Into<Tree>> From<Vec<T>> for Tree {
    fn from(items: Vec<T>) -> Tree {
        Tree::List(items.into_iter().map(Into::into).collect())
    }
}

fn block(entries: &[(String, Tree)], indent: usize, after_dash: bool, out: &mut String) {
    for (place, (key, value)) in entries.iter().enumerate() {
        if !(after_dash && place == 0) {
            let _ = write!(out, "{:width$}", "", width = 2 * indent);
        }
        out.push_str(&quoted(key));
        out.push(':');
        let in_line = flow(value);
        match value {
            Tree::Map(inner) if !(is_flat(value) && in_line.chars().count() <= FLOW_MAX_CHARS) => {
                out.push('\n');
                block(inner, indent + 1, false, out);
            }
            Tree::List(items) if !items.iter().all(Tree::is_scalar) => {
                out.push('\n');
                list(items, indent + 1, out);
            }
            _ => {
                let _ = writeln!(out, " {in_line}");
            }
        }
    }
}

fn list(items: &[Tree], indent: usize, out: &mut String) {
    for item in items {
        let _ = write!(out, "{:width$}- ", "", width = 2 * indent);
        match item {
            Tree::Map(entries) if !entries.is_empty() => block(entries, indent + 1, true, out),
            other => {
                let _ = writeln!(out, "{}", flow(other));
            }
        }
    }
}

/// No mapping in it, and no list of anything but scalars.
fn is_flat(tree: &Tree) -> bool {
    let is_plain = |value: &Tree| match value {
        Tree::List(items) => items.iter().all(Tree::is_scalar),
        Tree::Map(entries) => entries.is_empty(),
        _ => true,
    };
    tree.entries().iter().all(|(_, value)| is_plain(value))
}

fn flow(tree: &Tree) -> String {
    tree.as_json(&|text| quoted(text), (", ", ": "))
}

/// As YAML: bare where nothing else could be read into it, else in double quotes, which are JSON's.
pub fn quoted(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(bare);
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if is_word && !reserved.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    // What JSON leaves as it is and YAML's readers need not take (YAML 1.2.2, *Character Set*).
    let mut out = String::new();
    for c in serde_json::Value::from(text).to_string().chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

fn pretty(tree: &Tree, indent: usize, out: &mut String) {
    let (open, close, items): (_, _, Vec<(Option<&String>, &Tree)>) = match tree {
        Tree::Map(entries) if !entries.is_empty() => {
            ('{', '}', entries.iter().map(|(key, value)| (Some(key), value)).collect())
        }
        Tree::List(items) if !items.iter().all(Tree::is_scalar) => {
            ('[', ']', items.iter().map(|item| (None, item)).collect())
        }
        other => return out.push_str(&other.json()),
    };
    out.push(open);
    for (place, (key, value)) in items.into_iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        let _ = write!(out, "{comma}\n{:width$}", "", width = 2 * indent + 2);
        if let Some(key) = key {
            let _ = write!(out, "{}: ", serde_json::Value::from(key.as_str()));
        }
        pretty(value, indent + 1, out);
    }
    let _ = write!(out, "\n{:width$}{close}", "", width = 2 * indent);
}

#[cfg(test)]
mod tests {
    use super::Tree;
    use crate::engine::contract::yaml;
    use proptest::prelude::*;

    fn any_tree() -> impl Strategy<Value = Tree> {
        let leaf = prop_oneof![
            Just(Tree::Null),
            any::<bool>().prop_map(Tree::Bool),
            any::<i64>().prop_map(Tree::from),
            any::<String>().prop_map(Tree::Text),
            "[a-zA-Z0-9.:#~ -]{0,6}".prop_map(Tree::Text),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let entries = prop::collection::btree_map("[ -~]{0,6}", inner.clone(), 0..5);
            prop_oneof![
                prop::collection::vec(inner, 0..5).prop_map(Tree::List),
                entries.prop_map(|entries| Tree::Map(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_as_yaml_or_json_reads_back(tree in any_tree()) {
            for text in [tree.yaml(), tree.json(), tree.pretty_json()] {
                let read = yaml::parse(&text).map(|node| Tree::of(&node));
                prop_assert_eq!(read.as_ref(), Ok(&tree), "{}", text);
            }
        }
    }
}
