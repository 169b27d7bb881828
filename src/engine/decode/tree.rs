//! A decoded record: a flat tree that borrows the record's bytes.
//!
//! The nodes lie in one vector, in the order of the text; an array or object knows where it ends. The vector is kept
//! from record to record, so that a record costs no allocation.

use crate::engine::decode::number::Number;

/// A tree larger than this is given back after the record that needed it: 64 Ki nodes are 1 MiB.
const KEPT_NODES: usize = 64 << 10;

/// The nodes of one document; kept and used again for the next.
#[derive(Debug, Default)]
pub struct Tree {
    pub(super) nodes: Vec<Node>,
    /// Strings that held escapes, unescaped, end to end.
    pub(super) unescaped: String,
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
    /// Any other number, as its text.
    Decimal(Span),
    /// Without its quotes, in the record's own bytes.
    Text(Span),
    /// In `Tree::unescaped`.
    Unescaped(Span),
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
    Array(Items<'a>),
    Object(Members<'a>),
}

impl Tree {
    /// Empty again; a tree that a large record blew up is given back.
    pub(super) fn clear(&mut self) {
        if self.nodes.capacity() > KEPT_NODES {
            *self = Tree::default();
        }
        self.nodes.clear();
        self.unescaped.clear();
        self.open.clear();
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

    pub(super) fn text<'a>(&'a self, input: &'a str, at: usize) -> &'a str {
        match self.nodes[at] {
            Node::Text(span) => &input[span.from as usize..span.to as usize],
            Node::Unescaped(span) => &self.unescaped[span.from as usize..span.to as usize],
            _ => "",
        }
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
            Node::Text(_) | Node::Unescaped(_) => Kind::Text(self.tree.text(self.input, self.at)),
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
