//! What a record's value is: JSON, Avro or Protobuf, and by which schema. The contract says so, a header, or the first byte.

use crate::engine::decode::protobuf::program::MessageId;
use crate::engine::decode::protobuf::schema::ProtobufSchema;
use crate::engine::decode::reason::Reason;
use crate::engine::decode::schema::{AvroSchema, Registered, SchemaRef, Schemas};
use std::sync::Arc;

/// What a contract says of the values of a topic.
#[derive(Clone, Debug, Default)]
pub enum Encoding {
    /// Nothing. Then what begins with a frame is read by the registry's schema, where there is a registry, and all else
    /// is JSON.
    #[default]
    Unsaid,
    Json,
    /// Avro without a frame, by this schema. Where a header names the schema that it was written with, by both.
    Avro(Arc<AvroSchema>),
    /// Protobuf without a frame: this message of this schema.
    Protobuf(Arc<ProtobufSchema>, MessageId),
    /// Framed, or with a header; read as this schema wants it, else as it was written.
    Registry(Option<Arc<AvroSchema>>),
}

/// How a value is read, from its byte `from` on.
#[derive(Clone, Copy, Debug)]
pub enum Form<'s> {
    Json { from: usize },
    Avro { written: Written<'s>, wanted: Option<&'s Arc<AvroSchema>>, from: usize },
    Protobuf { schema: &'s Arc<ProtobufSchema>, message: Named<'s>, from: usize },
}

/// Which message of a Protobuf schema a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'s> {
    Message(MessageId),
    /// By the path of indexes that the value begins with.
    Before,
    /// By the path of indexes that ends the header.
    Header(&'s [u8]),
}

/// The schema that a value was written with, and its name where a registry has given it one.
#[derive(Clone, Copy, Debug)]
pub struct Written<'s> {
    pub schema: &'s Arc<AvroSchema>,
    pub reference: Option<SchemaRef>,
}

/// Why a value's form is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    Undecodable(Reason),
    Needs(SchemaRef),
}

/// `schemas`: what is known of the registry's; `None` where there is no registry.
pub fn form<'s>(
    encoding: &'s Encoding,
    schemas: Option<&'s Schemas>,
    header: Option<&'s [u8]>,
    value: &[u8],
) -> Result<Form<'s>, Unknown> {
    let wanted = match encoding {
        Encoding::Json => return Ok(Form::Json { from: 0 }),
        Encoding::Avro(schema) | Encoding::Registry(Some(schema)) => Some(schema),
        Encoding::Unsaid | Encoding::Registry(None) | Encoding::Protobuf(..) => None,
    };
    if let (Some(schemas), Some(header)) = (schemas, header) {
        let bad = Err(Unknown::Undecodable(Reason::BadSchemaHeader));
        let Some(Ok((reference, length))) = name(header) else { return bad };
        return match (registered(schemas, reference, wanted, 0)?, &header[length..]) {
            (Form::Protobuf { schema, from, .. }, path) => {
                let message = if path.is_empty() { Named::Before } else { Named::Header(path) };
                Ok(Form::Protobuf { schema, message, from })
            }
            (form, []) => Ok(form),
            _ => bad,
        };
    }
    if let Encoding::Protobuf(schema, message) = encoding {
        return Ok(Form::Protobuf { schema, message: Named::Message(*message), from: 0 });
    }
    if let Encoding::Avro(schema) = encoding {
        return Ok(Form::Avro { written: Written { schema, reference: None }, wanted: None, from: 0 });
    }
    let may_be_json = matches!(encoding, Encoding::Unsaid);
    match (name(value), schemas) {
        // A frame without a registry: the reader of JSON says so.
        (_, None) if may_be_json => Ok(Form::Json { from: 0 }),
        (Some(Ok((reference, length))), Some(schemas)) => registered(schemas, reference, wanted, length),
        (Some(Err(reason)), Some(_)) => Err(Unknown::Undecodable(reason)),
        (Some(_), None) => Err(Unknown::Undecodable(Reason::Framed)),
        (None, _) if may_be_json && value.first().is_none_or(|byte| may_begin_text(*byte)) => {
            Ok(Form::Json { from: 0 })
        }
        (None, _) => Err(Unknown::Undecodable(Reason::BadMagic)),
    }
}

