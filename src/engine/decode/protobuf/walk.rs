//! A record's bytes into a tree, by the program of its schema. What a record claims is held against what it can hold before
//! anything is done for it.

use crate::engine::decode::fields::{NOWHERE, Place, RECORD};
use crate::engine::decode::json::{MAX_BYTES, MAX_DEPTH, MAX_NODES};
use crate::engine::decode::protobuf::known::{self, Known};
use crate::engine::decode::protobuf::program::{Field, Kind, Message, MessageId, NameId, Often, Program};
use crate::engine::decode::protobuf::wire::{Content, Form, Wire, zigzag};
use crate::engine::decode::reason::{Reason, Undecodable};
use crate::engine::decode::tree::{Node, Span, Tree, Value};
use std::collections::BTreeMap;

/// Reads the message `root` out of `bytes[from..]`, all of it.
pub fn record<'a>(
    tree: &'a mut Tree,
    program: &Program,
    root: MessageId,
    bytes: &[u8],
    from: usize,
) -> Result<Value<'a>, Undecodable> {
    tree.begin(&program.names, program.fields.count(), program.fields.count());
    if bytes.len() > MAX_BYTES {
        return Err(Undecodable { reason: Reason::TooLarge, at: MAX_BYTES });
    }
    let from = from.min(bytes.len());
    let first_place = (program.names.len() - program.fields.count()) as u32;
    let mut walker = Walker {
        program,
        first_place,
        tree,
        found: Vec::new(),
        oneofs: Vec::new(),
        depth: 0,
        left: MAX_NODES,
        at: from,
    };
    match program.messages.get(root as usize) {
        // A record is an object, whatever its message stands for elsewhere.
        Some(message) => match walker.fields(message, &bytes[from..], from) {
            Ok(()) => Ok(tree.root()),
            Err(reason) => Err(Undecodable { reason, at: walker.at }),
        },
        None => Err(Undecodable { reason: Reason::WrongMessageIndex, at: from }),
    }
}

struct Walker<'w> {
    program: &'w Program,
    /// The name of the first place.
    first_place: NameId,
    tree: &'w mut Tree,
    /// The contents of the fields of all messages that are being read.
    found: Vec<Found>,
    /// Of each `oneof` of those messages, the field that came last.
    oneofs: Vec<usize>,
    /// Objects and arrays around the place.
    depth: usize,
    /// Nodes and contents that may still be made: it bounds the work.
    left: usize,
    /// About where what is read stands.
    at: usize,
}

#[derive(Clone, Copy)]
struct Found {
    /// An index into the message's fields.
    field: usize,
    form: Form,
    content: Content,
}

