//! Records as their producers write them: JSON, or Avro with or without a frame.

use crate::demo::mesh::Encoding;
use apache_avro::Schema;
use apache_avro::types::Value as Avro;
use apache_avro::writer::datum::GenericDatumWriter;
use serde_json::Value;

pub struct Encoder {
    /// What stands before a value.
    frame: Vec<u8>,
    /// `None`: JSON.
    schema: Option<Schema>,
}

impl Encoder {
    pub fn new(encoding: Encoding) -> anyhow::Result<Encoder> {
        let schema = encoding.schema().map(Schema::parse_str).transpose()?;
        let frame = match encoding {
            Encoding::Framed(id, _) => [&[0], &id.to_be_bytes()[..]].concat(),
            Encoding::Json | Encoding::Avro(_) => Vec::new(),
        };
        Ok(Encoder { frame, schema })
    }

    pub fn encode(&self, record: &Value) -> anyhow::Result<Vec<u8>> {
        let Some(schema) = &self.schema else { return Ok(serde_json::to_vec(record)?) };
        let datum = avro(record).resolve(schema)?;
        let mut bytes = self.frame.clone();
        bytes.extend(GenericDatumWriter::builder(schema).build()?.write_value_to_vec(datum)?);
        Ok(bytes)
    }
}

/// The record as Avro has it before a schema says more.
fn avro(value: &Value) -> Avro {
    match value {
        Value::Null => Avro::Null,
        Value::Bool(value) => Avro::Boolean(*value),
        Value::Number(number) => number.as_i64().map_or(Avro::Double(number.as_f64().unwrap_or_default()), Avro::Long),
        Value::String(text) => Avro::String(text.clone()),
        Value::Array(items) => Avro::Array(items.iter().map(avro).collect()),
        Value::Object(fields) => Avro::Record(fields.iter().map(|(name, value)| (name.clone(), avro(value))).collect()),
    }
}
