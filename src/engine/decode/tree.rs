//! A decoded record: a flat tree with the record's texts beside it.
//!
//! The nodes lie in one vector, in the order of the text; an array or object knows where it ends. Where the fields of a
//! contract are, is told by their places. All of it is kept from record to record, so that a record costs no allocation.

use crate::engine::decode::fields::{NOWHERE, Place, RECORD};
use crate::engine::decode::moment::{Moment, Stamp};
use crate::engine::decode::number::Number;
use std::sync::Arc;

/// A tree larger than this is given back after the record that needed it: 64 Ki nodes are 1 MiB.
const KEPT_NODES: usize = 64 << 10;
/// And so are texts or bytes beyond this: as much as the nodes.
const KEPT_BYTES: usize = 1 << 20;
/// Objects that are told apart before the count begins again; more than a record can hold.
const OBJECTS_MAX: u32 = 1 << 31;

/// The nodes of one document; kept and used again for the next.
#[derive(Debug, Default)]
pub struct Tree {
    pub(super) nodes: Vec<Node>,
    /// All texts: a record of JSON as it is, and behind it the strings that were unescaped; Avro's, end to end.
    pub(super) texts: String,
    /// Avro's bytes, end to end.
    pub(super) bytes: Vec<u8>,
    /// Of the Avro schema, and behind them those of the places.
    names: Arc<[Box<str>]>,
    /// The name of the first place.
    first_place: u32,
    /// By place: where it was seen last.
    seen: Vec<Seen>,
    /// Objects begun since they were last counted anew, and how many they were when this document began.
    objects: u32,
    before: u32,
    /// Keys of a large object, to be sorted.
    keys: Vec<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// The object that holds it, counted from 1.
    object: u32,
    /// The node of its value.
    value: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Int(i64),
    /// Above `i64::MAX`.
    Unsigned(u64),
    /// Any other decimal number, as its text.
    Decimal(Span),
    Float(f64),
    Single(f32),
    Text(Span),
    /// In `Tree::names`; of a key that stands at a place, the name of the place.
    Name(u32),
    /// In `Tree::bytes`.
    Bytes(Span),
    Moment(Stamp, i64),
    /// `end`: the index after its last item.
    Array {
        items: u32,
        end: u32,
    },
    /// Members are pairs of nodes: a text and a value.
    Object {
        members: u32,
        end: u32,
    },
}

/// The bytes `[from, to)` of `Tree::texts`, or of `Tree::bytes`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) from: u32,
    pub(super) to: u32,
}

/// One value of a document.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    tree: &'a Tree,
    at: usize,
}

