//! A mapping being read: it hands out typed values by key, tells what has the wrong type, and knows what nobody asked for.

use crate::engine::contract::problem::{Place, Problems};
use crate::engine::contract::yaml::{Node, Value};

pub struct Fields<'a> {
    pub at: Place,
    entries: Vec<Entry<'a>>,
    problems: &'a Problems,
}

struct Entry<'a> {
    key: &'a str,
    node: &'a Node,
    asked: bool,
}

/// A node and its place.
#[derive(Clone, Debug)]
pub struct At<'a> {
    pub node: &'a Node,
    pub at: Place,
}

impl<'a> Fields<'a> {
    /// `None`, and a problem, where the node is no mapping.
    pub fn of(found: &At<'a>, problems: &'a Problems) -> Option<Fields<'a>> {
        let Value::Map(entries) = &found.node.value else {
            wrong(problems, &found.at, "a mapping", found.node);
            return None;
        };
        let entries = entries.iter().map(|(key, node)| Entry { key, node, asked: false }).collect();
        Some(Fields { at: found.at.clone(), entries, problems })
    }

    /// The value of a key; null is the same as no value.
    pub fn get(&mut self, key: &str) -> Option<At<'a>> {
        let at = &self.at;
        let entry = self.entries.iter_mut().find(|e| e.key == key)?;
        entry.asked = true;
        let node = entry.node;
        (node.value != Value::Null).then(|| At { node, at: at.below(key, node) })
    }

    /// Whether the key is there, be it with null.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|e| e.key == key)
    }

    pub fn text(&mut self, key: &str) -> Option<String> {
        let found = self.get(key)?;
        match &found.node.value {
            Value::Text(text) => Some(text.clone()),
            Value::Number(number) => {
                wrong(self.problems, &found.at, "a text (put it in quotes)", found.node);
                Some(number.to_string())
            }
            _ => self.refuse(&found, "a text"),
        }
    }

    pub fn flag(&mut self, key: &str) -> Option<bool> {
        let found = self.get(key)?;
        match &found.node.value {
            Value::Bool(flag) => Some(*flag),
            _ => self.refuse(&found, "true or false"),
        }
    }

    pub fn integer(&mut self, key: &str) -> Option<i64> {
        let found = self.get(key)?;
        match &found.node.value {
            Value::Number(n) if n.is_i64() => n.as_i64(),
            _ => self.refuse(&found, "a whole number"),
        }
    }

    /// The items of a list; empty where there is none.
    pub fn list(&mut self, key: &str) -> Vec<At<'a>> {
        let Some(found) = self.get(key) else { return Vec::new() };
        match found.items() {
            Some(items) => items,
            None => self.refuse(&found, "a list").unwrap_or_default(),
        }
    }

    /// Marks keys as known that are read for no rule.
    pub fn known(&mut self, keys: &[&str]) {
        self.entries.iter_mut().filter(|e| keys.contains(&e.key)).for_each(|e| e.asked = true);
    }

    /// Keys that nobody asked for, each once.
    pub fn unknown(&mut self) -> Vec<(&'a str, Place)> {
        let at = &self.at;
        let left = self.entries.iter_mut().filter(|e| !e.asked);
        left.map(|e| {
            e.asked = true;
            (e.key, at.below(e.key, e.node))
        })
        .collect()
    }

    fn refuse<T>(&self, found: &At<'_>, expected: &str) -> Option<T> {
        wrong(self.problems, &found.at, expected, found.node);
        None
    }
}

impl<'a> At<'a> {
    /// `None` where it is no list.
    pub fn items(&self) -> Option<Vec<At<'a>>> {
        let Value::List(items) = &self.node.value else { return None };
        let below = |(i, node): (usize, &'a Node)| At { node, at: self.at.below(&i.to_string(), node) };
        Some(items.iter().enumerate().map(below).collect())
    }

    /// The texts of a list of texts; `None` for anything else.
    pub fn texts(&self) -> Option<Vec<String>> {
        let Value::List(items) = &self.node.value else { return None };
        let text = |node: &Node| match &node.value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        };
        items.iter().map(text).collect()
    }

    pub fn text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn number(&self) -> Option<f64> {
        match &self.node.value {
            Value::Number(n) => n.as_f64(),
            _ => None,
        }
    }
}

fn wrong(problems: &Problems, at: &Place, expected: &str, found: &Node) {
    let key = at.path.rsplit('/').next().filter(|k| !k.is_empty()).unwrap_or("the document");
    problems.schema(at, format!("{key} is {}", found.kind()), format!("make it {expected}"));
}
