//! What a path finds in a record: one value, or one for each item of the arrays and maps that it names.

use crate::engine::decode::fields::{Fields, Route, Turn};
use crate::engine::decode::tree::{Kind, Value};

/// What a path finds. Missing and null are two things.
#[derive(Clone, Copy, Debug)]
pub enum Row<'a> {
    Value(Value<'a>),
    /// The object that should hold the field is there, the field is not.
    Missing,
    /// There is no such object: its own rules say whether there should be one.
    NoParent,
}

/// Calls `row` for each value of a record that was read with these fields. An array or a map that is missing, null or none has
/// no items, and nothing is found.
pub fn each<'a>(record: Value<'a>, fields: &Fields, route: &Route, mut row: impl FnMut(Row<'a>)) {
    if route.rest.is_empty() {
        row(single(record, fields, route));
    } else if let Some(value) = record.at(route.place) {
        follow(value, &route.rest, &mut row);
    }
}

/// What a path without `[]` finds.
#[inline]
pub fn single<'a>(record: Value<'a>, fields: &Fields, route: &Route) -> Row<'a> {
    match record.at(route.place) {
        Some(value) => Row::Value(value),
        None => match record.at(fields.parent(route.place)) {
            Some(parent) if parent.is_object() => Row::Missing,
            _ => Row::NoParent,
        },
    }
}

/// Recursion goes as deep as the path names arrays and maps, which is the contract's doing, not the record's.
fn follow<'a>(mut value: Value<'a>, turns: &[Turn], row: &mut impl FnMut(Row<'a>)) {
    for (i, turn) in turns.iter().enumerate() {
        let rest = &turns[i + 1..];
        let member = match (turn, value.kind()) {
            (Turn::Field(place), Kind::Object(members)) => members.at(*place),
            (Turn::Member(name), Kind::Object(members)) => members.get(name),
            (Turn::Field(_) | Turn::Member(_), _) => return without_parent(rest, row),
            (Turn::Items, Kind::Array(items)) => return items.into_iter().for_each(|item| follow(item, rest, row)),
            (Turn::Keys, Kind::Object(members)) => {
                return members.keyed().for_each(|(key, _)| follow(key.value(), rest, row));
            }
            (Turn::Values, Kind::Object(members)) => {
                return members.for_each(|(_, value)| follow(value, rest, row));
            }
            (Turn::Items | Turn::Keys | Turn::Values, _) => return,
        };
        match member {
            Some(member) => value = member,
            None if rest.is_empty() => return row(Row::Missing),
            None => return without_parent(rest, row),
        }
    }
    row(Row::Value(value));
}

