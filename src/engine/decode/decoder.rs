//! Records into values, whatever they are encoded in.

use crate::engine::decode::avro::program::Program;
use crate::engine::decode::avro::{place, walk};
use crate::engine::decode::fields::Fields;
use crate::engine::decode::framing::{self, Encoding, Form, Named, Unknown, Written};
use crate::engine::decode::json;
use crate::engine::decode::names::Names;
use crate::engine::decode::protobuf;
use crate::engine::decode::protobuf::program::MessageId;
use crate::engine::decode::protobuf::schema::ProtobufSchema;
use crate::engine::decode::reason::{Reason, Undecodable};
use crate::engine::decode::schema::{AvroSchema, SchemaRef, Schemas};
use crate::engine::decode::tree::{Tree, Value};
use crate::engine::record::RawRecord;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Programs that are kept. A topic has a handful of versions at a time; with more than this the memory starts again, which
/// costs compilations.
const PROGRAMS_MAX: usize = 256;
/// Contracts of whose records the names are remembered; those of a task's topics, and after a change the new ones. With more
/// than this the memory starts again, which costs a look by name for each field.
const CONTRACTS_MAX: usize = 256;

/// Holds what is kept between two records.
#[derive(Debug, Default)]
pub struct Decoder {
    /// `None`: there is no registry, and a frame cannot be read.
    schemas: Option<Arc<Schemas>>,
    tree: Tree,
    programs: Programs,
    messages: Messages,
    /// By the address of the contract's fields, which they hold.
    names: FxHashMap<usize, Names>,
}

/// By the addresses of the three that they are made of, which they hold.
type Programs = FxHashMap<(usize, usize, usize), Compiled>;

/// Records of one schema, as another wants them, with the places of a contract's fields.
#[derive(Debug)]
struct Compiled {
    /// Held, so that no others take their addresses.
    _of: (Arc<AvroSchema>, Option<Arc<AvroSchema>>, Arc<Fields>),
    /// `None`: they make no program.
    program: Option<Program>,
}

/// By the addresses of a schema and of the contract's fields, which they hold, and the message.
type Messages = FxHashMap<(usize, usize, MessageId), Placed>;

/// Messages of one kind, with the places of a contract's fields.
#[derive(Debug)]
struct Placed {
    /// Held, so that no others take their addresses.
    _of: (Arc<ProtobufSchema>, Arc<Fields>),
    /// `None`: there would be too many places.
    program: Option<(protobuf::program::Program, MessageId)>,
}

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    Undecodable(Undecodable),
    /// The record names a schema of which nothing is known yet.
    Needs(SchemaRef),
}

impl Decoder {
    /// Whether what is known suffices for records that name this schema, to whatever end.
    pub fn knows(&self, schema: SchemaRef) -> bool {
        self.schemas.as_ref().is_none_or(|schemas| schemas.get(schema).is_some())
    }

    /// There is a registry, and this is what is known of its schemas from now on.
    pub fn replace_schemas(&mut self, schemas: Arc<Schemas>) {
        self.schemas = Some(schemas);
    }

    /// Reads the value of a record that is no tombstone, and finds the places of these fields in it.
    pub fn record<'a>(
        &'a mut self,
        encoding: &Encoding,
        fields: &Arc<Fields>,
        record: &RawRecord<'_>,
        value: &[u8],
    ) -> Result<Value<'a>, Unread> {
        let Decoder { schemas, tree, programs, messages, names } = self;
        let read = match framing::form(encoding, schemas.as_deref(), record.schema_header, value) {
            Err(Unknown::Needs(reference)) => return Err(Unread::Needs(reference)),
            Err(Unknown::Undecodable(reason)) => Err(Undecodable { reason, at: 0 }),
            Ok(Form::Json { from }) => json::record(tree, remembered(names, fields), &value[from..])
                .map_err(|Undecodable { reason, at }| Undecodable { reason, at: from + at }),
            Ok(Form::Avro { written, wanted, from }) => match program(written, wanted, fields, programs) {
                Some(program) => walk::record(tree, program, value, from),
                None => Err(Undecodable { reason: Reason::SchemaUnsupported, at: 0 }),
            },
            Ok(Form::Protobuf { schema, message, from }) => match message_of(schema, message, value, from) {
                Ok((message, from)) => match placed(schema, message, fields, messages) {
                    Some((program, root)) => protobuf::walk::record(tree, program, *root, value, from),
                    None => Err(Undecodable { reason: Reason::SchemaUnsupported, at: 0 }),
                },
                Err(reason) => Err(Undecodable { reason, at: from }),
            },
        };
        read.map_err(Unread::Undecodable)
    }

    /// The value of the last record, which was read.
    pub fn again(&self) -> Value<'_> {
        self.tree.root()
    }
}

fn remembered<'n>(names: &'n mut FxHashMap<usize, Names>, fields: &Arc<Fields>) -> &'n mut Names {
    let key = Arc::as_ptr(fields).addr();
    if names.len() >= CONTRACTS_MAX && !names.contains_key(&key) {
        names.clear();
    }
    names.entry(key).or_insert_with(|| Names::of(fields))
}

/// Which message a value is, and where it begins.
fn message_of(
    schema: &ProtobufSchema,
    named: Named<'_>,
    value: &[u8],
    from: usize,
) -> Result<(MessageId, usize), Reason> {
    let by_path = |bytes: &[u8]| {
        let (path, length) = protobuf::known::message_path(bytes)?;
        Ok((schema.by_path(&path).ok_or(Reason::WrongMessageIndex)?, length))
    };
    match named {
        Named::Message(id) => Ok((id, from)),
        Named::Before => {
            let (id, length) = by_path(value.get(from..).unwrap_or_default())?;
            Ok((id, from + length))
        }
        Named::Header(path) => match by_path(path)? {
            (id, length) if length == path.len() => Ok((id, from)),
            _ => Err(Reason::BadSchemaHeader),
        },
    }
}

fn placed<'p>(
    schema: &Arc<ProtobufSchema>,
    message: MessageId,
    fields: &Arc<Fields>,
    messages: &'p mut Messages,
) -> Option<&'p (protobuf::program::Program, MessageId)> {
    let key = (Arc::as_ptr(schema).addr(), Arc::as_ptr(fields).addr(), message);
    if messages.len() >= PROGRAMS_MAX && !messages.contains_key(&key) {
        messages.clear();
    }
    let placed = messages.entry(key).or_insert_with(|| Placed {
        _of: (schema.clone(), fields.clone()),
        program: schema.program().place(message, fields).ok(),
    });
    placed.program.as_ref()
}

fn program<'p>(
    written: Written<'_>,
    wanted: Option<&Arc<AvroSchema>>,
    fields: &Arc<Fields>,
    programs: &'p mut Programs,
) -> Option<&'p Program> {
    let Written { schema, reference } = written;
    // What nobody has given a name to is written as it is wanted.
    let wanted = wanted.filter(|_| reference.is_some());
    let address = |schema: &Arc<AvroSchema>| Arc::as_ptr(schema).addr();
    let key = (address(schema), wanted.map_or(0, address), Arc::as_ptr(fields).addr());
    if programs.len() >= PROGRAMS_MAX && !programs.contains_key(&key) {
        programs.clear();
    }
    let compiled = programs.entry(key).or_insert_with(|| {
        let program = match wanted {
            None => place::place(schema.program(), fields),
            Some(wanted) => schema.read_as(wanted).and_then(|program| place::place(&program, fields)),
        };
        Compiled { _of: (schema.clone(), wanted.cloned(), fields.clone()), program: program.ok() }
    });
    compiled.program.as_ref()
}
