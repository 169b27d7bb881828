//! What a contract says of how records are encoded: `steward.encoding`, `steward.avroSchema`, `steward.protobufSchema` and
//! `steward.protobufMessage`.

use crate::engine::contract::problem::{Place, Problems};
use crate::engine::contract::yaml::{Node, Value};
use crate::engine::decode::framing::Encoding;
use crate::engine::decode::protobuf::schema::ProtobufSchema;
use crate::engine::decode::schema::AvroSchema;
use std::sync::Arc;

/// The properties, where they are given.
#[derive(Clone, Debug, Default)]
pub struct Stated {
    pub encoding: Option<(Word, Place)>,
    pub schema: Option<Arc<AvroSchema>>,
    pub protobuf: Option<Arc<ProtobufSchema>>,
    /// The name of the message; without it the schema's first.
    pub message: Option<(String, Place)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Json,
    Avro,
    Protobuf,
    Registry,
}

impl Word {
    pub fn named(name: &str) -> Option<Word> {
        Some(match name {
            "json" => Word::Json,
            "avro" => Word::Avro,
            "protobuf" => Word::Protobuf,
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
        problems.beyond(at, "bad-schema", what, remedy);
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

/// Reads `steward.protobufSchema`: the text of a `.proto` file.
pub fn protobuf(text: &str, at: &Place, problems: &Problems) -> Option<Arc<ProtobufSchema>> {
    match ProtobufSchema::parse(text, &[]) {
        Ok(schema) => Some(Arc::new(schema)),
        Err(error) => {
            problems.beyond(
                at,
                "bad-schema",
                format!("steward.protobufSchema is no Protobuf schema: {error}"),
                "correct it; without a registry it may import nothing but google/protobuf and confluent",
            );
            None
        }
    }
}

impl Stated {
    /// What an object's records are encoded in. What the object says goes before what the contract says.
    pub fn encoding(&self, of_contract: &Stated, problems: &Problems) -> Encoding {
        let schema = self.schema.clone().or_else(|| of_contract.schema.clone());
        let word = self.encoding.as_ref().or(of_contract.encoding.as_ref());
        let protobuf = self.protobuf.as_ref().or(of_contract.protobuf.as_ref());
        match (word, protobuf, &schema) {
            (Some((Word::Protobuf, _)), Some(protobuf), _) | (None, Some(protobuf), None) => {
                return self.message(of_contract, protobuf, problems);
            }
            (Some((Word::Protobuf, at)), None, _) => {
                problems.beyond(
                    at,
                    "no-schema",
                    "steward.encoding is protobuf, and there is no steward.protobufSchema that can be read",
                    "give the schema as steward.protobufSchema, or write registry where records are framed",
                );
                return Encoding::Unsaid;
            }
            _ => {}
        }
        match (word, schema) {
            (None, None) => Encoding::Unsaid,
            (None | Some((Word::Avro, _)), Some(schema)) => Encoding::Avro(schema),
            // Told above.
            (Some((Word::Protobuf, _)), _) => Encoding::Unsaid,
            (Some((Word::Registry, _)), schema) => Encoding::Registry(schema),
            (Some((Word::Json, _)), None) => Encoding::Json,
            (Some((Word::Json, at)), Some(_)) => {
                problems.beyond(
                    at,
                    "contradiction",
                    "steward.encoding is json, and there is a steward.avroSchema",
                    "remove one of them",
                );
                Encoding::Json
            }
            (Some((Word::Avro, at)), None) => {
                problems.beyond(
                    at,
                    "no-schema",
                    "steward.encoding is avro, and there is no steward.avroSchema that can be read",
                    "give the schema as steward.avroSchema, or write registry where records are framed",
                );
                Encoding::Unsaid
            }
        }
    }

    fn message(&self, of_contract: &Stated, schema: &Arc<ProtobufSchema>, problems: &Problems) -> Encoding {
        let named = self.message.as_ref().or(of_contract.message.as_ref());
        match schema.by_name(named.map(|(name, _)| name.as_str())) {
            Some(message) => Encoding::Protobuf(schema.clone(), message),
            None => {
                if let Some((name, at)) = named {
                    problems.beyond(
                        at,
                        "unknown-message",
                        format!("steward.protobufSchema has no message {name}"),
                        format!("use one of {}", schema.names().join(", ")),
                    );
                }
                Encoding::Unsaid
            }
        }
    }
}
