//! What a contract says of how records are encoded: `steward.encoding` and `steward.avroSchema`.

use crate::engine::contract::problem::{Place, Problems};
use crate::engine::contract::yaml::{Node, Value};
use crate::engine::decode::framing::Encoding;
use crate::engine::decode::schema::AvroSchema;
use std::sync::Arc;

/// The two properties, where they are given.
#[derive(Clone, Debug, Default)]
pub struct Stated {
    pub encoding: Option<(Word, Place)>,
    pub schema: Option<Arc<AvroSchema>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Json,
    Avro,
    Registry,
}

impl Word {
    pub fn named(name: &str) -> Option<Word> {
        Some(match name {
            "json" => Word::Json,
            "avro" => Word::Avro,
            "registry" => Word::Registry,
            _ => return None,
        })
    }
}

/// Reads `steward.avroSchema`: JSON text, or the same as YAML.
pub fn schema(node: &Node, at: &Place, problems: &Problems) -> Option<Arc<AvroSchema>> {
    let parsed = match &node.value {
        Value::Text(text) => AvroSchema::parse(text, &[]),
        _ => AvroSchema::parse(&node.json().to_string(), &[]),
    };
    let refuse = |what: String, remedy: &str| {
        problems.semantic(at, what, remedy);
        None
    };
    match parsed {
        Ok(schema) if schema.is_record() => Some(Arc::new(schema)),
        Ok(_) => {
            refuse("steward.avroSchema is no record".into(), "give the schema of a record: its fields are the object's")
        }
        Err(error) => refuse(
            format!("steward.avroSchema is no Avro schema: {error}"),
            "correct it; every record would be read without it, and most likely not at all",
        ),
    }
}

impl Stated {
    /// What an object's records are encoded in. What the object says goes before what the contract says.
    pub fn encoding(&self, of_contract: &Stated, problems: &Problems) -> Encoding {
        let schema = self.schema.clone().or_else(|| of_contract.schema.clone());
        let word = self.encoding.as_ref().or(of_contract.encoding.as_ref());
        match (word, schema) {
            (None, None) => Encoding::Unsaid,
            (None | Some((Word::Avro, _)), Some(schema)) => Encoding::Avro(schema),
            (Some((Word::Registry, _)), schema) => Encoding::Registry(schema),
            (Some((Word::Json, _)), None) => Encoding::Json,
            (Some((Word::Json, at)), Some(_)) => {
                problems.semantic(
                    at,
                    "steward.encoding is json, and there is a steward.avroSchema",
                    "remove one of them",
                );
                Encoding::Json
            }
            (Some((Word::Avro, at)), None) => {
                problems.semantic(
                    at,
                    "steward.encoding is avro, and there is no steward.avroSchema that can be read",
                    "give the schema as steward.avroSchema, or write registry where records are framed",
                );
                Encoding::Unsaid
            }
        }
    }
}
