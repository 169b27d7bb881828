//! A record's bytes into a tree, by the program of its schema. What a record claims (a length, a count, a depth) is held
//! against what it can hold before anything is done for it.

use crate::engine::decode::avro::cursor::Cursor;
use crate::engine::decode::avro::decimal;
use crate::engine::decode::avro::program::{As, Default, Field, Program, Read, ReadId};
use crate::engine::decode::fields::{NOWHERE, Place};
use crate::engine::decode::json::{MAX_BYTES, MAX_DEPTH, MAX_NODES};
use crate::engine::decode::reason::{Reason, Undecodable};
use crate::engine::decode::tree::{Kind, Node, Span, Tree, Value};

/// Reads one record out of `bytes[from..]`, all of it. Like a record of JSON it is an object.
pub fn record<'a>(tree: &'a mut Tree, program: &Program, bytes: &[u8], from: usize) -> Result<Value<'a>, Undecodable> {
    let value = value(tree, program, bytes, from)?;
    match value.kind() {
        Kind::Object(_) => Ok(value),
        _ => Err(Undecodable { reason: Reason::NotAnObject, at: from }),
    }
}

/// Reads one value of any kind.
pub fn value<'a>(tree: &'a mut Tree, program: &Program, bytes: &[u8], from: usize) -> Result<Value<'a>, Undecodable> {
    tree.begin(&program.names, program.fields.count(), program.fields.count());
    if bytes.len() > MAX_BYTES {
        return Err(Undecodable { reason: Reason::TooLarge, at: MAX_BYTES });
    }
    let cursor = Cursor { bytes, at: from.min(bytes.len()) };
    let first_place = (program.names.len() - program.fields.count()) as u32;
    let mut walker = Walker { program, first_place, cursor, tree, depth: 0, left: MAX_NODES };
    let read = walker.read(program.root);
    let at = walker.cursor.at;
    match read {
        Err(reason) => Err(Undecodable { reason, at }),
        Ok(()) if at < bytes.len() => Err(Undecodable { reason: Reason::TrailingBytes, at }),
        Ok(()) => Ok(tree.root()),
    }
}

/// Texts and bytes that a tree may own: those of a record of `MAX_BYTES`, decimals written out, and as much of defaults.
const OWN_BYTES_MAX: usize = 4 * MAX_BYTES;

struct Walker<'w> {
    program: &'w Program,
    /// The name of the first place.
    first_place: u32,
    cursor: Cursor<'w>,
    tree: &'w mut Tree,
    /// Arrays, maps and records around the place.
    depth: usize,
    /// Nodes that may still be made, those that are thrown away again included: it bounds the work.
    left: usize,
}

impl<'w> Walker<'w> {
    /// The commonest types, inlined where fields are read one after the other; the rest is `read`'s.
    #[inline(always)]
    fn read_field(&mut self, id: ReadId) -> Result<(), Reason> {
        let program = self.program;
        let node = match &program.reads[id as usize] {
            Read::Text => Node::Text(self.text()?),
            Read::Long(As::Whole) => Node::Int(self.cursor.long()?),
            Read::Int(As::Whole) => Node::Int(self.cursor.int()?.into()),
            Read::Double => Node::Float(f64::from_le_bytes(self.cursor.array()?)),
            _ => return self.read(id),
        };
        self.push(node)
    }

