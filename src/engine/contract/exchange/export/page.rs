//! A contract as people read it: headings, texts and tables. Whatever has no place of its own stands as its key and its value.

use crate::engine::contract::exchange::outline::{DEPTH_MAX, below};
use crate::engine::contract::exchange::tree::Tree;

/// Of the contract's own words; nothing in it is markup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// From 1, the title.
    Heading(u8, String),
    Text(String),
    Table {
        head: Vec<&'static str>,
        rows: Vec<Vec<String>>,
    },
}

pub fn page(document: &Tree) -> Vec<Block> {
    let word = |key: &str| document.get(key).filter(|value| value.is_scalar()).map(Tree::word);
    let id = word("id").unwrap_or_default();
    let mut blocks = vec![Block::Heading(1, word("name").or(word("dataProduct")).unwrap_or_else(|| id.clone()))];
    match document.get("description") {
        Some(Tree::Map(texts)) => {
            for key in ["purpose", "usage", "limitations"] {
                let text = texts.iter().find(|(name, _)| name == key).map(|(_, text)| text.word());
                let label = if key == "purpose" {
                    ""
                } else if key == "usage" {
                    "Usage: "
                } else {
                    "Limitations: "
                };
                blocks.extend(text.map(|text| Block::Text(format!("{label}{text}"))));
            }
            let others = texts.iter().filter(|(key, _)| !["purpose", "usage", "limitations"].contains(&key.as_str()));
            facts(others.map(|(key, value)| (key.clone(), value)), &mut blocks);
        }
        Some(text) => blocks.push(Block::Text(text.word())),
        None => {}
    }
    let apart = ["name", "description", "schema", "slaProperties"];
    let is_list_of_maps =
        |value: &Tree| matches!(value, Tree::List(items) if items.iter().any(|item| !item.is_scalar()));
    let (lists, plain): (Vec<_>, Vec<_>) = document
        .entries()
        .iter()
        .filter(|(key, value)| !apart.contains(&key.as_str()) && *value != Tree::Null)
        .partition(|(_, value)| is_list_of_maps(value));
    facts(plain.into_iter().map(|(key, value)| (key.clone(), value)), &mut blocks);
    document.list("schema").iter().for_each(|of| object(of, &mut blocks));
    list("Service levels", document.list("slaProperties"), "property", &mut blocks);
    for (key, items) in lists {
        let Tree::List(items) = items else { continue };
        list(heading(key), items, "", &mut blocks);
    }
    blocks
}

fn object(of: &Tree, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading(2, of.text("name").unwrap_or("object").to_owned()));
    blocks.extend(of.text("description").map(|text| Block::Text(text.to_owned())));
    let apart = ["name", "description", "properties", "quality"];
    facts(
        of.entries().iter().filter(|(key, _)| !apart.contains(&key.as_str())).map(|(key, value)| (key.clone(), value)),
        blocks,
    );
    let (mut rows, mut rules) = (Vec::new(), Vec::new());
    of.list("quality").iter().for_each(|rule| rules.push(("", rule).into()));
    properties(of, "", 0, &mut rows, &mut rules);
    if !rows.is_empty() {
        blocks.push(Block::Table { head: vec!["Field", "Type", "Asked", "Description", "Also"], rows });
    }
    if !rules.is_empty() {
        blocks.push(Block::Heading(3, "Quality".to_owned()));
        let rows = rules.into_iter().map(|Rule { of, rule }| quality(&of, rule)).collect();
        blocks.push(Block::Table { head: vec!["Field", "Rule", "Expected", "Severity", "Description", "Also"], rows });
    }
}

/// A quality rule, and the field that it stands at.
struct Rule<'t> {
    of: String,
    rule: &'t Tree,
}

impl<'t> From<(&str, &'t Tree)> for Rule<'t> {
    fn from((of, rule): (&str, &'t Tree)) -> Rule<'t> {
        Rule { of: of.to_owned(), rule }
    }
}

fn properties<'t>(of: &'t Tree, at: &str, depth: usize, rows: &mut Vec<Vec<String>>, rules: &mut Vec<Rule<'t>>) {
    if depth > DEPTH_MAX {
        return;
    }
    for property in of.list("properties") {
        let at = below(at, property.text("name").unwrap_or_default());
        one(property, &at, depth, rows, rules);
    }
    let of_map = |part: &str| of.get("map").and_then(|map| map.get(part));
    let held = [(of.get("items"), "[]"), (of_map("key"), "{key}"), (of_map("value"), "{value}")];
    for (inner, sign) in held.into_iter().filter_map(|(inner, sign)| Some((inner?, sign))) {
        one(inner, &format!("{at}{sign}"), depth, rows, rules);
    }
}

