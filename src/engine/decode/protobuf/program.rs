//! Messages as tables: which fields there are, how each is written, and what it is called.

use crate::engine::decode::fields::{Fields, NOWHERE, Place, RECORD};
use crate::engine::decode::protobuf::known::Known;
use crate::engine::decode::protobuf::wire::Form;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// All messages of a schema.
#[derive(Clone, Debug)]
pub struct Program {
    pub messages: Vec<Message>,
    pub enums: Vec<Enum>,
    /// Of fields and symbols, and behind them those of the places.
    pub names: Arc<[Box<str>]>,
    /// Whose places are told; of a program that `place` has not made, the record's alone.
    pub fields: Arc<Fields>,
}

/// An index into `Program::messages`.
pub type MessageId = u32;
/// An index into `Program::names`.
pub type NameId = u32;

#[derive(Clone, Debug)]
pub struct Message {
    pub known: Known,
    /// By number, which is how most are written.
    pub fields: Vec<Field>,
    /// How many `oneof`s it has.
    pub oneofs: usize,
}

#[derive(Clone, Debug)]
pub struct Field {
    pub number: u32,
    pub name: NameId,
    pub place: Place,
    pub kind: Kind,
    pub often: Often,
    /// Which `oneof` of its message it belongs to.
    pub oneof: Option<usize>,
    /// Of a map: how the values of keys that have places are read, by place.
    pub named: Vec<(Place, MessageId)>,
}

/// How often a field is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Often {
    /// Not to be there says nothing, and the default stands: proto3 without `optional`.
    Always,
    /// Once or not at all.
    Optional,
    /// proto2.
    Required,
    Repeated,
    /// Entries of a message whose fields 1 and 2 are key and value.
    Map,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    Text,
    Bytes,
    /// An index into `Program::enums`.
    Enum(usize),
    Message(MessageId),
    Group(MessageId),
}

#[derive(Clone, Debug)]
pub struct Enum {
    pub symbols: FxHashMap<i32, NameId>,
    /// proto2: a number without a symbol is no value of it.
    pub closed: bool,
}

/// Messages with places, beside those of the schema.
const MESSAGES_MAX: usize = 20_000;

impl Message {
    /// The field of a number. Mostly they are numbered from 1 without a hole.
    #[inline]
    pub fn find(&self, number: u32) -> Option<usize> {
        let likely = number as usize - 1;
        match self.fields.get(likely) {
            Some(field) if field.number == number => Some(likely),
            _ => self.fields.binary_search_by_key(&number, |field| field.number).ok(),
        }
    }
}

impl Field {
    /// Whether it may be written so; otherwise it is passed over, as a field that nobody knows.
    pub fn takes(&self, form: Form) -> bool {
        form == self.kind.form() || self.often == Often::Repeated && form == Form::Sized && self.kind.may_be_packed()
    }
}

impl Kind {
    pub fn form(self) -> Form {
        match self {
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => Form::Fixed64,
            Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => Form::Fixed32,
            Kind::Text | Kind::Bytes | Kind::Message(_) => Form::Sized,
            Kind::Group(_) => Form::Group,
            _ => Form::Varint,
        }
    }

    pub fn may_be_packed(self) -> bool {
        !matches!(self.form(), Form::Sized | Form::Group)
    }
}

impl Program {
    /// The same, telling where the fields of a contract are: along their paths messages are copied, each for its place.
    /// The error says that there would be too many.
    pub fn place(&self, root: MessageId, fields: &Arc<Fields>) -> Result<(Program, MessageId), String> {
        let names = self.names.iter().cloned().chain(fields.names()).collect();
        let mut placer = Placer { program: self.clone(), first: self.names.len() as NameId, fields };
        let root = placer.message(root, RECORD)?;
        Ok((Program { names, fields: fields.clone(), ..placer.program }, root))
    }
}

struct Placer<'f> {
    program: Program,
    /// The name of the first place.
    first: NameId,
    fields: &'f Fields,
}

impl Placer<'_> {
    /// Recursion goes as deep as the contract does.
    fn message(&mut self, id: MessageId, at: Place) -> Result<MessageId, String> {
        if !self.fields.holds_more(at) {
            return Ok(id);
        }
        let mut message = self.program.messages[id as usize].clone();
        for field in &mut message.fields {
            let place = self.fields.child(at, &self.program.names[field.name as usize]);
            if place == NOWHERE {
                continue;
            }
            (field.name, field.place) = (self.first + place, place);
            match (field.often, field.kind) {
                (Often::Map, Kind::Message(entry)) => field.named = self.named(entry, place)?,
                (Often::Repeated, kind) => field.kind = self.kind(kind, self.fields.items(place))?,
                (_, kind) => field.kind = self.kind(kind, place)?,
            }
        }
        if self.program.messages.len() >= MESSAGES_MAX {
            return Err(format!("with the places of the contract's fields it has more than {MESSAGES_MAX} messages"));
        }
        self.program.messages.push(message);
        Ok(self.program.messages.len() as MessageId - 1)
    }

    fn kind(&mut self, kind: Kind, at: Place) -> Result<Kind, String> {
        Ok(match kind {
            Kind::Message(id) => Kind::Message(self.message(id, at)?),
            Kind::Group(id) => Kind::Group(self.message(id, at)?),
            other => other,
        })
    }

    /// Of each key that has a place, how its value's message is read.
    fn named(&mut self, entry: MessageId, at: Place) -> Result<Vec<(Place, MessageId)>, String> {
        let value = self.program.messages[entry as usize].fields.get(1).map(|field| field.kind);
        let Some(Kind::Message(value)) = value else { return Ok(Vec::new()) };
        let children = self.fields.children(at).into_iter();
        children.map(|place| Ok((place, self.message(value, place)?))).collect()
    }
}
