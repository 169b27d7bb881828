//! ODCS: what names an element that must exist: relationships and the `element` of SLAs.

use crate::engine::contract::problem::{Place, Problems};
use crate::engine::contract::standard::shape::get;
use crate::engine::contract::yaml::{Node, Value};

/// Tells every reference to an object or a property that the contract does not have. A contract without a schema is not
/// asked: its elements are described elsewhere.
pub fn check(root: &Node, problems: &Problems) {
    let objects = list(root, "schema");
    if objects.is_empty() {
        return;
    }
    let at_root = Place::root(root);
    each(root, &at_root, "slaProperties", &mut |sla, at| {
        let elements = text(sla, "element").unwrap_or_default().split(',').map(str::trim).filter(|e| !e.is_empty());
        for missing in elements.filter_map(|element| missing(objects, element)) {
            // Where another object has such a property, one of the two names is merely not the schema's.
            let elsewhere = |m: &Missing| m.object_itself && objects.iter().any(|o| within(o, &m.last).is_some());
            tell(at, &missing, elsewhere(&missing), problems);
        }
    });
    each(root, &at_root, "schema", &mut |object, at| {
        relationships(object, at, objects, problems);
        properties(object, at, objects, problems);
    });
}

fn properties(element: &Node, at: &Place, objects: &[Node], problems: &Problems) {
    let mut inside = |property: &Node, at: &Place| {
        relationships(property, at, objects, problems);
        properties(property, at, objects, problems);
    };
    each(element, at, "properties", &mut inside);
    if let Some(items) = entry(element, "items") {
        inside(items, &at.below("items", items));
    }
}

fn relationships(element: &Node, at: &Place, objects: &[Node], problems: &Problems) {
    each(element, at, "relationships", &mut |relationship, at| {
        for key in ["from", "to"] {
            let Some(found) = entry(relationship, key) else { continue };
            let named = match &found.value {
                Value::List(items) => items.iter().collect(),
                _ => vec![found],
            };
            let named = named.into_iter().filter_map(|node| match &node.value {
                Value::Text(text) => Some(text.as_str()),
                _ => None,
            });
            for missing in named.filter_map(|name| missing(objects, name)) {
                // It may lead to an object of another contract.
                tell(&at.below(key, found), &missing, key == "to" && missing.object_itself, problems);
            }
        }
    });
}

fn tell(at: &Place, missing: &Missing, perhaps_elsewhere: bool, problems: &Problems) {
    let remedy = "name elements as the schema does: object.property";
    match perhaps_elsewhere {
        true => problems.doubt(at, "unknown-element", &missing.what, remedy),
        false => problems.beyond(at, "unknown-element", &missing.what, remedy),
    }
}

struct Missing {
    what: String,
    /// It is the object that does not exist, and not a property of it.
    object_itself: bool,
    /// The last step of the reference.
    last: String,
}

/// What does not exist, if something does not. A reference into another file is not followed.
fn missing(objects: &[Node], reference: &str) -> Option<Missing> {
    if reference.contains('#') {
        return None;
    }
    let steps: Vec<&str> = match reference.trim_start_matches('/').split('/').collect::<Vec<_>>() {
        path if path.len() > 1 => path.into_iter().skip(1).step_by(2).collect(),
        _ => reference.split('.').collect(),
    };
    let (object, path) = steps.split_first()?;
    let last = steps.last()?.to_string();
    let Some(mut element) = find(objects, object) else {
        return Some(Missing { what: format!("there is no object {object}"), object_itself: true, last });
    };
    for (i, step) in path.iter().enumerate() {
        let Some(found) = within(element, step) else {
            let what = format!("the object {object} has no property {}", path[..=i].join("."));
            return Some(Missing { what, object_itself: false, last });
        };
        element = found;
    }
    None
}

/// A property of an element, be it of its items.
fn within<'n>(element: &'n Node, name: &str) -> Option<&'n Node> {
    let items = || entry(element, "items").and_then(|items| within(items, name));
    find(list(element, "properties"), name.trim_end_matches("[]")).or_else(items)
}

/// By name or id, else by physical name, else by an id that goes on with what the element is: `street_prop` for `street`.
fn find<'n>(elements: &'n [Node], name: &str) -> Option<&'n Node> {
    let by = |key: &str| elements.iter().find(|element| text(element, key) == Some(name));
    let goes_on = |id: &str| id.strip_prefix(name).is_some_and(|rest| rest.starts_with('_'));
    let by_longer_id = || elements.iter().find(|element| text(element, "id").is_some_and(goes_on));
    by("name").or_else(|| by("id")).or_else(|| by("physicalName")).or_else(by_longer_id)
}

fn each(node: &Node, at: &Place, key: &str, of: &mut dyn FnMut(&Node, &Place)) {
    let Some(found) = entry(node, key) else { return };
    let at = at.below(key, found);
    list(node, key).iter().enumerate().for_each(|(i, item)| of(item, &at.below(&i.to_string(), item)));
}

fn list<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    match entry(node, key).map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

fn text<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    match &entry(node, key)?.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn entry<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    match &node.value {
        Value::Map(entries) => get(entries, key),
        _ => None,
    }
}