/// What a value is. `Missing` is no kind: who asks an object for a member gets an `Option`.
#[derive(Clone, Copy, Debug)]
pub enum Kind<'a> {
    Null,
    Bool(bool),
    Number(Number<'a>),
    Text(&'a str),
    /// Avro's `bytes` and `fixed`.
    Bytes(&'a [u8]),
    /// Avro's dates, timestamps and times. In JSON they are texts or numbers.
    Moment(Moment),
    Array(Items<'a>),
    Object(Members<'a>),
}

impl Tree {
    /// Empty again, for a record of these names, the last of which are those of the contract's places; places are below
    /// `places_max`. A tree that a large record blew up is given back.
    pub(super) fn begin(&mut self, names: &Arc<[Box<str>]>, contract: usize, places_max: usize) {
        if self.nodes.capacity() > KEPT_NODES || self.texts.capacity().max(self.bytes.capacity()) > KEPT_BYTES {
            *self = Tree::default();
        }
        self.nodes.clear();
        self.texts.clear();
        self.bytes.clear();
        if !Arc::ptr_eq(&self.names, names) {
            self.names = names.clone();
        }
        self.first_place = names.len().saturating_sub(contract) as u32;
        if self.seen.len() < places_max {
            self.seen.resize(places_max, Seen::default());
        }
        if self.objects >= OBJECTS_MAX {
            self.objects = 0;
            self.seen.fill(Seen::default());
        }
        self.before = self.objects;
    }

    /// The number of an object that begins.
    pub(super) fn object(&mut self) -> u32 {
        self.objects += 1;
        self.objects
    }

    /// The name of a member at a place, of an object of this number; its value comes next. True: the object has a member
    /// there already.
    #[inline]
    pub(super) fn key(&mut self, key: Node, place: Place, object: u32) -> bool {
        self.nodes.push(key);
        let value = self.nodes.len() as u32;
        let Some(seen) = self.seen.get_mut(place as usize) else { return false };
        let again = seen.object == object;
        *seen = Seen { object, value };
        again
    }

    /// The root of what was decoded last.
    pub fn root(&self) -> Value<'_> {
        Value { tree: self, at: 0 }
    }

    /// The index after the value at `at`.
    fn after(&self, at: usize) -> usize {
        match self.nodes[at] {
            Node::Array { end, .. } | Node::Object { end, .. } => end as usize,
            _ => at + 1,
        }
    }

    /// Whether two members of the object share a name, of those that stand at no place. A few are compared pair by pair,
    /// many sorted, so that a record of a million names costs n log n.
    pub(super) fn repeats(&mut self, object: usize) -> bool {
        let Node::Object { end, .. } = self.nodes[object] else { return false };
        let mut keys = std::mem::take(&mut self.keys);
        keys.clear();
        let mut at = object + 1;
        while at < end as usize {
            if let Node::Text(_) = self.nodes[at] {
                keys.push(at as u32);
            }
            at = self.after(at + 1);
        }
        let text = |key: &u32| self.text(*key as usize);
        let same = if keys.len() <= 16 {
            (1..keys.len()).any(|i| keys[..i].iter().any(|key| text(key) == text(&keys[i])))
        } else {
            keys.sort_unstable_by(|a, b| text(a).cmp(text(b)));
            keys.windows(2).any(|pair| text(&pair[0]) == text(&pair[1]))
        };
        self.keys = keys;
        same
    }

    fn text(&self, at: usize) -> &str {
        match self.nodes[at] {
            Node::Text(span) => self.spanned(span),
            Node::Name(name) => self.names.get(name as usize).map_or("", |name| name),
            _ => "",
        }
    }

    pub(super) fn spanned(&self, span: Span) -> &str {
        &self.texts[span.from as usize..span.to as usize]
    }
}

impl<'a> Value<'a> {
    #[inline]
    pub fn kind(self) -> Kind<'a> {
        let tree = self.tree;
        match tree.nodes[self.at] {
            Node::Null => Kind::Null,
            Node::Bool(b) => Kind::Bool(b),
            Node::Int(i) => Kind::Number(Number::Int(i)),
            Node::Unsigned(u) => Kind::Number(Number::Unsigned(u)),
            Node::Decimal(span) => Kind::Number(Number::Decimal(tree.spanned(span))),
            Node::Float(double) => Kind::Number(Number::Float(double)),
            Node::Single(single) => Kind::Number(Number::Single(single)),
            Node::Bytes(span) => Kind::Bytes(&tree.bytes[span.from as usize..span.to as usize]),
            Node::Moment(stamp, count) => Kind::Moment(stamp.moment(count)),
            Node::Text(_) | Node::Name(_) => Kind::Text(tree.text(self.at)),
            Node::Array { items, .. } => {
                Kind::Array(Items { next: Value { at: self.at + 1, ..self }, left: items as usize })
            }
            Node::Object { members, .. } => {
                Kind::Object(Members { next: Value { at: self.at + 1, ..self }, left: members as usize })
            }
        }
    }

    #[inline]
    pub fn is_null(self) -> bool {
        matches!(self.tree.nodes[self.at], Node::Null)
    }

    #[inline]
    pub fn is_object(self) -> bool {
        matches!(self.tree.nodes[self.at], Node::Object { .. })
    }

    /// What the document that this value is of holds at a place. Of a place among the items of an array it is what was
    /// read last.
    #[inline]
    pub fn at(self, place: Place) -> Option<Value<'a>> {
        if place == RECORD {
            return Some(self.tree.root());
        }
        let seen = self.tree.seen.get(place as usize)?;
        (seen.object > self.tree.before).then_some(Value { at: seen.value as usize, ..self })
    }
}

/// The items of an array, in order.
#[derive(Clone, Copy, Debug)]
pub struct Items<'a> {
    next: Value<'a>,
    left: usize,
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.left = self.left.checked_sub(1)?;
        let value = self.next;
        self.next.at = value.tree.after(value.at);
        Some(value)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Items<'_> {}

/// The members of an object, in the order of the text; their names are distinct.
#[derive(Clone, Copy, Debug)]
pub struct Members<'a> {
    next: Value<'a>,
    left: usize,
}

