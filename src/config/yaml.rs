//! A YAML file as dotted keys, each with its line and its text exactly as typed.

use crate::config::error::ConfigError;
use crate::config::keys;
use crate::config::raw::Entry;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::fmt;

/// Reads `text`; `name` is what the places are called by. What is wrong does not hide what is right.
pub fn read(name: &str, text: &str) -> (BTreeMap<String, Entry>, Vec<ConfigError>) {
    let mut flat = Flat { name, text, entries: BTreeMap::new(), errors: Vec::new() };
    // The parser's excerpt of the file could show a secret.
    let options = serde_saphyr::options! { with_snippet: false };
    match serde_saphyr::from_str_with_options::<Option<Spanned<Node>>>(text, options) {
        Ok(None) => {}
        Ok(Some(root)) => flat.add(String::new(), root),
        Err(e) => {
            let line = e.location().map_or(0, |at| at.line());
            flat.errors.push(ConfigError {
                key: String::new(),
                place: flat.place(line),
                line,
                value: None,
                problem: format!("is not YAML: {}", e.without_snippet()),
                remedy: "correct the line; nothing else of the file was read".into(),
            });
        }
    }
    (flat.entries, flat.errors)
}

/// A YAML node, with the place of everything inside.
enum Node {
    Null,
    /// A number or a flag; its own text is read from the source, so that `0042` stays `0042`.
    Bare(String),
    Text(String),
    List(Vec<Spanned<Node>>),
    Map(Vec<(Spanned<String>, Spanned<Node>)>),
}

struct Flat<'a> {
    name: &'a str,
    text: &'a str,
    entries: BTreeMap<String, Entry>,
    errors: Vec<ConfigError>,
}

impl Flat<'_> {
    fn place(&self, line: u64) -> String {
        if line == 0 { self.name.into() } else { format!("{}:{line}", self.name) }
    }

    fn add(&mut self, path: String, node: Spanned<Node>) {
        let line = node.referenced.line();
        match node.value {
            Node::Map(children) => {
                for (key, child) in children {
                    let path = if path.is_empty() { key.value } else { format!("{path}.{}", key.value) };
                    self.add(path, Spanned { referenced: key.referenced, ..child });
                }
            }
            // An empty value is the default: `worker:` with everything below it commented out.
            Node::Null => {}
            _ if path.is_empty() => self.error("", line, "is no map of keys".into(), "begin with `kafka:`"),
            Node::List(items) => {
                let texts: Option<Vec<String>> = items.into_iter().map(|item| scalar(self.text, item)).collect();
                match texts {
                    Some(texts) => self.insert(path, texts, true, line),
                    None => self.error(&path, line, "is a list of more than texts".into(), "write each item as a text"),
                }
            }
            _ => {
                let texts = scalar(self.text, node).into_iter().collect();
                self.insert(path, texts, false, line);
            }
        }
    }

    fn insert(&mut self, path: String, texts: Vec<String>, list: bool, line: u64) {
        if keys::is_section(&path) && keys::find(&path).is_none() {
            return self.error(&path, line, "is a section, not a value".into(), "put keys below it, or remove it");
        }
        let entry = Entry { texts, list, place: self.place(line), line };
        match self.entries.get(&path) {
            Some(first) => {
                let problem = format!("is given twice, the first time at {}", first.place);
                self.error(&path, line, problem, "keep one of them: nested and flat spellings name the same key");
            }
            None => {
                self.entries.insert(path, entry);
            }
        }
    }

    fn error(&mut self, key: &str, line: u64, problem: String, remedy: &str) {
        let place = self.place(line);
        self.errors.push(ConfigError { key: key.into(), place, line, value: None, problem, remedy: remedy.into() });
    }
}

