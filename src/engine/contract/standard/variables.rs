//! ODCS v3.2: `${NAME}` in any text stands for what the environment holds; one that holds nothing is an error.

use crate::engine::contract::problem::{Place, Problems};
use crate::engine::contract::yaml::{Node, Value};

/// Tells every variable that `known` does not know.
pub fn check(root: &Node, known: &dyn Fn(&str) -> bool, problems: &Problems) {
    walk(root, &Place::root(root), known, problems);
}

fn walk(node: &Node, at: &Place, known: &dyn Fn(&str) -> bool, problems: &Problems) {
    match &node.value {
        Value::Text(text) => {
            for name in names(text).filter(|name| !known(name)) {
                let message = format!("the variable {name} is not set");
                let remedy = format!("set {name} where the contract is read, or write its value");
                problems.beyond(at, "unresolved-variable", message, remedy);
            }
        }
        Value::List(items) => {
            items.iter().enumerate().for_each(|(i, item)| walk(item, &at.below(&i.to_string(), item), known, problems));
        }
        // What is asked of data has placeholders of its own.
        Value::Map(entries) => {
            let entries =
                entries.iter().filter(|(key, _)| !["query", "implementation", "pattern"].contains(&key.as_str()));
            entries.for_each(|(key, node)| walk(node, &at.below(key, node), known, problems));
        }
        _ => {}
    }
}

/// The names in a text: of letters, digits and `_`, a digit not first.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let inside = text.split("${").skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
    inside.filter(|name| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_found_where_they_are_names() {
        let check =
            |text: &str, expected: &[&str]| assert_eq!(super::names(text).collect::<Vec<_>>(), expected, "{text}");
        check("${A}:${B_1}", &["A", "B_1"]);
        check("${} ${1} ${a b} ${a $a {a}", &[]);
        check("x${A", &[]);
    }
}
