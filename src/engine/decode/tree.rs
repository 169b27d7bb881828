//! A decoded record: a flat tree that borrows the record's bytes where they are text.
//!
//! The nodes lie in one vector, in the order of the text; an array or object knows where it ends. The vector is kept
//! from record to record, so that a record costs no allocation.

use crate::engine::decode::moment::{Moment, Stamp};
use crate::engine::decode::number::Number;
use std::sync::Arc;

/// A tree larger than this is given back after the record that needed it: 64 Ki nodes are 1 MiB.
const KEPT_NODES: usize = 64 << 10;
/// And so are texts or bytes of its own beyond this: as much as the nodes.
const KEPT_BYTES: usize = 1 << 20;

/// The nodes of one document; kept and used again for the next.
#[derive(Debug, Default)]
pub struct Tree {
    pub(super) nodes: Vec<Node>,
    /// Texts that the record does not hold as they are, end to end: unescaped JSON strings, and all of Avro's.
    pub(super) own_texts: String,
    /// Avro's bytes, end to end.
    pub(super) own_bytes: Vec<u8>,
    /// Names and symbols of the Avro schema.
    pub(super) names: Arc<[Box<str>]>,
    /// Arrays and objects that are still open, as indices into `nodes`.
    pub(super) open: Vec<u32>,
    /// Keys of a large object, to be sorted.
    pub(super) keys: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Int(i64),
    /// Above `i64::MAX`.
    Unsigned(u64),
    /// Any other number of a JSON record, as its text.
    Decimal(Span),
    /// A decimal number whose text is in `Tree::own_texts`.
    OwnDecimal(Span),
    Float(f64),
    Single(f32),
    /// Without its quotes, in the record's own bytes.
    Text(Span),
    /// In `Tree::own_texts`.
    Own(Span),
    /// In `Tree::names`.
    Name(u32),
    /// In `Tree::own_bytes`.
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

/// The bytes `[from, to)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) from: u32,
    pub(super) to: u32,
}

/// One value of a document.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    tree: &'a Tree,
    input: &'a str,
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
    /// Empty again; a tree that a large record blew up is given back.
    pub(super) fn clear(&mut self) {
        if self.nodes.capacity() > KEPT_NODES || self.own_texts.capacity().max(self.own_bytes.capacity()) > KEPT_BYTES {
            *self = Tree::default();
        }
        self.nodes.clear();
        self.own_texts.clear();
        self.own_bytes.clear();
        self.open.clear();
    }

    /// The root of what was decoded last, from `bytes`: JSON's nodes point into them, Avro's hold their own and need none.
    pub fn again<'a>(&'a self, bytes: &'a [u8]) -> Value<'a> {
        self.root(std::str::from_utf8(bytes).unwrap_or_default())
    }

    /// The root of a tree that a decoder has filled from `input`.
    pub(super) fn root<'a>(&'a self, input: &'a str) -> Value<'a> {
        Value { tree: self, input, at: 0 }
    }

    /// The index after the value at `at`.
    pub(super) fn after(&self, at: usize) -> usize {
        match self.nodes[at] {
            Node::Array { end, .. } | Node::Object { end, .. } => end as usize,
            _ => at + 1,
        }
    }

    /// Whether two members of the object share a name. Small objects are compared pair by pair, large ones sorted, so
    /// that a record of a million names costs n log n.
    pub(super) fn repeats(&mut self, input: &str, object: usize) -> bool {
        let Node::Object { members, end } = self.nodes[object] else { return false };
        let mut keys = std::mem::take(&mut self.keys);
        keys.clear();
        let mut at = object + 1;
        let mut same = false;
        while at < end as usize {
            if members <= 16 {
                let key = self.text(input, at);
                same |= keys.iter().any(|&other| self.text(input, other as usize) == key);
            }
            keys.push(at as u32);
            at = self.after(at + 1);
        }
        if members > 16 {
            keys.sort_unstable_by(|&a, &b| self.text(input, a as usize).cmp(self.text(input, b as usize)));
            same = keys.windows(2).any(|pair| self.text(input, pair[0] as usize) == self.text(input, pair[1] as usize));
        }
        self.keys = keys;
        same
    }

    pub(super) fn text<'a>(&'a self, input: &'a str, at: usize) -> &'a str {
        match self.nodes[at] {
            Node::Text(span) => &input[span.from as usize..span.to as usize],
            Node::Own(span) => self.own_text(span),
            Node::Name(name) => self.names.get(name as usize).map_or("", |name| name),
            _ => "",
        }
    }
}

impl Tree {
    fn own_text(&self, span: Span) -> &str {
        &self.own_texts[span.from as usize..span.to as usize]
    }
}

impl<'a> Value<'a> {
    pub fn kind(self) -> Kind<'a> {
        match self.tree.nodes[self.at] {
            Node::Null => Kind::Null,
            Node::Bool(b) => Kind::Bool(b),
            Node::Int(i) => Kind::Number(Number::Int(i)),
            Node::Unsigned(u) => Kind::Number(Number::Unsigned(u)),
            Node::Decimal(span) => Kind::Number(Number::Decimal(&self.input[span.from as usize..span.to as usize])),
            Node::OwnDecimal(span) => Kind::Number(Number::Decimal(self.tree.own_text(span))),
            Node::Float(double) => Kind::Number(Number::Float(double)),
            Node::Single(single) => Kind::Number(Number::Single(single)),
            Node::Bytes(span) => Kind::Bytes(&self.tree.own_bytes[span.from as usize..span.to as usize]),
            Node::Moment(stamp, count) => Kind::Moment(stamp.moment(count)),
            Node::Text(_) | Node::Own(_) | Node::Name(_) => Kind::Text(self.tree.text(self.input, self.at)),
            Node::Array { items, .. } => {
                Kind::Array(Items { next: Value { at: self.at + 1, ..self }, left: items as usize })
            }
            Node::Object { members, .. } => {
                Kind::Object(Members { next: Value { at: self.at + 1, ..self }, left: members as usize })
            }
        }
    }

    pub fn is_null(self) -> bool {
        matches!(self.tree.nodes[self.at], Node::Null)
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

impl<'a> Members<'a> {
    /// `None` is missing, which is not null.
    pub fn get(mut self, name: &str) -> Option<Value<'a>> {
        self.find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<(&'a str, Value<'a>)> {
        self.left = self.left.checked_sub(1)?;
        let Value { tree, input, at } = self.next;
        let value = Value { at: at + 1, ..self.next };
        self.next.at = tree.after(at + 1);
        Some((tree.text(input, at), value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Members<'_> {}
