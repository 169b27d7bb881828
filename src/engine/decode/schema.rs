//! Schemas of a registry: what a record names, and what is known of it.

use crate::engine::decode::avro::compile;
use crate::engine::decode::avro::program::Program;
use crate::engine::decode::protobuf::schema::ProtobufSchema;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Schemas that a schema may refer to, directly or not: parsing follows them one within the other, on a stack of 2 MiB.
const REFERENCES_MAX: usize = 200;

/// What is known of a registry's schemas at one moment; shared by `Arc`, replaced as a whole.
#[derive(Clone, Debug, Default)]
pub struct Schemas {
    known: FxHashMap<SchemaRef, Registered>,
}

/// How a record names the schema that it was written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SchemaRef {
    /// Of one registry.
    Id(u32),
    /// The same in every registry.
    Guid(u128),
}

/// What a registry said.
#[derive(Clone, Debug)]
pub enum Registered {
    Avro(Arc<AvroSchema>),
    Protobuf(Arc<ProtobufSchema>),
    /// JSON Schema: the value is JSON.
    Json,
    /// A schema that is not read here, with the reason.
    Unsupported(String),
    /// The registry has no such schema.
    Absent,
    /// The registry could not be asked, with the reason: given up for now.
    Unavailable(String),
}

/// An Avro schema with all that it refers to.
#[derive(Debug)]
pub struct AvroSchema {
    /// The schema itself first.
    all: Vec<apache_avro::Schema>,
    /// Its records as they were written.
    program: Program,
}

impl Schemas {
    pub fn get(&self, reference: SchemaRef) -> Option<&Registered> {
        self.known.get(&reference)
    }

    /// The same, and what the registry said of one more.
    pub fn with(&self, reference: SchemaRef, registered: Registered) -> Schemas {
        let mut known = self.known.clone();
        known.insert(reference, registered);
        Schemas { known }
    }
}

impl FromIterator<(SchemaRef, Registered)> for Schemas {
    fn from_iter<I: IntoIterator<Item = (SchemaRef, Registered)>>(known: I) -> Schemas {
        Schemas { known: known.into_iter().collect() }
    }
}

impl AvroSchema {
    /// Reads a schema. `references`: the schemas that it names, each by its name, in any order; those that they name
    /// are among them. The error says what is wrong with which.
    pub fn parse(text: &str, references: &[(&str, &str)]) -> Result<AvroSchema, String> {
        let mut texts: Vec<&str> = references.iter().map(|(_, text)| *text).collect();
        texts.sort_unstable();
        texts.dedup();
        if texts.len() > REFERENCES_MAX {
            return Err(format!(
                "it refers to {} schemas, and no more than {REFERENCES_MAX} are followed",
                texts.len()
            ));
        }
        let (root, others) = apache_avro::Schema::parse_str_with_list(text, texts).map_err(|e| e.to_string())?;
        let all: Vec<_> = std::iter::once(root).chain(others).collect();
        let program = compile::compile(&all, None)?;
        Ok(AvroSchema { all, program })
    }

    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Its records as a reader's schema wants them.
    pub fn read_as(&self, wanted: &AvroSchema) -> Result<Program, String> {
        compile::compile(&self.all, Some(&wanted.all))
    }

    pub fn is_record(&self) -> bool {
        matches!(self.all.first(), Some(apache_avro::Schema::Record(_)))
    }
}

impl std::fmt::Display for SchemaRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SchemaRef::Id(id) => write!(f, "schema {id}"),
            SchemaRef::Guid(guid) => write!(f, "schema {}", uuid::Uuid::from_u128(*guid)),
        }
    }
}
