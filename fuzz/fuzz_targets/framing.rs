//! Bytes as a record of a topic: the first byte chooses what its contract says, the second how many of the others are its header;
//! the rest is its value. A schema that a frame names reads what the same schema in the header reads of what is behind the frame.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mesh_steward_fuzz::engine::decode::decoder::{Decoder, Unread};
use mesh_steward_fuzz::engine::decode::fields::Fields;
use mesh_steward_fuzz::engine::decode::framing::Encoding;
use mesh_steward_fuzz::engine::decode::path::{FieldPath, Step};
use mesh_steward_fuzz::engine::decode::protobuf::schema::ProtobufSchema;
use mesh_steward_fuzz::engine::decode::reason::Reason;
use mesh_steward_fuzz::engine::decode::schema::{AvroSchema, Registered, SchemaRef, Schemas};
use mesh_steward_fuzz::engine::record::RawRecord;
use mesh_steward_fuzz::shown::shown;
use std::cell::RefCell;
use std::sync::Arc;

const AVRO: &str =
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":["null","string"]}]}"#;
const WIDER: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"double"},{"name":"c","type":"string","default":"x"}]}"#;
const PROTOBUF: &str = "syntax = \"proto3\"; message M { int32 a = 1; message N { string b = 1; message O { M m = 1; } } } message P { repeated N n = 1; message N {} }";

struct Kept {
    encodings: Vec<Encoding>,
    fields: Arc<Fields>,
    decoder: Decoder,
    /// Asked what the first was asked in other words.
    other: Decoder,
}

thread_local! {
    static KEPT: RefCell<Kept> = RefCell::new({
        let avro = Arc::new(AvroSchema::parse(AVRO, &[]).expect("a schema"));
        let wider = Arc::new(AvroSchema::parse(WIDER, &[]).expect("a schema"));
        let protobuf = Arc::new(ProtobufSchema::parse(PROTOBUF, &[]).expect("a schema"));
        let message = protobuf.by_name(Some("M")).expect("M");
        let known = [
            Registered::Avro(avro.clone()),
            Registered::Avro(wider.clone()),
            Registered::Json,
            Registered::Protobuf(protobuf.clone()),
            Registered::Unsupported("PL/I".into()),
            Registered::Absent,
            Registered::Unavailable("503".into()),
        ];
        let by_guid = |id: u8| SchemaRef::Guid(u128::from_be_bytes([id; 16]));
        let named = (0_u8..).zip(&known).flat_map(|(id, one)| [(SchemaRef::Id(id.into()), one.clone()), (by_guid(id), one.clone())]);
        let schemas: Arc<Schemas> = Arc::new(named.collect());
        let knowing = || {
            let mut decoder = Decoder::default();
            decoder.replace_schemas(schemas.clone());
            decoder
        };
        let name = |name: &str| FieldPath(vec![Step::Name(name.into())]);
        Kept {
            encodings: vec![
                Encoding::Unsaid,
                Encoding::Registry(None),
                Encoding::Registry(Some(wider)),
                Encoding::Json,
                Encoding::Avro(avro),
                Encoding::Protobuf(protobuf, message),
            ],
            fields: Arc::new(Fields::of(&[name("a"), name("b"), name("m")])),
            decoder: knowing(),
            other: knowing(),
        }
    });
}

fuzz_target!(|bytes: &[u8]| KEPT.with_borrow_mut(|Kept { encodings, fields, decoder, other }| {
    let [choice, split, rest @ ..] = bytes else { return };
    let choice = usize::from(*choice) % encodings.len();
    let Some((header, value)) = rest.split_at_checked(usize::from(*split)) else { return };
    let header = (!header.is_empty()).then_some(header);
    let read = |decoder: &mut Decoder, header, value| {
        let record = RawRecord { schema_header: header, value: Some(value), ..RawRecord::empty(0) };
        decoder.record(&encodings[choice], fields, &record, value).map(shown)
    };
    let read_it = read(decoder, header, value);
    if let Ok(read_it) = &read_it {
        assert_eq!(&shown(decoder.again()), read_it);
    }
    let frame = match value.first() {
        Some(0) => 5,
        Some(1) => 17,
        _ => return,
    };
    // The others say what a value is without a frame.
    if header.is_some() || choice > 2 {
        return;
    }
    let Some((frame, behind)) = value.split_at_checked(frame) else {
        return assert!(
            matches!(read_it, Err(Unread::Undecodable(refused)) if refused.reason == Reason::Truncated),
            "{read_it:?}"
        );
    };
    match (read_it, read(other, Some(frame), behind)) {
        (Err(Unread::Undecodable(framed)), Err(Unread::Undecodable(headed))) => {
            assert_eq!(framed.reason, headed.reason);
            assert!(framed.at == headed.at || framed.at == headed.at + frame.len(), "{framed:?} {headed:?}");
        }
        (framed, headed) => assert_eq!(framed, headed),
    }
}));
