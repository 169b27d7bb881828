//! Two trees side by side: what is compared how is said by tables.

use crate::engine::contract::diff::pairs::{self, Pair};
use crate::engine::contract::diff::{Change, Direction, How};
use crate::engine::contract::standard::shape::{get, same};
use crate::engine::contract::yaml::{Node, Value};

/// A mapping whose keys mean something.
pub struct Element {
    pub keys: &'static [Key],
    /// What no key stands for: a comparison of both mappings as wholes, before that of their keys.
    pub besides: Option<fn(&mut Walk, &Sides<'_>, &str)>,
}

pub struct Key(pub &'static str, pub Treat);

/// What is to be done with what stands at a key.
pub enum Treat {
    /// Whatever changes in it has no effect on data. So it is with keys that are not in the table.
    NoEffect,
    /// Told elsewhere.
    Elsewhere,
    /// A value: which way it went.
    Value(fn(&Sides<'_>) -> Option<Direction>),
    Mapping(&'static Element),
    List(&'static Listed),
}

/// A list of elements, in any order.
pub struct Listed {
    pub element: &'static Element,
    /// The key whose value no two of them share, beside `id`.
    pub name: &'static str,
    /// The keys by which one is called in paths: the first that it has.
    pub called: &'static [&'static str],
    /// What one is about, the nearest first: elements without a common id or name are paired by it.
    pub meanings: &'static [fn(&Node) -> Option<String>],
    /// What it means that one came, or went.
    pub added: fn(&Node) -> Option<Direction>,
    pub removed: fn(&Node) -> Option<Direction>,
}

/// A key's two values, in the two mappings where they stand.
#[derive(Clone, Copy)]
pub struct Sides<'n> {
    pub old: Option<&'n Node>,
    pub new: Option<&'n Node>,
    pub in_old: &'n Node,
    pub in_new: &'n Node,
}

#[derive(Default)]
pub struct Walk {
    pub changes: Vec<Change>,
}

impl Walk {
    pub fn mapping(&mut self, element: &Element, old: &Node, new: &Node, path: &str) {
        let (Value::Map(of_old), Value::Map(of_new)) = (&old.value, &new.value) else {
            return self.other(Sides { old: Some(old), new: Some(new), in_old: old, in_new: new }, path);
        };
        let sides = |key: &str| Sides { old: given(of_old, key), new: given(of_new, key), in_old: old, in_new: new };
        if let Some(compare) = element.besides {
            compare(self, &Sides { old: Some(old), new: Some(new), in_old: old, in_new: new }, path);
        }
        let more = of_new.iter().filter(|(key, _)| get(of_old, key).is_none());
        for key in of_old.iter().chain(more).map(|(key, _)| key) {
            let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let treat = element.keys.iter().find(|k| k.0 == key).map_or(&Treat::NoEffect, |k| &k.1);
            self.key(treat, sides(key), &below);
        }
    }

    /// Compares what stands at a key.
    pub fn key(&mut self, treat: &Treat, sides: Sides<'_>, path: &str) {
        match treat {
            Treat::Elsewhere => {}
            Treat::NoEffect => self.no_effect(sides, path),
            Treat::Value(grade) => self.value(sides, path, *grade),
            Treat::Mapping(element) => match (sides.old, sides.new) {
                (Some(old), Some(new)) => self.mapping(element, old, new, path),
                (Some(old), None) => self.mapping(element, old, &empty(old), path),
                (None, Some(new)) => self.mapping(element, &empty(new), new, path),
                (None, None) => {}
            },
            Treat::List(listed) => self.list(listed, sides, path),
        }
    }

    /// Tells a value that changed, and which way it went.
    pub fn value(&mut self, sides: Sides<'_>, path: &str, grade: fn(&Sides<'_>) -> Option<Direction>) {
        let equal = match (sides.old, sides.new) {
            (Some(old), Some(new)) => alike(old, new),
            (old, new) => old.is_none() && new.is_none(),
        };
        if !equal {
            self.tell(path, sides, grade(&sides));
        }
    }

    fn list(&mut self, listed: &Listed, sides: Sides<'_>, path: &str) {
        let items = |side: Option<&'_ Node>| match side.map(|node| &node.value) {
            Some(Value::List(items)) => Some(items.clone()),
            None => Some(Vec::new()),
            Some(_) => None,
        };
        let (Some(old), Some(new)) = (items(sides.old), items(sides.new)) else { return self.other(sides, path) };
        for pair in pairs::of(listed, &old, &new) {
            let below = format!("{path}.{}", pairs::label(listed, pair.shown()));
            match pair {
                Pair::Both(old, new) => self.mapping(listed.element, old, new, &below),
                Pair::Old(old) => {
                    let sides = Sides { old: Some(old), new: None, ..sides };
                    self.tell(&below, sides, (listed.removed)(old));
                }
                Pair::New(new) => {
                    let sides = Sides { old: None, new: Some(new), ..sides };
                    self.tell(&below, sides, (listed.added)(new));
                }
            }
        }
    }

    /// Finds what differs in two trees that have no effect on data.
    fn no_effect(&mut self, sides: Sides<'_>, path: &str) {
        match (sides.old, sides.new) {
            (Some(old), Some(new)) if alike(old, new) => {}
            (Some(old), Some(new)) => match (&old.value, &new.value) {
                (Value::Map(_), Value::Map(_)) => self.mapping(&Element { keys: &[], besides: None }, old, new, path),
                (Value::List(of_old), Value::List(of_new)) if of_old.iter().chain(of_new).all(is_map) => {
                    self.list(&pairs::WITHOUT_EFFECT, sides, path);
                }
                _ => self.tell(path, sides, None),
            },
            (None, None) => {}
            _ => self.tell(path, sides, None),
        }
    }

    /// What is not of the kind that it should be: nobody can say what it means.
    fn other(&mut self, sides: Sides<'_>, path: &str) {
        self.value(sides, path, |_| Some(Direction::Undetermined));
    }

    /// Tells a change.
    pub fn tell(&mut self, path: &str, sides: Sides<'_>, direction: Option<Direction>) {
        self.tell_as(path, sides, (sides.old.map(text), sides.new.map(text)), direction);
    }

    /// Tells a change whose sides are worded otherwise than they stand in the documents.
    pub fn tell_as(
        &mut self,
        path: &str,
        sides: Sides<'_>,
        (old, new): (Option<String>, Option<String>),
        direction: Option<Direction>,
    ) {
        let (how, line) = match (sides.old, sides.new) {
            (None, Some(new)) => (How::Added, new.line),
            (Some(old), None) => (How::Removed, old.line),
            (_, new) => (How::Updated, new.map_or(1, |new| new.line)),
        };
        let message = message(path, how, old.as_deref(), new.as_deref(), direction);
        self.changes.push(Change { path: path.to_owned(), how, old, new, direction, message, line });
    }
}

/// Null and a list of nothing are as if there were no such key.
pub fn given<'n>(entries: &'n [(String, Node)], key: &str) -> Option<&'n Node> {
    get(entries, key).filter(|node| node.value != Value::Null && node.value != Value::List(Vec::new()))
}