fn scalar(source: &str, node: Spanned<Node>) -> Option<String> {
    match node.value {
        Node::Text(text) => Some(text),
        Node::Bare(read) => {
            // An alias stands where it is used; its text where it is defined.
            let span = node.defined.span();
            let typed = span.byte_offset().zip(span.byte_len()).and_then(|(from, length)| {
                source.get(from as usize..(from + length) as usize).map(|typed| typed.trim().to_string())
            });
            Some(typed.filter(|typed| !typed.is_empty() && !typed.starts_with(['&', '!'])).unwrap_or(read))
        }
        Node::Null => Some(String::new()),
        Node::List(_) | Node::Map(_) => None,
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, a flag, a list or a map")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bare(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Bare(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Bare(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Node, E> {
        Ok(Node::Bare(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Node, E> {
        Ok(Node::Bare(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Bare(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut children = Vec::new();
        while let Some(child) = map.next_entry()? {
            children.push(child);
        }
        Ok(Node::Map(children))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(yaml: &str, expected: &[(&str, u64, &[&str])]) {
        let (entries, errors) = read("f.yaml", yaml);
        assert_eq!(errors, [], "{yaml}");
        let found: Vec<_> = entries.iter().map(|(key, e)| (key.as_str(), e.line, e.texts.clone())).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(k, line, t)| (*k, *line, t.iter().map(|t| t.to_string()).collect::<Vec<_>>()))
            .collect();
        assert_eq!(found, expected, "{yaml}");
    }

    #[test]
    fn nested_and_flat_keys_are_the_same() {
        for yaml in [
            "window:\n  max:\n    open: 2h",
            "window:\n\n  max.open: 2h",
            "\n\nwindow.max.open: 2h",
            "\n\nwindow: {max: {open: 2h}}",
        ] {
            check(yaml, &[("window.max.open", 3, &["2h"])]);
        }
    }

    #[test]
    fn a_scalar_keeps_its_own_text() {
        for (typed, kept) in [
            ("0042", "0042"),
            ("1.10", "1.10"),
            ("1e3", "1e3"),
            ("0x1F", "0x1F"),
            ("on", "on"),
            ("true", "true"),
            ("\"quoted\"", "quoted"),
            ("2024-01-01", "2024-01-01"),
            ("-1", "-1"),
            ("12 # why", "12"),
            ("12345678901234567890123", "12345678901234567890123"),
            ("''", ""),
        ] {
            check(&format!("worker.id: {typed}"), &[("worker.id", 1, &[kept])]);
        }
    }

    #[test]
    fn an_alias_has_the_text_of_its_anchor() {
        check("worker.id: &x 0042\nlog.level: *x", &[("log.level", 2, &["0042"]), ("worker.id", 1, &["0042"])]);
    }

    #[test]
    fn a_list_keeps_its_items_and_an_empty_value_is_no_value() {
        check("contracts.paths:\n- a\n- 07\nworker:\nlog:\n  level:\n", &[("contracts.paths", 1, &["a", "07"])]);
        check("topics.exclude: []", &[("topics.exclude", 1, &[])]);
        check("", &[]);
        check("# nothing\n", &[]);
    }

    #[test]
    fn what_is_no_configuration_is_said_with_its_line() {
        for (yaml, line, words) in [
            ("- a", 1, "is no map of keys"),
            ("a: [b", 1, "is not YAML"),
            ("log.level: a\nlog.level: b", 2, "is not YAML"),
            ("log.level: a\nlog: {level: b}", 2, "is given twice, the first time at f.yaml:1"),
            ("window: 5", 1, "is a section, not a value"),
            ("contracts.paths: [{a: 1}]", 1, "is a list of more than texts"),
        ] {
            let (_, errors) = read("f.yaml", yaml);
            assert_eq!(errors.len(), 1, "{yaml}: {errors:?}");
            assert_eq!(errors[0].line, line, "{yaml}: {}", errors[0]);
            assert!(errors[0].problem.contains(words), "{yaml}: {}", errors[0]);
        }
    }

    #[test]
    fn a_syntax_error_shows_no_line_of_the_file() {
        let (_, errors) = read("f.yaml", "kafka:\n  sasl.password: hunter2\n  x: [\n");
        assert_eq!(errors.len(), 1);
        assert!(!errors[0].to_string().contains("hunter2"), "{}", errors[0]);
    }
}
