//! What a document of a standard looks like: a small language of shapes, and whether a tree has one.
//!
//! The shapes themselves are tables (`odcs`, `odps` …). Where editions of a standard differ, the difference stands at the
//! key or the word that differs.

use crate::engine::contract::problem::{Place, Problems};
use crate::engine::contract::standard::Edition;
use crate::engine::contract::yaml::{Node, Value};

/// What a node must be.
pub enum Shape {
    Anything,
    Text,
    /// A text of which more is asked: what it is called, and whether a text is one.
    TextThat {
        is: &'static str,
        holds: fn(&str) -> bool,
    },
    Words(&'static [Word]),
    /// A word for which a case stands.
    WordOf(&'static [Case]),
    Flag,
    /// A whole number, which may be written as 1.0.
    Integer {
        least: Option<i64>,
    },
    Number {
        above_zero: bool,
    },
    /// Anything but a list or a mapping.
    Scalar,
    List {
        items: &'static Shape,
        least: usize,
        most: usize,
        /// No two items are equal.
        distinct: bool,
    },
    Mapping(Mapping),
    /// One of several, told apart by what the node is.
    Either(&'static [&'static Shape]),
    /// One shape before an edition, and another since.
    Changed {
        before: &'static Shape,
        since: Edition,
        after: &'static Shape,
    },
}

#[derive(Clone, Copy)]
pub struct Mapping {
    /// What it is called in messages: "server".
    pub is: &'static str,
    pub keys: &'static [Key],
    pub cases: &'static [Case],
    /// Has the keys and cases of this one too.
    pub base: Option<&'static Mapping>,
    /// Takes keys that nobody knows.
    pub open: bool,
    /// The key that decides which cases hold. Where its value is wrong, nobody can say which other keys are.
    pub decided_by: Option<&'static str>,
    /// Keys whose values must all be of one kind: two texts, or two lists.
    pub alike: &'static [&'static str],
}

pub struct Key {
    pub name: &'static str,
    pub shape: &'static Shape,
    need: Need,
    since: Option<Edition>,
}

#[derive(Clone, Copy)]
enum Need {
    Optional,
    Required,
    RequiredBefore(Edition),
}