/// A member's name.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a>(Value<'a>);

impl<'a> Key<'a> {
    /// As a value: a text.
    pub fn value(self) -> Value<'a> {
        self.0
    }

    pub fn text(self) -> &'a str {
        self.0.tree.text(self.0.at)
    }

    /// `NOWHERE`: no contract names it.
    pub fn place(self) -> Place {
        match self.0.tree.nodes[self.0.at] {
            Node::Name(name) => name.checked_sub(self.0.tree.first_place).unwrap_or(NOWHERE),
            _ => NOWHERE,
        }
    }
}

impl<'a> Members<'a> {
    /// `None` is missing, which is not null.
    pub fn get(mut self, name: &str) -> Option<Value<'a>> {
        self.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The member that stands at a place.
    pub fn at(self, place: Place) -> Option<Value<'a>> {
        self.keyed().find(|(key, _)| key.place() == place).map(|(_, value)| value)
    }

    /// With names that know their places.
    pub fn keyed(mut self) -> impl Iterator<Item = (Key<'a>, Value<'a>)> {
        std::iter::from_fn(move || self.pair())
    }

    fn pair(&mut self) -> Option<(Key<'a>, Value<'a>)> {
        self.left = self.left.checked_sub(1)?;
        let key = self.next;
        self.next.at = key.tree.after(key.at + 1);
        Some((Key(key), Value { at: key.at + 1, ..key }))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<(&'a str, Value<'a>)> {
        self.pair().map(|(key, value)| (key.text(), value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Members<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::decode::json::{self, MAX_DEPTH};
    use crate::engine::decode::names::Names;

    /// A record takes memory as it is large, and keeps none of it from the next.
    #[test]
    fn a_tree_that_a_large_record_blew_up_is_given_back() {
        let columns: Vec<String> = (0..500).map(|n| format!("\"column_{n}\":{n}")).collect();
        let levels = MAX_DEPTH - 1;
        for (what, record) in [
            ("a text of 1 MB", format!("{{\"a\":\"{}\"}}", "x".repeat(1_000_000))),
            ("escapes of 1 MB", format!("{{\"a\":\"{}\"}}", "\\n".repeat(500_000))),
            ("numbers of 1 MB", format!("{{\"a\":[{}1]}}", "1,".repeat(500_000))),
            (
                "names of 1 MB",
                format!("{{{}}}", (0..80_000).map(|n| format!("\"n{n:05}\":1")).collect::<Vec<_>>().join(",")),
            ),
            ("500 columns", format!("{{{}}}", columns.join(","))),
            ("64 levels", format!("{}1{}", "{\"a\":".repeat(levels + 1), "}".repeat(levels + 1))),
        ] {
            let (mut tree, mut names) = (Tree::default(), Names::of(&Default::default()));
            json::record(&mut tree, &mut names, record.as_bytes()).expect(what);
            let held = |tree: &Tree| {
                let nodes = tree.nodes.capacity() * size_of::<Node>() + tree.seen.capacity() * size_of::<Seen>();
                nodes + tree.texts.capacity() + tree.bytes.capacity() + tree.keys.capacity() * size_of::<u32>()
            };
            // A number and its comma are two bytes, and a node of sixteen in a vector that doubles.
            assert!(held(&tree) <= 64 * 1024 + record.len() * 20, "{what}: {} bytes for {}", held(&tree), record.len());
            json::record(&mut tree, &mut names, b"{\"a\":1}").expect("a small one");
            assert!(
                held(&tree) <= KEPT_NODES * size_of::<Node>() + 2 * KEPT_BYTES,
                "{what}: {} bytes stay",
                held(&tree)
            );
        }
    }
}