fn registered<'s>(
    schemas: &'s Schemas,
    reference: SchemaRef,
    wanted: Option<&'s Arc<AvroSchema>>,
    from: usize,
) -> Result<Form<'s>, Unknown> {
    let reason = match schemas.get(reference) {
        None => return Err(Unknown::Needs(reference)),
        Some(Registered::Avro(schema)) => {
            return Ok(Form::Avro { written: Written { schema, reference: Some(reference) }, wanted, from });
        }
        Some(Registered::Json) => return Ok(Form::Json { from }),
        Some(Registered::Protobuf(schema)) => return Ok(Form::Protobuf { schema, message: Named::Before, from }),
        Some(Registered::Unsupported(_)) => Reason::SchemaUnsupported,
        Some(Registered::Absent) => Reason::UnknownSchema,
        Some(Registered::Unavailable(_)) => Reason::SchemaUnavailable,
    };
    Err(Unknown::Undecodable(reason))
}

/// The schema id at the start of a value or a header, and its length: a zero byte and four of an id, or a one and
/// sixteen of a GUID. `None`: it begins with another byte.
fn name(bytes: &[u8]) -> Option<Result<(SchemaRef, usize), Reason>> {
    let reference = match bytes {
        [0, rest @ ..] => rest.first_chunk().map(|id| (SchemaRef::Id(u32::from_be_bytes(*id)), 5)),
        [1, rest @ ..] => rest.first_chunk().map(|guid| (SchemaRef::Guid(u128::from_be_bytes(*guid)), 17)),
        _ => return None,
    };
    Some(reference.ok_or(Reason::Truncated))
}