/// One of the words that a text may be.
pub struct Word(pub &'static str, pub Option<Edition>);

/// What more is known and asked where a condition holds.
pub struct Case {
    pub when: When,
    pub since: Option<Edition>,
    pub keys: &'static [Key],
    /// Exactly one of these must be there.
    pub one_of: &'static [Key],
}

pub enum When {
    /// The key's value is the word.
    Is(&'static str, &'static str),
    /// It is the word, or there is no such key.
    IsOrMissing(&'static str, &'static str),
    Missing(&'static str),
    /// The key's value is a text.
    IsText(&'static str),
}

pub static ANYTHING: Shape = Shape::Anything;
pub static TEXT: Shape = Shape::Text;
pub static TEXTS: Shape = list(&TEXT);
pub static FLAG: Shape = Shape::Flag;
pub static INTEGER: Shape = Shape::Integer { least: None };
pub static NUMBER: Shape = Shape::Number { above_zero: false };
pub static SCALAR: Shape = Shape::Scalar;
/// A mapping with whatever keys.
pub static OPEN: Shape = Shape::Mapping(Mapping { open: true, ..Mapping::of("mapping", &[]) });

/// A reference for as long as the program runs.
macro_rules! fixed {
    ($value:expr) => {
        const { &$value }
    };
}

/// Any number of items of one shape.
pub const fn list(items: &'static Shape) -> Shape {
    Shape::List { items, least: 0, most: usize::MAX, distinct: false }
}

/// A mapping with these keys and no others.
pub const fn mapping(is: &'static str, keys: &'static [Key]) -> Shape {
    Shape::Mapping(Mapping::of(is, keys))
}

pub const fn key(name: &'static str, shape: &'static Shape) -> Key {
    Key { name, shape, need: Need::Optional, since: None }
}

pub const fn case(key: &'static str, word: &'static str, keys: &'static [Key]) -> Case {
    Case { when: When::Is(key, word), since: None, keys, one_of: &[] }
}

impl Key {
    pub const fn required(self) -> Key {
        Key { need: Need::Required, ..self }
    }

    pub const fn required_before(self, edition: Edition) -> Key {
        Key { need: Need::RequiredBefore(edition), ..self }
    }

    pub const fn since(self, edition: Edition) -> Key {
        Key { since: Some(edition), ..self }
    }

    fn is_needed(&self, edition: Edition) -> bool {
        match self.need {
            Need::Optional => false,
            Need::Required => true,
            Need::RequiredBefore(later) => edition < later,
        }
    }
}

impl Case {
    pub const fn since(self, edition: Edition) -> Case {
        Case { since: Some(edition), ..self }
    }

    fn holds(&self, entries: &[(String, Node)], edition: Edition) -> bool {
        let value = |key: &str| get(entries, key).map(|node| &node.value);
        let is = |value: &Value, word: &str| matches!(value, Value::Text(text) if text == word);
        has(self.since, edition)
            && match self.when {
                When::Is(key, word) => value(key).is_some_and(|v| is(v, word)),
                When::IsOrMissing(key, word) => value(key).is_none_or(|v| is(v, word)),
                When::Missing(key) => value(key).is_none(),
                When::IsText(key) => value(key).is_some_and(|v| matches!(v, Value::Text(_))),
            }
    }
}

impl Mapping {
    pub const fn of(is: &'static str, keys: &'static [Key]) -> Mapping {
        Mapping { is, keys, cases: &[], base: None, open: false, decided_by: None, alike: &[] }
    }

    fn check(&self, entries: &[(String, Node)], at: &Place, edition: Edition, problems: &Problems) {
        let cases = || self.all(|m| m.cases).filter(|case| case.holds(entries, edition));
        let of_cases = cases().flat_map(|case| case.keys.iter().chain(case.one_of));
        let keys: Vec<&Key> = self.all(|m| m.keys).chain(of_cases).filter(|key| has(key.since, edition)).collect();
        let decided = self.is_decided(entries, at, edition);
        for (name, node) in entries {
            let at = at.below(name, node);
            let mut known = self.open || !decided;
            for key in keys.iter().filter(|key| key.name == name) {
                known = true;
                check(key.shape, node, &at, edition, problems);
            }
            if !known {
                let message = format!("{name} is no key of {} here", with_article(self.is));
                let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
                problems.breaks(&at, "unknown-key", message, remedy_of_unknown(name, &names));
            }
        }
        for key in keys.iter().filter(|key| key.is_needed(edition) && get(entries, key.name).is_none()) {
            let message = format!("the {} has no {}", self.is, key.name);
            problems.breaks(at, "missing-key", message, format!("give it a `{}`", key.name));
        }
        for case in cases().filter(|case| !case.one_of.is_empty()) {
            exactly_one(case.one_of, self.is, entries, at, problems);
        }
        let of_alike = || self.alike.iter().filter_map(|name| get(entries, name));
        if let Some(first) = of_alike().next()
            && of_alike().any(|node| node.kind() != first.kind())
        {
            let names = self.alike.join(" and ");
            problems.breaks(at, "not-alike", format!("{names} are not alike"), "make them all texts, or all lists");
        }
    }

    /// Its own, and those of what it is based on.
    fn all<T>(&self, part: fn(&Mapping) -> &'static [T]) -> impl Iterator<Item = &'static T> {
        part(self).iter().chain(self.base.map_or(&[][..], part))
    }

    fn is_decided(&self, entries: &[(String, Node)], at: &Place, edition: Edition) -> bool {
        let decides = |key: &&Key| self.decided_by == Some(key.name);
        let Some(key) = self.all(|m| m.keys).find(decides) else { return true };
        match get(entries, key.name) {
            None => !key.is_needed(edition),
            Some(node) => {
                let problems = Problems::default();
                check(key.shape, node, at, edition, &problems);
                problems.into_vec().is_empty()
            }
        }
    }
}

/// Tells every way in which a node has not the shape.
pub fn check(shape: &Shape, node: &Node, at: &Place, edition: Edition, problems: &Problems) {
    match (shape, &node.value) {
        (Shape::Anything, _) | (Shape::Text, Value::Text(_)) | (Shape::Flag, Value::Bool(_)) => {}
        (Shape::TextThat { is, holds }, Value::Text(text)) => {
            if !holds(text) {
                problems.breaks(at, "malformed", format!("{text:?} is not {is}"), format!("write {is}"));
            }
        }
        (Shape::Words(words), Value::Text(text)) => {
            let words = words.iter().filter(|word| has(word.1, edition)).map(|word| word.0);
            one_word(text, &words.collect::<Vec<_>>(), at, problems);
        }
        (Shape::WordOf(cases), Value::Text(text)) => {
            let words = cases.iter().filter(|case| has(case.since, edition)).filter_map(|case| match case.when {
                When::Is(_, word) => Some(word),
                _ => None,
            });
            one_word(text, &words.collect::<Vec<_>>(), at, problems);
        }
        (Shape::Integer { least }, Value::Number(number)) => match whole(number) {
            None => wrong_kind(shape, "a fraction", at, edition, problems),
            Some(n) if least.is_some_and(|least| n < least as f64) => {
                let least = least.unwrap_or_default();
                problems.breaks(
                    at,
                    "out-of-range",
                    format!("{number} is too small"),
                    format!("make it {least} or more"),
                );
            }
            Some(_) => {}
        },
        (Shape::Number { above_zero }, Value::Number(number)) => {
            if *above_zero && number.as_f64().is_none_or(|n| n <= 0.0) {
                problems.breaks(at, "out-of-range", format!("{number} is not above 0"), "make it greater than 0");
            }
        }
        (Shape::Scalar, Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_)) => {}
        (Shape::List { items, least, most, distinct }, Value::List(nodes)) => {
            let key = name_of(at);
            if nodes.len() < *least || nodes.len() > *most {
                let message = format!("{key} has {} items", nodes.len());
                let count = if least == most { format!("exactly {least}") } else { format!("{least} or more") };
                problems.breaks(at, "item-count", message, format!("give it {count}"));
            }
            for (i, item) in nodes.iter().enumerate() {
                let at = at.below(&i.to_string(), item);
                if *distinct && nodes[..i].iter().any(|before| same(before, item)) {
                    problems.breaks(&at, "repeated-item", format!("an item of {key} stands here again"), "remove it");
                }
                check(items, item, &at, edition, problems);
            }
        }
        (Shape::Mapping(mapping), Value::Map(entries)) => mapping.check(entries, at, edition, problems),
        (Shape::Either(shapes), _) => match shapes.iter().find(|shape| takes(shape, node)) {
            Some(shape) => check(shape, node, at, edition, problems),
            None => wrong_kind(shape, node.kind(), at, edition, problems),
        },
        (Shape::Changed { before, since, after }, _) => {
            check(if edition < *since { before } else { after }, node, at, edition, problems);
        }
        _ => wrong_kind(shape, node.kind(), at, edition, problems),
    }
}

fn exactly_one(keys: &[Key], is: &str, entries: &[(String, Node)], at: &Place, problems: &Problems) {
    let given: Vec<&str> = keys.iter().map(|key| key.name).filter(|name| get(entries, name).is_some()).collect();
    match given.len() {
        0 => {
            let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
            let remedy = format!("give it one of {}", names.join(", "));
            problems.breaks(at, "no-operator", format!("the {is} has no operator"), remedy);
        }
        1 => {}
        _ => {
            let message = format!("the {is} has several operators: {}", given.join(", "));
            problems.breaks(at, "several-operators", message, "write one for each");
        }
    }
}

fn one_word(text: &str, words: &[&str], at: &Place, problems: &Problems) {
    if !words.contains(&text) {
        let message = format!("{} is {text:?}", name_of(at));
        problems.breaks(at, "unknown-word", message, format!("use {}", or(words)));
    }
}

fn wrong_kind(shape: &Shape, found: &str, at: &Place, edition: Edition, problems: &Problems) {
    let message = format!("{} is {found}", name_of(at));
    problems.breaks(at, "wrong-kind", message, format!("make it {}", expected(shape, edition)));
}

/// What a node of the shape is, in words.
fn expected(shape: &Shape, edition: Edition) -> String {
    match shape {
        Shape::Anything => "any value".to_owned(),
        Shape::Text | Shape::TextThat { .. } | Shape::Words(_) | Shape::WordOf(_) => {
            "a text (in quotes, where it would be read as something else)".to_owned()
        }
        Shape::Flag => "true or false".to_owned(),
        Shape::Integer { .. } => "a whole number".to_owned(),
        Shape::Number { .. } => "a number".to_owned(),
        Shape::Scalar => "a single value, no list and no mapping".to_owned(),
        Shape::List { .. } => "a list".to_owned(),
        Shape::Mapping(_) => "a mapping".to_owned(),
        Shape::Either(shapes) => {
            let words: Vec<String> = shapes.iter().map(|shape| expected(shape, edition)).collect();
            words.join(", or ")
        }
        Shape::Changed { before, since, after } => expected(if edition < *since { before } else { after }, edition),
    }
}

/// Whether the node is of the shape's kind, be it right or wrong in itself.
fn takes(shape: &Shape, node: &Node) -> bool {
    match shape {
        Shape::Text | Shape::TextThat { .. } => matches!(node.value, Value::Text(_)),
        Shape::Changed { before, after, .. } => takes(before, node) || takes(after, node),
        Shape::Integer { .. } => matches!(node.value, Value::Number(_)),
        Shape::List { .. } => matches!(node.value, Value::List(_)),
        Shape::Mapping(_) => matches!(node.value, Value::Map(_)),
        _ => false,
    }
}

fn has(since: Option<Edition>, edition: Edition) -> bool {
    since.is_none_or(|since| edition >= since)
}

pub fn get<'n>(entries: &'n [(String, Node)], key: &str) -> Option<&'n Node> {
    entries.iter().find(|(name, _)| name == key).map(|(_, node)| node)
}

fn whole(number: &serde_json::Number) -> Option<f64> {
    number.as_f64().filter(|n| n.fract() == 0.0)
}

/// Equal as JSON is: 1 is 1.0, and the order of keys means nothing.
pub fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Number(a), Value::Number(b)) => a == b || (a.is_f64() != b.is_f64() && a.as_f64() == b.as_f64()),
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().all(|(key, node)| get(b, key).is_some_and(|other| same(node, other)))
        }
        (a, b) => a == b,
    }
}

/// The key or the index at which something stands.
fn name_of(at: &Place) -> &str {
    at.path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("the document")
}

/// A name that is so close that it is most likely meant.
pub fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let distance = |known: &&&str| strsim::damerau_levenshtein(&name.to_lowercase(), &known.to_lowercase());
    known.iter().min_by_key(distance).filter(|near| distance(near) <= name.len().min(6) / 3).copied()
}

/// What is likely meant, else where the key could go.
fn remedy_of_unknown(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("write `{near}`, if that is meant"),
        None => "remove it, or move it to `customProperties`".to_owned(),
    }
}

fn or(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

fn with_article(noun: &str) -> String {
    let vowel = noun.starts_with(['a', 'e', 'i', 'o', 'u', 'S']);
    format!("{} {noun}", if vowel { "an" } else { "a" })
}