    /// Recursion is as deep as the record is nested: `MAX_DEPTH` levels, and a union before each.
    fn read(&mut self, id: ReadId) -> Result<(), Reason> {
        let program = self.program;
        let node = match &program.reads[id as usize] {
            Read::Null => Node::Null,
            Read::Boolean => self.boolean()?,
            Read::Int(becomes) => becomes.node(self.cursor.int()?.into()),
            Read::Long(becomes) => becomes.node(self.cursor.long()?),
            Read::Float { widened: false } => Node::Single(f32::from_le_bytes(self.cursor.array()?)),
            Read::Float { widened: true } => Node::Float(f32::from_le_bytes(self.cursor.array()?).into()),
            Read::Double => Node::Float(f64::from_le_bytes(self.cursor.array()?)),
            Read::Text => Node::Text(self.text()?),
            Read::Bytes => self.cursor.sized().map(|bytes| self.own_bytes(bytes))?,
            Read::Fixed(size) => self.cursor.take(*size).map(|bytes| self.own_bytes(bytes))?,
            Read::Decimal { size, scale } => {
                let unscaled = match size {
                    Some(size) => self.cursor.take(*size)?,
                    None => self.cursor.sized()?,
                };
                self.decimal(unscaled, (*scale).into())?
            }
            Read::BigDecimal => {
                let mut inner = Cursor { bytes: self.cursor.sized()?, at: 0 };
                let unscaled = inner.sized()?;
                let scale = inner.long()?;
                self.decimal(unscaled, scale)?
            }
            Read::Uuid { sized } => {
                let bytes = if *sized { self.cursor.sized()? } else { self.cursor.take(16)? };
                self.uuid(bytes)
            }
            Read::Enum(symbols) => {
                let symbol = self.cursor.index(symbols, Reason::WrongEnumIndex)?;
                Node::Name(symbol.ok_or(Reason::SchemaMismatch)?)
            }
            Read::Union(branches) => {
                let branch = *self.cursor.index(branches, Reason::WrongUnionIndex)?;
                return self.read_field(branch);
            }
            Read::Duration(names) => return self.duration(names),
            Read::Array(item) => return self.items(*item),
            Read::Map { value, place, named } => return self.entries(*value, *place, named),
            Read::Record { fields, defaults } => return self.fields(fields, defaults),
            Read::Mismatch => return Err(Reason::SchemaMismatch),
        };
        self.push(node)
    }

    fn items(&mut self, item: ReadId) -> Result<(), Reason> {
        let array = self.open()?;
        let items = self.blocks(|walker| walker.read(item))?;
        let end = self.close();
        self.tree.nodes[array] = Node::Array { items, end };
        Ok(())
    }

    /// `named`: the members that have places, and how they are read.
    fn entries(&mut self, value: ReadId, place: Place, named: &[(Place, ReadId)]) -> Result<(), Reason> {
        let map = self.open()?;
        let object = self.tree.object();
        let (mut unknown, mut again) = (0, false);
        let members = self.blocks(|walker| {
            let span = walker.text()?;
            let child = walker.program.fields.child(place, walker.tree.spanned(span));
            match named.binary_search_by_key(&child, |(place, _)| *place) {
                Ok(i) => {
                    again |= walker.name(walker.first_place + child, object)?;
                    walker.read(named[i].1)
                }
                Err(_) => {
                    unknown += 1;
                    walker.push(Node::Text(span))?;
                    walker.read(value)
                }
            }
        })?;
        let end = self.close();
        self.tree.nodes[map] = Node::Object { members, end };
        if again || (unknown > 1 && self.tree.repeats(map)) { Err(Reason::DuplicateKey) } else { Ok(()) }
    }

    fn fields(&mut self, fields: &[Field], defaults: &'w [Default]) -> Result<(), Reason> {
        let record = self.open()?;
        let object = self.tree.object();
        let mut members = defaults.len() as u32;
        for Field { name, read } in fields {
            match name {
                Some(name) => {
                    members += 1;
                    self.name(*name, object)?;
                    self.read_field(*read)?;
                }
                None => self.pass_over(*read)?,
            }
        }
        for Default { name, read, bytes } in defaults {
            self.name(*name, object)?;
            let here = std::mem::replace(&mut self.cursor, Cursor { bytes, at: 0 });
            let read = self.read(*read);
            self.cursor = here;
            read?;
            // A default costs the record no byte: many small records with large ones would fill memory.
            if self.tree.texts.len() + self.tree.bytes.len() > OWN_BYTES_MAX {
                return Err(Reason::TooLarge);
            }
        }
        let end = self.close();
        self.tree.nodes[record] = Node::Object { members, end };
        Ok(())
    }

    /// What nobody wants is read like the rest, so that it is held to its schema; then it is forgotten.
    fn pass_over(&mut self, read: ReadId) -> Result<(), Reason> {
        let (nodes, texts, bytes) = (self.tree.nodes.len(), self.tree.texts.len(), self.tree.bytes.len());
        self.read(read)?;
        self.tree.nodes.truncate(nodes);
        self.tree.texts.truncate(texts);
        self.tree.bytes.truncate(bytes);
        Ok(())
    }

