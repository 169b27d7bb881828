//! What a path finds in a record: one value, or one for each item of the arrays that it names.

use crate::engine::decode::path::{FieldPath, Step};
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

/// Calls `row` for each value. An array that is missing, null or no array has no items, and nothing is found.
pub fn each<'a>(record: Value<'a>, path: &FieldPath, row: &mut impl FnMut(Row<'a>)) {
    follow(record, &path.0, row);
}

/// What a path without `[]` finds.
pub fn single<'a>(record: Value<'a>, path: &FieldPath) -> Row<'a> {
    let mut found = Row::NoParent;
    follow(record, &path.0, &mut |row| found = row);
    found
}

/// Recursion goes as deep as the path names arrays, which is the contract's doing, not the record's.
fn follow<'a>(mut value: Value<'a>, steps: &[Step], row: &mut impl FnMut(Row<'a>)) {
    for (i, step) in steps.iter().enumerate() {
        let rest = &steps[i + 1..];
        match (step, value.kind()) {
            (Step::Name(name), Kind::Object(members)) => match members.get(name) {
                Some(member) => value = member,
                None if rest.is_empty() => return row(Row::Missing),
                None => return without_parent(rest, row),
            },
            (Step::Name(_), _) => return without_parent(rest, row),
            (Step::Items, Kind::Array(items)) => return items.into_iter().for_each(|item| follow(item, rest, row)),
            (Step::Items, _) => return,
        }
    }
    row(Row::Value(value));
}

fn without_parent<'a>(rest: &[Step], row: &mut impl FnMut(Row<'a>)) {
    if !rest.contains(&Step::Items) {
        row(Row::NoParent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::decode::json;
    use crate::engine::decode::tree::Tree;

    fn path(text: &str) -> FieldPath {
        let mut steps = Vec::new();
        for name in text.split('.') {
            let bare = name.trim_end_matches("[]");
            steps.push(Step::Name(bare.into()));
            steps.extend(std::iter::repeat_n(Step::Items, (name.len() - bare.len()) / 2));
        }
        FieldPath(steps)
    }

    #[test]
    fn every_item_is_a_row_and_a_missing_parent_is_no_missing_field() {
        let record =
            br#"{"a":1,"n":null,"o":{"x":2,"z":null},"l":[{"s":3},{"s":null},{},4],"m":[[5,6],[],[7]],"e":[]}"#;
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
        ] {
            let mut tree = Tree::default();
            let value = json::record(&mut tree, record).expect("a record");
            let mut rows = Vec::new();
            each(value, &path(text), &mut |row| {
                rows.push(match row {
                    Row::Missing => "missing".to_string(),
                    Row::NoParent => "orphan".to_string(),
                    Row::Value(value) => match value.kind() {
                        Kind::Null => "null".into(),
                        Kind::Number(n) => n.as_f64().to_string(),
                        other => format!("{other:?}"),
                    },
                })
            });
            assert_eq!(rows.join(" "), expected, "{text}");
        }
    }
}
