//! Tags of the metadata: patterns of full names, such as `**.ssn`, and the tags that their fields have.

use crate::engine::contract::fields::At;
use crate::engine::contract::problem::Problems;
use crate::engine::contract::subject::shape::Field;
use crate::engine::contract::yaml::Value;

#[derive(Debug, Default)]
pub struct Tags(Vec<(String, Vec<String>)>);

impl Tags {
    pub fn read(found: &At<'_>, problems: &Problems) -> Tags {
        let Value::Map(entries) = &found.node.value else {
            problems.schema(&found.at, "tags is no mapping", "write {\"**.ssn\": [\"PII\"]}");
            return Tags::default();
        };
        let read = |(pattern, node): &(String, _)| {
            let at = At { node, at: found.at.below(pattern, node) };
            let tags = at.texts();
            if tags.is_none() {
                problems.schema(&at.at, format!("the tags of {pattern} are no list of texts"), "write [\"PII\"]");
            }
            Some((pattern.clone(), tags?))
        };
        Tags(entries.iter().filter_map(read).collect())
    }

    /// The tags of a field: its own, and those of every pattern that it matches.
    pub fn of(&self, field: &Field) -> Vec<String> {
        let mut tags = field.tags.clone();
        for (pattern, more) in &self.0 {
            if matches(pattern.as_bytes(), field.full_name.as_bytes()) {
                tags.extend(more.iter().filter(|tag| !field.tags.contains(tag)).cloned());
            }
        }
        tags
    }

    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(pattern, _)| pattern.as_str())
    }
}

/// `**` stands for anything, `*` for anything without a dot, `?` for one character but a dot.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // Which beginnings of the name the pattern so far can be.
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let (crosses_dots, length) = match pattern[at..] {
            [b'*', b'*', ..] => (Some(true), 2),
            [b'*', ..] => (Some(false), 1),
            _ => (None, 1),
        };
        match crosses_dots {
            Some(crosses) => {
                for i in 1..=name.len() {
                    reached[i] = reached[i] || reached[i - 1] && (crosses || name[i - 1] != b'.');
                }
            }
            None => {
                for i in (1..=name.len()).rev() {
                    let same = pattern[at] == name[i - 1] || pattern[at] == b'?' && name[i - 1] != b'.';
                    reached[i] = reached[i - 1] && same;
                }
                reached[0] = false;
            }
        }
        at += length;
    }
    reached[name.len()]
}
