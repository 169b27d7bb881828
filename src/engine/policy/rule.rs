//! A file of policies: `kind: Policies` and a list of rules.

use crate::engine::contract::mode::Mode;
use crate::engine::contract::yaml::{self, Node, Value};
use crate::engine::decode::path::{FieldPath, Step};
use crate::engine::expr::cel::parse::{Scope, expression};
use crate::engine::expr::program::Program;
use crate::engine::expr::regex::Dialect;
use std::collections::BTreeSet;
use std::fmt;

/// One rule of the mesh.
#[derive(Clone, Debug)]
pub struct Policy {
    pub id: String,
    pub about: About,
    pub mode: Mode,
    pub title: String,
    /// What to do where it is broken; may be empty.
    pub remedy: String,
    /// The guard, as written; empty: it is always asked.
    pub when: String,
    pub rule: String,
    pub program: Program,
}

/// What a policy is asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// Each contract, with `contract`, `fields`, `changes` and `product`.
    Contract,
    /// Each product, with `product` and `contracts`.
    Product,
}

/// What is wrong with a file of policies, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The first is 1.
    pub line: u64,
    pub message: String,
    pub remedy: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}; {}", self.line, self.message, self.remedy)
    }
}

/// `kind` of a file of policies.
pub const KIND: &str = "Policies";

/// Policies of one file; each of them becomes a series for each mode.
const POLICIES_MAX: usize = 200;

const KEYS: [&str; 7] = ["id", "about", "mode", "title", "when", "rule", "remedy"];

impl About {
    const ALL: [About; 2] = [About::Contract, About::Product];

    /// As files and answers spell it.
    pub fn word(self) -> &'static str {
        match self {
            About::Contract => "contract",
            About::Product => "product",
        }
    }

    /// What its expressions may name.
    fn names(self) -> &'static [&'static str] {
        match self {
            About::Contract => &["contract", "fields", "changes", "product"],
            About::Product => &["product", "contracts"],
        }
    }
}

impl Policy {
    /// Whether it looks at what changed since the version before.
    pub fn asks_changes(&self) -> bool {
        let changes = |path: &FieldPath| path.0.first() == Some(&Step::Name("changes".into()));
        self.program.slots.iter().any(changes)
    }
}

/// The policies of a file that are right, and what is wrong with the others: a wrong one stops no other.
pub fn read(text: &str) -> (Vec<Policy>, Vec<Mistake>) {
    let root = match yaml::parse(text) {
        Ok(root) => root,
        Err(error) => {
            let line = error.line.unwrap_or(1);
            return (Vec::new(), vec![mistake(line, error.message, "write YAML")]);
        }
    };
    let mut mistakes = Vec::new();
    let entry = |key: &str| root.entries().unwrap_or_default().iter().find(|(name, _)| name == key).map(|(_, n)| n);
    if entry("kind").is_none_or(|kind| kind.value != Value::Text(KIND.into())) {
        mistakes.push(mistake(root.line, "it is no file of policies".into(), "begin it with `kind: Policies`"));
        return (Vec::new(), mistakes);
    }
    let known = ["apiVersion", "kind", "policies"];
    for (key, node) in root.entries().unwrap_or_default().iter().filter(|(key, _)| !known.contains(&key.as_str())) {
        mistakes.push(mistake(node.line, format!("`{key}` is not known here"), "known are apiVersion, kind, policies"));
    }
    let Some(Value::List(items)) = entry("policies").map(|node| &node.value) else {
        mistakes.push(mistake(root.line, "it has no policies".into(), "list them under `policies:`"));
        return (Vec::new(), mistakes);
    };
    if items.len() > POLICIES_MAX {
        let message = format!("it has {} policies, more than {POLICIES_MAX}", items.len());
        mistakes.push(mistake(root.line, message, "put them into several files"));
    }
    let (mut policies, mut ids) = (Vec::new(), BTreeSet::new());
    for node in items.iter().take(POLICIES_MAX) {
        match policy(node) {
            Ok(policy) if !ids.insert(policy.id.clone()) => {
                let message = format!("two policies are called {}", policy.id);
                mistakes.push(mistake(node.line, message, "give each an id of its own"));
            }
            Ok(policy) => policies.push(policy),
            Err(wrong) => mistakes.extend(wrong),
        }
    }
    (policies, mistakes)
}

