//! The draft as ODCS v3.1 YAML: every clause holds for the records that it was drafted from, and says by how many.

use crate::engine::contract::exchange::outline::legal_topic;
use crate::engine::contract::exchange::tree::quoted;
use crate::engine::infer::gather::{Field, Gathered};
use crate::engine::infer::guess;
use std::fmt::Write;

/// `name`: of the contract and its object; `domain`: whose product it is. `source`: what the records are called, for the first line.
pub fn yaml(gathered: &Gathered, name: &str, domain: Option<&str>, topic: &str, source: &str) -> String {
    let mut out = Draft { text: String::new() };
    let slug = legal_topic(name);
    out.line(0, &format!("# Drafted by `steward contract infer` from {source}: {}.", counts(gathered)));
    out.line(0, "# Every rule holds for these records. Keep what is promised, remove what is chance, and say what the data means.");
    out.line(0, "apiVersion: v3.1.0");
    out.line(0, "kind: DataContract");
    out.line(0, &format!("id: {}", quoted(&format!("{slug}-contract"))));
    out.line(0, &format!("name: {}", quoted(&slug)));
    out.line(0, "version: 0.1.0");
    out.line(0, "status: draft");
    if let Some(domain) = domain {
        out.line(0, &format!("domain: {}", quoted(domain)));
    }
    out.line(0, "schema:");
    out.line(1, &format!("- name: {}", quoted(&slug)));
    out.line(2, "physicalType: topic");
    out.line(2, &format!("physicalName: {}", quoted(&legal_topic(topic))));
    for time in times(&gathered.root) {
        out.line(2, &format!("# customProperties: [{{property: steward.eventTimeField, value: {time}}}]"));
    }
    out.fields(2, &gathered.root);
    out.text
}

fn counts(gathered: &Gathered) -> String {
    let Gathered { read, tombstones, undecodable, .. } = gathered;
    let mut text = format!("{read} records");
    if *tombstones > 0 {
        let _ = write!(text, ", {tombstones} tombstones");
    }
    if *undecodable > 0 {
        let _ = write!(text, ", {undecodable} that cannot be decoded");
    }
    text
}

/// Fields that could place a record in a window.
fn times(root: &Field) -> Vec<String> {
    let is_time = |(_, field): &&(String, Field)| {
        guess::logical_type(field) == Some("timestamp") && field.values() == root.kinds.object
    };
    root.children.iter().filter(is_time).map(|(name, _)| quoted(name)).collect()
}

struct Draft {
    text: String,
}

impl Draft {
    fn line(&mut self, indent: usize, text: &str) {
        let _ = writeln!(self.text, "{:width$}{text}", "", width = 2 * indent);
    }

    /// The properties of an object.
    fn fields(&mut self, indent: usize, object: &Field) {
        if object.is_map {
            self.line(indent, "# Its names are many: it looks like a map.");
        }
        // A property without a name cannot be described.
        let named: Vec<_> = object.children.iter().filter(|(name, _)| !name.is_empty()).collect();
        if named.is_empty() {
            return;
        }
        self.line(indent, "properties:");
        for (name, field) in named {
            let personal = guess::personal(name, field);
            self.line(indent + 1, &format!("# {}", evidence(field, object.kinds.object, personal.is_some())));
            self.line(indent + 1, &format!("- name: {}", quoted(name)));
            self.clauses(indent + 2, field, Some(object.kinds.object), personal);
        }
    }

    /// `of`: how many objects could hold it; `None` of the items of an array.
    fn clauses(&mut self, indent: usize, field: &Field, of: Option<u64>, personal: Option<String>) {
        let logical_type = guess::logical_type(field);
        match logical_type {
            Some(name) => self.line(indent, &format!("logicalType: {name}")),
            None if field.values() > 0 => self.line(indent, &format!("# Values of several kinds: {}.", kinds(field))),
            None => {}
        }
        if of.is_some_and(|of| of == field.values()) {
            self.line(indent, "required: true");
        }
        let unique = guess::is_unique(field) && matches!(logical_type, Some("string" | "integer"));
        if unique {
            self.line(indent, "unique: true");
        }
        if let Some(why) = &personal {
            self.line(indent, &format!("classification: confidential    # {why}"));
        }
        match logical_type {
            Some("string") => {
                if let Some(format) = guess::format(field).filter(|_| field.kinds.bytes == 0) {
                    self.line(indent, &format!("logicalTypeOptions: {{format: {format}}}"));
                }
            }
            Some("integer" | "number") if field.least.is_some_and(|least| least >= 0.0) => {
                self.line(indent, "logicalTypeOptions: {minimum: 0}");
            }
            Some("array") if field.shortest.is_some_and(|shortest| shortest > 0) => {
                self.line(indent, "logicalTypeOptions: {minItems: 1}");
            }
            _ => {}
        }
        if let Some(words) =
            guess::list(field).filter(|_| personal.is_none() && !unique && logical_type == Some("string"))
        {
            let words: Vec<String> = words.into_iter().map(quoted).collect();
            self.line(indent, "quality:");
            self.line(indent + 1, "- metric: invalidValues");
            self.line(indent + 2, &format!("arguments: {{validValues: [{}]}}", words.join(", ")));
            self.line(indent + 2, "mustBe: 0");
        }
        if logical_type == Some("object") {
            self.fields(indent, field);
        }
        // Of items of several kinds, or none, there is nothing to say.
        let typed = |items: &&Field| logical_type == Some("array") && guess::logical_type(items).is_some();
        if let Some(items) = field.items.as_deref().filter(typed) {
            self.line(indent, "items:");
            self.line(indent + 1, &format!("# {}", evidence(items, items.seen, personal.is_some())));
            self.clauses(indent + 1, items, None, None);
        }
    }
}

/// What was seen, in a line. `hidden`: nothing of the values themselves.
fn evidence(field: &Field, of: u64, hidden: bool) -> String {
    let mut told = vec![match of - field.seen.min(of) {
        0 => format!("in all {of}"),
        _ => format!("in {} of {of}", field.seen),
    }];
    if field.nulls > 0 {
        told.push(format!("{} null", field.nulls));
    }
    if let (Some(least), Some(most), false) = (field.least, field.most, hidden) {
        told.push(format!("from {least} to {most}"));
    }
    if let (Some(shortest), false) = (field.shortest, hidden) {
        let unit = if field.kinds.array > 0 { "items" } else { "characters" };
        told.push(format!("{shortest} to {} {unit}", field.longest));
    }
    if let Some(words) = field.words.as_ref().filter(|words| !words.is_empty()) {
        told.push(format!("{} different", words.len()));
    } else if guess::is_unique(field) {
        told.push("all different".to_owned());
    }
    told.join(", ")
}

fn kinds(field: &Field) -> String {
    let k = &field.kinds;
    let all = [
        (k.boolean, "boolean"),
        (k.integer, "integer"),
        (k.fraction, "number"),
        (k.text, "text"),
        (k.bytes, "bytes"),
        (k.date, "date"),
        (k.timestamp, "timestamp"),
        (k.time, "time"),
        (k.array, "array"),
        (k.object, "object"),
    ];
    let seen = all.iter().filter(|(count, _)| *count > 0).map(|(count, kind)| format!("{count} {kind}"));
    seen.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
