//! Records into values, whatever they are encoded in.

use crate::engine::decode::avro::program::Program;
use crate::engine::decode::avro::walk;
use crate::engine::decode::framing::{self, Encoding, Form, Unknown, Written};
use crate::engine::decode::json;
use crate::engine::decode::reason::{Reason, Undecodable};
use crate::engine::decode::schema::{AvroSchema, SchemaRef, Schemas};
use crate::engine::decode::tree::{Tree, Value};
use crate::engine::record::RawRecord;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Pairs of a registry's schema and a contract's that are kept compiled. A topic has a handful of versions at a time; with
/// more than this the memory starts again, which costs compilations.
const PAIRS_MAX: usize = 256;

/// Holds what is kept between two records.
#[derive(Debug, Default)]
pub struct Decoder {
    /// `None`: there is no registry, and a frame cannot be read.
    schemas: Option<Arc<Schemas>>,
    tree: Tree,
    pairs: Pairs,
    /// Where the text of the last record begins, to which the tree's nodes point; Avro's point nowhere.
    text_from: Option<usize>,
}

/// By the writer's name, and the address of the reader's, which the pair holds.
type Pairs = FxHashMap<(SchemaRef, usize), Pair>;

/// Records of one schema as another wants them.
#[derive(Debug)]
struct Pair {
    /// Held, so that no other takes its address.
    _wanted: Arc<AvroSchema>,
    /// `None`: the two make no program.
    program: Option<Program>,
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

    /// Reads the value of a record that is no tombstone.
    pub fn record<'a>(
        &'a mut self,
        encoding: &Encoding,
        record: &RawRecord<'_>,
        value: &'a [u8],
    ) -> Result<Value<'a>, Unread> {
        let Decoder { schemas, tree, pairs, text_from } = self;
        *text_from = None;
        let read = match framing::form(encoding, schemas.as_deref(), record.schema_header, value) {
            Err(Unknown::Needs(reference)) => return Err(Unread::Needs(reference)),
            Err(Unknown::Undecodable(reason)) => Err(Undecodable { reason, at: 0 }),
            Ok(Form::Json { from }) => {
                *text_from = Some(from);
                json::record(tree, &value[from..])
                    .map_err(|Undecodable { reason, at }| Undecodable { reason, at: from + at })
            }
            Ok(Form::Avro { written, wanted, from }) => match program(written, wanted, pairs) {
                Some(program) => walk::record(tree, program, value, from),
                None => Err(Undecodable { reason: Reason::SchemaUnsupported, at: 0 }),
            },
        };
        read.map_err(Unread::Undecodable)
    }

    /// The value of the last record, which was read, from the same bytes.
    pub fn again<'a>(&'a self, value: &'a [u8]) -> Value<'a> {
        self.tree.again(self.text_from.and_then(|from| value.get(from..)).unwrap_or_default())
    }
}

fn program<'p>(written: Written<'p>, wanted: Option<&Arc<AvroSchema>>, pairs: &'p mut Pairs) -> Option<&'p Program> {
    let (Some(wanted), Some(reference)) = (wanted, written.reference) else { return Some(written.schema.program()) };
    let key = (reference, Arc::as_ptr(wanted).addr());
    if !pairs.contains_key(&key) {
        if pairs.len() >= PAIRS_MAX {
            pairs.clear();
        }
        let program = written.schema.read_as(wanted).ok();
        pairs.insert(key, Pair { _wanted: wanted.clone(), program });
    }
    pairs.get(&key)?.program.as_ref()
}