fn policy(node: &Node) -> Result<Policy, Vec<Mistake>> {
    let Some(entries) = node.entries() else {
        return Err(vec![mistake(
            node.line,
            format!("{} is no policy", node.kind()),
            "write a mapping with id and rule",
        )]);
    };
    let mut wrong = Vec::new();
    for (key, value) in entries {
        if !KEYS.contains(&key.as_str()) {
            wrong.push(mistake(
                value.line,
                format!("`{key}` is not known here"),
                &format!("known are {}", KEYS.join(", ")),
            ));
        } else if !matches!(value.value, Value::Text(_)) {
            wrong.push(mistake(value.line, format!("`{key}` is {}", value.kind()), "write a text"));
        }
    }
    let found = |key: &str| {
        let (_, node) = entries.iter().find(|(name, _)| name == key)?;
        match &node.value {
            Value::Text(text) => Some((text.as_str(), node.line)),
            _ => None,
        }
    };
    let text = |key: &str| found(key).map_or(String::new(), |(text, _)| text.to_owned());
    let id = text("id");
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if id.is_empty() || !id.chars().all(legal) || id.len() > 100 {
        let message = format!("a policy's id is {id:?}");
        wrong.push(mistake(node.line, message, "write up to 100 letters, digits, `-`, `_` and `.`"));
    }
    let about = match found("about") {
        None => Some(About::Contract),
        Some((word, line)) => About::ALL.into_iter().find(|about| about.word() == word).or_else(|| {
            wrong.push(mistake(line, format!("about: {word}"), "write contract or product"));
            None
        }),
    };
    let mode = match found("mode") {
        None => Some(Mode::default()),
        Some((word, line)) => Mode::named(word).or_else(|| {
            wrong.push(mistake(line, format!("mode: {word}"), "write observe, warn or enforce"));
            None
        }),
    };
    if found("rule").is_none() {
        let message = format!("the policy {id:?} has no rule");
        wrong.push(mistake(node.line, message, "write in `rule` what must be true, in CEL"));
    }
    let mut slots = Vec::new();
    let mut compiled = |key: &str, about: About| {
        let (text, line) = found(key)?;
        let names = about.names();
        let fields = |name: &str| names.contains(&name).then(|| FieldPath(vec![Step::Name(name.into())]));
        let scope = Scope { variables: &[], fields: &fields, dialect: Dialect::Re2 };
        match expression(text, &scope, &mut slots) {
            Ok(expr) => Some(expr),
            Err(error) => {
                let message = format!("{key}: {} (at its byte {})", error.what, error.at);
                wrong.push(mistake(line, message, &format!("write CEL about {}", names.join(", "))));
                None
            }
        }
    };
    let about_or_both = about.unwrap_or(About::Contract);
    let (guard, body) = (compiled("when", about_or_both), compiled("rule", about_or_both));
    match (wrong.is_empty(), about, mode, body) {
        (true, Some(about), Some(mode), Some(body)) => Ok(Policy {
            about,
            mode,
            title: if text("title").is_empty() { id.clone() } else { text("title") },
            id,
            remedy: text("remedy"),
            when: text("when"),
            rule: text("rule"),
            program: Program { guard, body, slots, doubles: Vec::new() },
        }),
        _ => Err(wrong),
    }
}

fn mistake(line: u64, message: String, remedy: &str) -> Mistake {
    Mistake { line, message, remedy: remedy.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_is_told_with_its_line_and_a_wrong_policy_stops_no_other() {
        let good = "- {id: good, rule: 'contract.version != \"\"'}";
        let check = |policies: &str, line: u64, told: &str| {
            let (found, mistakes) = read(&format!("kind: Policies\npolicies:\n{good}\n{policies}\n"));
            assert_eq!(found.iter().map(|policy| policy.id.as_str()).collect::<Vec<_>>(), ["good"], "{policies}");
            let said: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            assert!(mistakes.iter().any(|m| m.line == line && m.to_string().contains(told)), "{policies}: {said:?}");
        };
        check("- {id: good, rule: 'true'}", 4, "two policies are called good");
        check("- {id: a b, rule: 'true'}", 4, "id is \"a b\"");
        check("- {rule: 'true'}", 4, "id is \"\"");
        check("- {id: x}", 4, "has no rule");
        check("- {id: x, rule: 'contract.'}", 4, "rule: ");
        check("- {id: x, rule: 'nobody.knows'}", 4, "CEL about contract, fields, changes, product");
        check("- {id: x, about: product, rule: 'contract.id == \"\"'}", 4, "CEL about product, contracts");
        check("- {id: x, when: '1 +', rule: 'true'}", 4, "when: ");
        check("- {id: x, mode: loud, rule: 'true'}", 4, "observe, warn or enforce");
        check("- {id: x, about: topic, rule: 'true'}", 4, "contract or product");
        check("- {id: x, rule: 'true', owner: me}", 4, "`owner` is not known");
        check("- {id: x, rule: 7}", 4, "`rule` is a number");
        check("- x", 4, "a text is no policy");
    }

    #[test]
    fn what_is_no_file_of_policies_is_told() {
        for (text, told) in [
            ("kind: DataContract", "no file of policies"),
            ("[", "write YAML"),
            ("kind: Policies", "no policies"),
            ("kind: Policies\npolicies: {}", "no policies"),
            ("kind: Policies\npolicies: []\nother: 1", "`other` is not known"),
        ] {
            let (policies, mistakes) = read(text);
            assert!(policies.is_empty() && mistakes[0].to_string().contains(told), "{text}: {mistakes:?}");
        }
    }

    #[test]
    fn what_a_policy_does_not_say_is_about_contracts_and_warns() {
        let (policies, mistakes) = read("kind: Policies\npolicies: [{id: p, rule: 'changes.size() == 0'}]");
        assert!(mistakes.is_empty() && policies[0].asks_changes(), "{mistakes:?}");
        assert_eq!((policies[0].about, policies[0].mode, &*policies[0].title), (About::Contract, Mode::Warn, "p"));
    }
}