    fn duration(&mut self, names: &[u32; 3]) -> Result<(), Reason> {
        let duration = self.open()?;
        let object = self.tree.object();
        for name in names {
            let count = u32::from_le_bytes(self.cursor.array()?);
            self.name(*name, object)?;
            self.push(Node::Int(count.into()))?;
        }
        let end = self.close();
        self.tree.nodes[duration] = Node::Object { members: names.len() as u32, end };
        Ok(())
    }

    /// Reads the items of all blocks. A count beyond the nodes that are left is refused before its first item: items
    /// may take no bytes at all, and a few bytes could ask for 2^63 of them.
    fn blocks(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), Reason>) -> Result<u32, Reason> {
        let mut items = 0;
        loop {
            let begin = self.cursor.at;
            let count = self.cursor.block()?;
            if count == 0 {
                return Ok(items);
            }
            if count > self.left as u64 {
                self.cursor.at = begin;
                return Err(Reason::TooLarge);
            }
            for _ in 0..count {
                item(self)?;
            }
            items += count as u32;
        }
    }

    /// A node to be filled in when the container closes.
    fn open(&mut self) -> Result<usize, Reason> {
        if self.depth == MAX_DEPTH {
            return Err(Reason::TooDeep);
        }
        self.depth += 1;
        self.push(Node::Null)?;
        Ok(self.tree.nodes.len() - 1)
    }

    /// The index after the container's last node.
    fn close(&mut self) -> u32 {
        self.depth -= 1;
        self.tree.nodes.len() as u32
    }

    /// A member's name. True: it stands at a place that the object has a member at already.
    #[inline]
    fn name(&mut self, name: u32, object: u32) -> Result<bool, Reason> {
        self.left = self.left.checked_sub(1).ok_or(Reason::TooLarge)?;
        let place = name.checked_sub(self.first_place).unwrap_or(NOWHERE);
        Ok(self.tree.key(Node::Name(name), place, object))
    }

    #[inline]
    fn push(&mut self, node: Node) -> Result<(), Reason> {
        self.left = self.left.checked_sub(1).ok_or(Reason::TooLarge)?;
        self.tree.nodes.push(node);
        Ok(())
    }

    fn boolean(&mut self) -> Result<Node, Reason> {
        match self.cursor.array()? {
            [byte @ (0 | 1)] => Ok(Node::Bool(byte == 1)),
            _ => {
                self.cursor.at -= 1;
                Err(Reason::InvalidBoolean)
            }
        }
    }

    fn text(&mut self) -> Result<Span, Reason> {
        let begin = self.cursor.at;
        let bytes = self.cursor.sized()?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(self.own_text(text)),
            Err(_) => {
                self.cursor.at = begin;
                Err(Reason::NotUtf8)
            }
        }
    }

    fn decimal(&mut self, unscaled: &[u8], scale: i64) -> Result<Node, Reason> {
        let from = self.tree.texts.len();
        Ok(match decimal::write(unscaled, scale, &mut self.tree.texts)? {
            Some(int) => Node::Int(int),
            None => Node::Decimal(Span { from: from as u32, to: self.tree.texts.len() as u32 }),
        })
    }

    /// Sixteen bytes; others are no UUID, and stay what they are.
    fn uuid(&mut self, bytes: &[u8]) -> Node {
        match uuid::Uuid::from_slice(bytes) {
            Ok(uuid) => Node::Text(self.own_text(uuid.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()))),
            Err(_) => self.own_bytes(bytes),
        }
    }

    fn own_text(&mut self, text: &str) -> Span {
        let texts = &mut self.tree.texts;
        let from = texts.len() as u32;
        texts.push_str(text);
        Span { from, to: texts.len() as u32 }
    }

    fn own_bytes(&mut self, bytes: &[u8]) -> Node {
        let all = &mut self.tree.bytes;
        let from = all.len() as u32;
        all.extend_from_slice(bytes);
        Node::Bytes(Span { from, to: all.len() as u32 })
    }
}

impl As {
    fn node(self, count: i64) -> Node {
        match self {
            As::Whole => Node::Int(count),
            As::Single => Node::Single(count as f32),
            As::Double => Node::Float(count as f64),
            As::Moment(stamp) => Node::Moment(stamp, count),
        }
    }
}