impl Walker<'_> {
    /// A message of fields. Recursion is as deep as the record is nested, `MAX_DEPTH`. `base`: where `bytes` begin.
    fn fields(&mut self, message: &Message, bytes: &[u8], base: usize) -> Result<(), Reason> {
        let (first, first_oneof) = (self.found.len(), self.oneofs.len());
        self.oneofs.resize(first_oneof + message.oneofs, usize::MAX);
        self.scan(message, bytes, base)?;
        let object = self.open()?;
        let number = self.tree.object();
        let (mut at, mut members) = (first, 0);
        for (index, field) in message.fields.iter().enumerate() {
            let begin = at;
            at += self.found[at..].iter().take_while(|found| found.field == index).count();
            if field.oneof.is_some_and(|oneof| self.oneofs.get(first_oneof + oneof) != Some(&index)) {
                continue;
            }
            if begin == at {
                match field.often {
                    Often::Optional => continue,
                    Often::Required => return Err(Reason::RequiredFieldMissing),
                    Often::Always | Often::Repeated | Often::Map => {}
                }
            }
            self.name(field.name, number)?;
            members += 1;
            match field.often {
                Often::Repeated => self.items(field, begin..at, bytes, base)?,
                Often::Map => self.entries(field, begin..at, bytes, base)?,
                Often::Always | Often::Optional | Often::Required => {
                    self.one(field.kind, begin..at, bytes, base, field.place)?
                }
            }
        }
        let end = self.close();
        self.tree.nodes[object] = Node::Object { members, end };
        self.found.truncate(first);
        self.oneofs.truncate(first_oneof);
        Ok(())
    }

    /// What the fields of a message hold, field by field; what nobody knows is passed over.
    fn scan(&mut self, message: &Message, bytes: &[u8], base: usize) -> Result<(), Reason> {
        let (first, first_oneof) = (self.found.len(), self.oneofs.len() - message.oneofs);
        let mut wire = Wire::new(bytes);
        let mut sorted = true;
        while !wire.is_done() {
            self.at = base + wire.at;
            let (number, form) = wire.tag()?;
            let content = wire.content(number, form)?;
            let known = message.find(number).and_then(|index| Some((index, message.fields.get(index)?)));
            let Some((field, known)) = known.filter(|(_, field)| field.takes(form)) else { continue };
            if let (Kind::Enum(of), Form::Varint) = (known.kind, form)
                && self.program.enums[of].closed
                && !self.program.enums[of].symbols.contains_key(&(content.bits as i32))
            {
                continue;
            }
            if let Some(oneof) = known.oneof {
                self.oneofs[first_oneof + oneof] = field;
            }
            self.left = self.left.checked_sub(1).ok_or(Reason::TooLarge)?;
            sorted &= self.found[first..].last().is_none_or(|last| last.field <= field);
            self.found.push(Found { field, form, content });
        }
        if !sorted {
            self.found[first..].sort_by_key(|found| found.field);
        }
        Ok(())
    }

    /// A field that holds one value: the last, or of messages all as one; without any the default.
    fn one(
        &mut self,
        kind: Kind,
        found: std::ops::Range<usize>,
        bytes: &[u8],
        base: usize,
        place: Place,
    ) -> Result<(), Reason> {
        let last = found.end.checked_sub(1).filter(|last| *last >= found.start).map(|last| self.found[last].content);
        let (Kind::Message(id) | Kind::Group(id)) = kind else {
            let node = self.scalar(kind, last.unwrap_or_default(), bytes)?;
            return self.push(node);
        };
        let part = |content: Content| &bytes[content.from as usize..content.to as usize];
        if found.len() <= 1 {
            let content = last.unwrap_or_default();
            return self.message(id, part(content), base + content.from as usize, place);
        }
        // Messages that follow each other are one whose bytes do.
        let together: Vec<u8> = self.found[found].iter().flat_map(|found| part(found.content)).copied().collect();
        self.message(id, &together, base, place)
    }

    fn items(&mut self, field: &Field, found: std::ops::Range<usize>, bytes: &[u8], base: usize) -> Result<(), Reason> {
        let array = self.open()?;
        let mut items = 0;
        for at in found {
            let Found { form, content, .. } = self.found[at];
            if form == Form::Sized && field.kind.may_be_packed() {
                items += self.packed(field.kind, &bytes[..content.to as usize], content.from as usize, base)?;
                continue;
            }
            items += 1;
            self.one(field.kind, at..at + 1, bytes, base, self.program.fields.items(field.place))?;
        }
        let end = self.close();
        self.tree.nodes[array] = Node::Array { items, end };
        Ok(())
    }

    fn packed(&mut self, kind: Kind, bytes: &[u8], from: usize, base: usize) -> Result<u32, Reason> {
        let mut wire = Wire { bytes, at: from };
        let mut items = 0;
        while !wire.is_done() {
            self.at = base + wire.at;
            let content = wire.content(0, kind.form())?;
            let node = self.scalar(kind, content, bytes)?;
            self.push(node)?;
            items += 1;
        }
        Ok(items)
    }

    /// Of two entries of one key the later stands.
    fn entries(
        &mut self,
        field: &Field,
        found: std::ops::Range<usize>,
        bytes: &[u8],
        base: usize,
    ) -> Result<(), Reason> {
        let Kind::Message(entry) = field.kind else { return Err(Reason::SchemaUnsupported) };
        let Some([key, value]) = self.program.messages.get(entry as usize).and_then(|entry| entry.fields.first_chunk())
        else {
            return Err(Reason::SchemaUnsupported);
        };
        let mut last = BTreeMap::new();
        for at in found {
            let content = self.found[at].content;
            let (from, to) = (content.from as usize, content.to as usize);
            let [of_key, of_value] = self.entry(&bytes[from..to], base + from)?;
            let node = self.scalar(key.kind, of_key.unwrap_or_default(), &bytes[from..to])?;
            last.insert(self.text(node), (from, to, of_value));
        }
        let object = self.open()?;
        let number = self.tree.object();
        let members = last.len() as u32;
        for (name, (from, to, content)) in last {
            let place = self.program.fields.child(field.place, &name);
            if place == NOWHERE {
                let name = self.own_text(&name);
                self.push(Node::Text(name))?;
            } else {
                self.name(self.first_place + place, number)?;
            }
            let named = field.named.iter().find(|(at, _)| *at == place).map(|(_, id)| Kind::Message(*id));
            let first = self.found.len();
            let form = value.kind.form();
            self.found.extend(content.map(|content| Found { field: 1, form, content }));
            let found = first..self.found.len();
            self.one(named.unwrap_or(value.kind), found, &bytes[from..to], base + from, place)?;
            self.found.truncate(first);
        }
        let end = self.close();
        self.tree.nodes[object] = Node::Object { members, end };
        Ok(())
    }

    /// The last key and value of an entry.
    fn entry(&mut self, bytes: &[u8], base: usize) -> Result<[Option<Content>; 2], Reason> {
        let (mut found, mut wire) = ([None; 2], Wire::new(bytes));
        while !wire.is_done() {
            self.at = base + wire.at;
            let (number, form) = wire.tag()?;
            let content = wire.content(number, form)?;
            if let Some(slot) = found.get_mut(number as usize - 1) {
                *slot = Some(content);
            }
        }
        Ok(found)
    }

    /// A key as the name of a member.
    fn text(&self, node: Node) -> String {
        match node {
            Node::Text(span) => self.tree.spanned(span).to_owned(),
            Node::Bool(key) => key.to_string(),
            Node::Int(key) => key.to_string(),
            Node::Unsigned(key) => key.to_string(),
            _ => String::new(),
        }
    }

    /// A message as what it stands for.
    fn message(&mut self, id: MessageId, bytes: &[u8], base: usize, place: Place) -> Result<(), Reason> {
        self.at = base;
        let program = self.program;
        let message = &program.messages[id as usize];
        let node = match message.known {
            Known::Message => return self.fields(message, bytes, base),
            Known::Timestamp => known::timestamp(bytes)?,
            Known::Duration => known::duration(bytes, &mut self.tree.texts)?,
            Known::Date => known::date(bytes)?,
            Known::Decimal => known::decimal(bytes, &mut self.tree.texts)?,
            Known::FieldMask => known::field_mask(bytes, &mut self.tree.texts)?,
            Known::Wrapper => {
                let [content, _] = self.entry(bytes, base)?;
                let kind = message.fields.first().map_or(Kind::Bytes, |field| field.kind);
                self.scalar(kind, content.unwrap_or_default(), bytes)?
            }
            Known::Struct => return self.members_of_struct(bytes, base, place),
            Known::List => return self.items_of_list(bytes, base, place),
            Known::Value => return self.any_json(bytes, base, place),
        };
        self.push(node)
    }

    fn members_of_struct(&mut self, bytes: &[u8], base: usize, place: Place) -> Result<(), Reason> {
        let mut last = BTreeMap::new();
        let mut wire = Wire::new(bytes);
        while !wire.is_done() {
            self.at = base + wire.at;
            let (number, form) = wire.tag()?;
            let content = wire.content(number, form)?;
            let (from, to) = (content.from as usize, content.to as usize);
            if (number, form) == (1, Form::Sized) {
                let entry = &bytes[from..to];
                let [key, value] = self.entry(entry, base + from)?;
                let (key, value) = (key.unwrap_or_default(), value.unwrap_or_default());
                let key =
                    std::str::from_utf8(&entry[key.from as usize..key.to as usize]).map_err(|_| Reason::NotUtf8)?;
                last.insert(key, (&entry[value.from as usize..value.to as usize], base + from + value.from as usize));
            }
        }
        let object = self.open()?;
        let number = self.tree.object();
        let members = last.len() as u32;
        for (name, (value, at)) in last {
            let child = if place == NOWHERE { NOWHERE } else { self.program.fields.child(place, name) };
            if child == NOWHERE {
                let name = self.own_text(name);
                self.push(Node::Text(name))?;
            } else {
                self.name(self.first_place + child, number)?;
            }
            self.any_json(value, at, child)?;
        }
        let end = self.close();
        self.tree.nodes[object] = Node::Object { members, end };
        Ok(())
    }

    fn items_of_list(&mut self, bytes: &[u8], base: usize, place: Place) -> Result<(), Reason> {
        let array = self.open()?;
        let (mut items, mut wire) = (0, Wire::new(bytes));
        while !wire.is_done() {
            self.at = base + wire.at;
            let (number, form) = wire.tag()?;
            let content = wire.content(number, form)?;
            if (number, form) == (1, Form::Sized) {
                items += 1;
                let (from, to) = (content.from as usize, content.to as usize);
                self.any_json(&bytes[from..to], base + from, self.program.fields.items(place))?;
            }
        }
        let end = self.close();
        self.tree.nodes[array] = Node::Array { items, end };
        Ok(())
    }

    /// `google.protobuf.Value`: the last of its six kinds; none is null.
    fn any_json(&mut self, bytes: &[u8], base: usize, place: Place) -> Result<(), Reason> {
        let (mut last, mut wire) = (None, Wire::new(bytes));
        while !wire.is_done() {
            self.at = base + wire.at;
            let (number, form) = wire.tag()?;
            let content = wire.content(number, form)?;
            if matches!((number, form), (1 | 4, Form::Varint) | (2, Form::Fixed64) | (3 | 5 | 6, Form::Sized)) {
                last = Some((number, content));
            }
        }
        let Some((number, content)) = last else { return self.push(Node::Null) };
        let (from, to) = (content.from as usize, content.to as usize);
        let kind = match number {
            2 => Kind::Double,
            3 => Kind::Text,
            4 => Kind::Bool,
            5 => return self.members_of_struct(&bytes[from..to], base + from, place),
            6 => return self.items_of_list(&bytes[from..to], base + from, place),
            _ => return self.push(Node::Null),
        };
        let node = self.scalar(kind, content, bytes)?;
        self.push(node)
    }

    /// Numbers are cut to their width, as every reader cuts them. `bytes`: those that `content` speaks of.
    fn scalar(&mut self, kind: Kind, content: Content, bytes: &[u8]) -> Result<Node, Reason> {
        let Content { bits, from, to } = content;
        let unsigned = |bits: u64| i64::try_from(bits).map_or(Node::Unsigned(bits), Node::Int);
        Ok(match kind {
            Kind::Double => Node::Float(f64::from_bits(bits)),
            Kind::Float => Node::Single(f32::from_bits(bits as u32)),
            Kind::Int32 | Kind::Sfixed32 => Node::Int((bits as i32).into()),
            Kind::Int64 | Kind::Sfixed64 => Node::Int(bits as i64),
            Kind::Uint32 | Kind::Fixed32 => Node::Int((bits as u32).into()),
            Kind::Uint64 | Kind::Fixed64 => unsigned(bits),
            Kind::Sint32 => Node::Int((zigzag(u64::from(bits as u32)) as i32).into()),
            Kind::Sint64 => Node::Int(zigzag(bits)),
            Kind::Bool => Node::Bool(bits != 0),
            Kind::Enum(of) => match self.program.enums[of].symbols.get(&(bits as i32)) {
                Some(symbol) => Node::Name(*symbol),
                None => Node::Int((bits as i32).into()),
            },
            Kind::Text => {
                let text = std::str::from_utf8(&bytes[from as usize..to as usize]).map_err(|_| Reason::NotUtf8)?;
                Node::Text(self.own_text(text))
            }
            Kind::Bytes => {
                let all = &mut self.tree.bytes;
                let begin = all.len() as u32;
                all.extend_from_slice(&bytes[from as usize..to as usize]);
                Node::Bytes(Span { from: begin, to: all.len() as u32 })
            }
            Kind::Message(_) | Kind::Group(_) => return Err(Reason::SchemaUnsupported),
        })
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

    fn name(&mut self, name: NameId, object: u32) -> Result<(), Reason> {
        self.left = self.left.checked_sub(1).ok_or(Reason::TooLarge)?;
        let place = name.checked_sub(self.first_place).unwrap_or(NOWHERE);
        debug_assert_ne!(place, RECORD);
        self.tree.key(Node::Name(name), place, object);
        Ok(())
    }

    fn push(&mut self, node: Node) -> Result<(), Reason> {
        self.left = self.left.checked_sub(1).ok_or(Reason::TooLarge)?;
        self.tree.nodes.push(node);
        Ok(())
    }

    fn own_text(&mut self, text: &str) -> Span {
        let texts = &mut self.tree.texts;
        let from = texts.len() as u32;
        texts.push_str(text);
        Span { from, to: texts.len() as u32 }
    }
}