/// ASCII but for control characters; JSON begins with nothing else, and neither frame begins so.
fn may_begin_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}"#;

    /// What is made of a value, in a word: `json+5`, `avro+0`, `needs schema 7`, or the reason.
    fn told(encoding: &Encoding, schemas: Option<&Schemas>, header: Option<&[u8]>, value: &[u8]) -> String {
        match form(encoding, schemas, header, value) {
            Ok(Form::Json { from }) => format!("json+{from}"),
            Ok(Form::Avro { wanted, from, written }) => {
                let as_wanted = if wanted.is_some() { " as wanted" } else { "" };
                let by = written.reference.map_or("own schema".into(), |r| r.to_string());
                format!("avro+{from} by {by}{as_wanted}")
            }
            Ok(Form::Protobuf { message, from, .. }) => format!("protobuf+{from} {message:?}"),
            Err(Unknown::Needs(reference)) => format!("needs {reference}"),
            Err(Unknown::Undecodable(reason)) => reason.word().into(),
        }
    }

    #[test]
    fn the_contract_the_header_and_the_first_byte_say_what_a_value_is() {
        let schema = Arc::new(AvroSchema::parse(RECORD, &[]).expect("a schema"));
        let protobuf = Arc::new(ProtobufSchema::parse("syntax = \"proto3\"; message M {}", &[]).expect("a schema"));
        let raw = Encoding::Protobuf(protobuf.clone(), 3);
        let guid = |n: u8| [vec![1], vec![n; 16]].concat();
        let known = Schemas::default()
            .with(SchemaRef::Id(1), Registered::Avro(schema.clone()))
            .with(SchemaRef::Guid(u128::from_be_bytes([2; 16])), Registered::Avro(schema.clone()))
            .with(SchemaRef::Id(2), Registered::Json)
            .with(SchemaRef::Id(7), Registered::Protobuf(protobuf.clone()))
            .with(SchemaRef::Guid(u128::from_be_bytes([7; 16])), Registered::Protobuf(protobuf.clone()))
            .with(SchemaRef::Id(3), Registered::Unsupported("PROTOBUF".into()))
            .with(SchemaRef::Id(4), Registered::Absent)
            .with(SchemaRef::Id(5), Registered::Unavailable("503".into()));
        let frame = |id: u8| vec![0, 0, 0, 0, id, 9];
        let (unsaid, json) = (Encoding::Unsaid, Encoding::Json);
        let (avro, registry) = (Encoding::Avro(schema.clone()), Encoding::Registry(None));
        let reader = Encoding::Registry(Some(schema.clone()));
        let with = Some(&known);
        for (encoding, schemas, header, value, expected) in [
            (&unsaid, None, None, b"{}".to_vec(), "json+0"),
            (&unsaid, None, None, frame(1), "json+0"),
            (&unsaid, None, Some(guid(2)), b"{}".to_vec(), "json+0"),
            (&unsaid, with, None, b" [".to_vec(), "json+0"),
            (&unsaid, with, None, b"".to_vec(), "json+0"),
            (&unsaid, with, None, b"\x06".to_vec(), "bad_magic"),
            (&unsaid, with, None, b"\xef\xbb\xbf{}".to_vec(), "bad_magic"),
            (&unsaid, with, None, frame(1), "avro+5 by schema 1"),
            (&unsaid, with, None, frame(2), "json+5"),
            (&unsaid, with, None, frame(3), "schema_unsupported"),
            (&unsaid, with, None, frame(4), "unknown_schema"),
            (&unsaid, with, None, frame(5), "schema_unavailable"),
            (&unsaid, with, None, frame(6), "needs schema 6"),
            (&unsaid, with, None, vec![0, 0, 0, 1], "truncated"),
            (&unsaid, with, None, vec![1, 0, 0, 1], "truncated"),
            (&unsaid, with, None, guid(2), "avro+17 by schema 02020202-0202-0202-0202-020202020202"),
            (&unsaid, with, Some(guid(2)), vec![9], "avro+0 by schema 02020202-0202-0202-0202-020202020202"),
            (&unsaid, with, Some(frame(1)[..5].to_vec()), vec![9], "avro+0 by schema 1"),
            (&unsaid, with, Some(guid(3)), vec![9], "needs schema 03030303-0303-0303-0303-030303030303"),
            (&unsaid, with, Some(frame(1)), vec![9], "bad_schema_header"),
            (&unsaid, with, Some(vec![]), vec![9], "bad_schema_header"),
            (&unsaid, with, Some(vec![7; 17]), vec![9], "bad_schema_header"),
            (&json, with, Some(guid(2)), frame(1), "json+0"),
            (&avro, None, Some(guid(2)), frame(1), "avro+0 by own schema"),
            (&avro, with, None, frame(1), "avro+0 by own schema"),
            (&avro, with, Some(frame(1)[..5].to_vec()), vec![9], "avro+0 by schema 1 as wanted"),
            (&unsaid, with, None, frame(7), "protobuf+5 Before"),
            (&unsaid, with, Some(guid(7)), vec![9], "protobuf+0 Before"),
            (&unsaid, with, Some([guid(7), vec![2, 4]].concat()), vec![9], "protobuf+0 Header([2, 4])"),
            (&unsaid, with, Some([guid(2), vec![2]].concat()), vec![9], "bad_schema_header"),
            (&raw, None, None, frame(7), "protobuf+0 Message(3)"),
            (&raw, with, None, frame(7), "protobuf+0 Message(3)"),
            (&registry, None, None, frame(1), "framed"),
            (&registry, None, None, b"{}".to_vec(), "bad_magic"),
            (&registry, with, None, b"{}".to_vec(), "bad_magic"),
            (&registry, with, None, b"".to_vec(), "bad_magic"),
            (&registry, with, None, frame(1), "avro+5 by schema 1"),
            (&reader, with, None, frame(1), "avro+5 by schema 1 as wanted"),
        ] {
            assert_eq!(
                told(encoding, schemas, header.as_deref(), &value),
                expected,
                "{encoding:?} {header:?} {value:?}"
            );
        }
    }
}