fn one<'t>(property: &'t Tree, at: &str, depth: usize, rows: &mut Vec<Vec<String>>, rules: &mut Vec<Rule<'t>>) {
    let types: Vec<String> =
        ["logicalType", "physicalType"].iter().filter_map(|key| property.get(key)).map(Tree::word).collect();
    let mut asked: Vec<String> = ["required", "unique", "primaryKey"]
        .iter()
        .filter(|key| property.flag(key))
        .map(|key| (*key).to_owned())
        .collect();
    let options = property.get("logicalTypeOptions").map(Tree::entries).unwrap_or_default();
    asked.extend(options.iter().map(|(key, value)| format!("{key} {}", value.word())));
    let apart = [
        "name",
        "logicalType",
        "physicalType",
        "required",
        "unique",
        "primaryKey",
        "logicalTypeOptions",
        "description",
        "properties",
        "items",
        "map",
        "quality",
    ];
    let also = rest(property, &apart);
    let text = property.text("description").unwrap_or_default().to_owned();
    rows.push(vec![at.to_owned(), types.join(" / "), asked.join(", "), text, also]);
    rules.extend(property.list("quality").iter().map(|rule| Rule::from((at, rule))));
    properties(property, at, depth + 1, rows, rules);
}

fn quality(of: &str, rule: &Tree) -> Vec<String> {
    let word = |key: &str| rule.get(key).map(Tree::word);
    let kind =
        word("metric").or(word("rule")).or(word("query")).or(word("engine")).or(word("type")).unwrap_or_default();
    let name = word("name").or(word("id")).map(|name| format!("{name}: ")).unwrap_or_default();
    let expected: Vec<String> = rule
        .entries()
        .iter()
        .filter(|(key, _)| key.starts_with("must"))
        .map(|(key, value)| format!("{key} {}", value.word()))
        .collect();
    let unit = word("unit").map(|unit| format!(" {unit}")).unwrap_or_default();
    let mut apart = vec!["name", "unit", "severity", "description"];
    apart.push(
        ["metric", "rule", "query", "engine", "type"].into_iter().find(|key| word(key).is_some()).unwrap_or_default(),
    );
    apart.extend(["id"].into_iter().filter(|_| word("name").is_none()));
    let rest: Vec<(String, Tree)> =
        rule.entries().iter().filter(|(key, _)| !key.starts_with("must")).cloned().collect();
    let also = self::rest(&Tree::Map(rest), &apart);
    vec![
        of.to_owned(),
        format!("{name}{kind}"),
        format!("{}{unit}", expected.join(", ")),
        word("severity").unwrap_or_default(),
        word("description").unwrap_or_default(),
        also,
    ]
}

/// A table of key and value.
fn facts<'t>(entries: impl Iterator<Item = (String, &'t Tree)>, blocks: &mut Vec<Block>) {
    let rows: Vec<Vec<String>> =
        entries.filter(|(_, value)| **value != Tree::Null).map(|(key, value)| vec![key, plain(value)]).collect();
    if !rows.is_empty() {
        blocks.push(Block::Table { head: vec!["", ""], rows });
    }
}

/// A section for a list of mappings: what each is called, and the rest of it.
fn list(title: &str, items: &[Tree], first: &str, blocks: &mut Vec<Block>) {
    if items.is_empty() {
        return;
    }
    blocks.push(Block::Heading(2, title.to_owned()));
    let row = |item: &Tree| {
        let called = match item.get(first) {
            Some(_) => first.to_owned(),
            None => item.entries().first().map(|(key, _)| key.clone()).unwrap_or_default(),
        };
        match item.get(&called) {
            Some(name) => vec![plain(name), rest(item, &[&called])],
            None => vec![plain(item), String::new()],
        }
    };
    blocks.push(Block::Table { head: vec!["", ""], rows: items.iter().map(row).collect() });
}

fn heading(key: &str) -> &str {
    match key {
        "servers" => "Servers",
        "team" => "Team",
        "roles" => "Roles",
        "support" => "Support",
        "authoritativeDefinitions" => "Links",
        "customProperties" => "Custom properties",
        other => other,
    }
}

/// `key: value; …` of what has no column of its own.
fn rest(of: &Tree, apart: &[&str]) -> String {
    let left = of.entries().iter().filter(|(key, value)| !apart.contains(&key.as_str()) && *value != Tree::Null);
    left.map(|(key, value)| format!("{key}: {}", plain(value))).collect::<Vec<_>>().join("; ")
}

/// A list of scalars with commas between them, a mapping of such; what is nested deeper is told as JSON has it.
fn plain(value: &Tree) -> String {
    let is_list = |value: &Tree| matches!(value, Tree::List(items) if items.iter().all(Tree::is_scalar));
    match value {
        Tree::List(items) if is_list(value) => items.iter().map(Tree::word).collect::<Vec<_>>().join(", "),
        Tree::Map(entries) if entries.iter().all(|(_, value)| value.is_scalar() || is_list(value)) => rest(value, &[]),
        other => other.word(),
    }
}