/// What stands at a key of a mapping.
pub fn at<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    match &node.value {
        Value::Map(entries) => given(entries, key),
        _ => None,
    }
}

pub fn text_at<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    match &at(node, key)?.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// A text as it is, anything else as JSON with sorted keys.
pub fn text(node: &Node) -> String {
    match &node.value {
        Value::Text(text) => text.clone(),
        _ => node.json().to_string(),
    }
}

/// Equal but for the order of items, at any depth.
pub fn alike(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::List(a), Value::List(b)) => {
            let mut left: Vec<&Node> = b.iter().collect();
            let found = |item: &Node| left.iter().position(|other| alike(item, other)).map(|i| left.swap_remove(i));
            a.len() == b.len() && a.iter().map(found).all(|found| found.is_some())
        }
        (Value::Map(a), Value::Map(b)) => {
            let keys = a.iter().chain(b).map(|(key, _)| key);
            keys.into_iter().all(|key| match (given(a, key), given(b, key)) {
                (Some(a), Some(b)) => alike(a, b),
                (a, b) => a.is_none() && b.is_none(),
            })
        }
        _ => same(a, b),
    }
}

fn is_map(node: &Node) -> bool {
    matches!(node.value, Value::Map(_))
}

fn empty(beside: &Node) -> Node {
    Node { value: Value::Map(Vec::new()), ..*beside }
}

fn message(path: &str, how: How, old: Option<&str>, new: Option<&str>, direction: Option<Direction>) -> String {
    let what = path.rsplit('.').next().unwrap_or(path);
    let cut = |text: Option<&str>| {
        let text = text.unwrap_or("nothing");
        let shown: String = text.chars().take(SHOWN_CHARS).collect();
        if shown.len() < text.len() { format!("{shown}…") } else { shown }
    };
    let fact = match how {
        How::Added => format!("{what} was added"),
        How::Removed => format!("{what} was removed"),
        How::Updated => format!("{what} changed from {} to {}", cut(old), cut(new)),
    };
    let effect = match direction {
        None => return fact,
        Some(Direction::Tightens) => "asks more of the producer",
        Some(Direction::Loosens) => "promises the consumer less",
        Some(Direction::Both) => "asks more of the producer, and promises the consumer less",
        Some(Direction::Undetermined) => "only the data can say whom it breaks",
    };
    format!("{fact}: {effect}")
}

/// A line of a terminal holds two such values and what is said of them.
const SHOWN_CHARS: usize = 60;