fn without_parent<'a>(rest: &[Turn], row: &mut impl FnMut(Row<'a>)) {
    if rest.iter().all(|turn| matches!(turn, Turn::Field(_) | Turn::Member(_))) {
        row(Row::NoParent);
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::engine::decode::json;
    use crate::engine::decode::names::Names;
    use crate::engine::decode::path::{FieldPath, Step};
    use crate::engine::decode::tree::Tree;
    use std::sync::Arc;

    /// What a path finds, looked up name by name: the reference for what is found by place.
    pub fn by_name(mut value: Value<'_>, steps: &[Step], rows: &mut Vec<String>) {
        for (i, step) in steps.iter().enumerate() {
            let rest = &steps[i + 1..];
            let (word, members) = match (step, value.kind()) {
                (Step::Items, Kind::Array(items)) => return items.for_each(|item| by_name(item, rest, rows)),
                (Step::Values, Kind::Object(members)) => return members.for_each(|(_, of)| by_name(of, rest, rows)),
                (Step::Keys, Kind::Object(members)) => {
                    return members.for_each(|(name, _)| rows.push(format!("Text({name:?})")));
                }
                (Step::Items | Step::Keys | Step::Values, _) => return,
                (Step::Name(name), Kind::Object(members)) => ("missing", members.get(name)),
                (Step::Name(_), _) => ("orphan", None),
            };
            match members {
                Some(member) => value = member,
                None if FieldPath(rest.to_vec()).is_many() => return,
                None => return rows.push(if rest.is_empty() { word } else { "orphan" }.into()),
            }
        }
        rows.push(shown(value));
    }

    /// Composed values by their kind and size: it tells them apart where they are looked for.
    fn shown(value: Value<'_>) -> String {
        match value.kind() {
            Kind::Array(items) => format!("{} items", items.len()),
            Kind::Object(members) => format!("{} members", members.len()),
            other => format!("{other:?}"),
        }
    }

    /// The same, found by place.
    pub fn by_place(record: Value<'_>, fields: &Fields, path: &FieldPath) -> Vec<String> {
        let mut rows = Vec::new();
        each(record, fields, &fields.route(path).expect("a path of the tree"), |row| {
            rows.push(match row {
                Row::Missing => "missing".into(),
                Row::NoParent => "orphan".into(),
                Row::Value(value) => shown(value),
            })
        });
        rows
    }

    fn path(text: &str) -> FieldPath {
        let mut steps = Vec::new();
        for name in text.split('.') {
            let bare = name.split(['[', '{']).next().expect("a name");
            steps.push(Step::Name(bare.into()));
            let signs = [("[]", Step::Items), ("{key}", Step::Keys), ("{value}", Step::Values)];
            let mut rest = &name[bare.len()..];
            while let Some((sign, step)) = signs.iter().find(|(sign, _)| rest.starts_with(sign)) {
                steps.push(step.clone());
                rest = &rest[sign.len()..];
            }
        }
        FieldPath(steps)
    }

    #[test]
    fn every_item_is_a_row_and_a_missing_parent_is_no_missing_field() {
        let record =
            br#"{"a":1,"n":null,"o":{"x":2,"z":null},"l":[{"s":3},{"s":null},{},4],"m":[[5,6],[],[7]],"e":[],
                "k":{"p":{"s":3},"q":{},"s":{"s":null},"t":4},"v":{"p":[{"s":1}],"q":[{"s":2},{}]},"w":[{"a":1},{"b":2,"c":3}]}"#;
        for (text, expected) in [
            ("a", "1"),
            ("b", "missing"),
            ("n", "null"),
            ("n.x", "orphan"),
            ("o.x", "2"),
            ("o.y", "missing"),
            ("o.z", "null"),
            ("b.x", "orphan"),
            ("b.x.y", "orphan"),
            ("a.x", "orphan"),
            ("l[].s", "3 null missing orphan"),
            ("m[][]", "5 6 7"),
            ("e[]", ""),
            ("e[].s", ""),
            ("b[]", ""),
            ("n[].s", ""),
            ("o[]", ""),
            ("b.c[].s", ""),
            ("o{key}", "x z"),
            ("o{value}", "2 null"),
            ("k{value}.s", "3 missing null orphan"),
            ("k{value}.s.t", "orphan orphan orphan orphan"),
            ("k{value}", "{} {} {} 4"),
            ("v{value}[].s", "1 2 missing"),
            ("w[]{key}", "a b c"),
            ("l{value}", ""),
            ("b{key}", ""),
            ("n{value}.s", ""),
        ] {
            let (mut tree, fields) = (Tree::default(), Arc::new(Fields::of(&[path(text)])));
            let value = json::record(&mut tree, &mut Names::of(&fields), record).expect("a record");
            let mut rows = Vec::new();
            each(value, &fields, &fields.route(&path(text)).expect("its own path"), |row| {
                rows.push(match row {
                    Row::Missing => "missing".to_string(),
                    Row::NoParent => "orphan".to_string(),
                    Row::Value(value) => match value.kind() {
                        Kind::Null => "null".into(),
                        Kind::Number(n) => n.as_f64().to_string(),
                        Kind::Text(text) => text.into(),
                        Kind::Object(_) => "{}".into(),
                        other => format!("{other:?}"),
                    },
                })
            });
            assert_eq!(rows.join(" "), expected, "{text}");
        }
    }
}
