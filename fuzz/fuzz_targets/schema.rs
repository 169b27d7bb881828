//! Text as a schema of a registry, in each language: refused with a reason, or records are judged by it; and as what a contract is
//! made of, which is then a contract.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mesh_steward_fuzz::engine::check::record::Examiner;
use mesh_steward_fuzz::engine::check::tally::Tally;
use mesh_steward_fuzz::engine::check::verdict::{Facts, judge};
use mesh_steward_fuzz::engine::contract::exchange::import::{Language, Wanted, import};
use mesh_steward_fuzz::engine::contract::{compile, odcs, subject};
use mesh_steward_fuzz::engine::decode::avro::walk;
use mesh_steward_fuzz::engine::decode::framing::Encoding;
use mesh_steward_fuzz::engine::decode::protobuf::schema::ProtobufSchema;
use mesh_steward_fuzz::engine::decode::schema::AvroSchema;
use mesh_steward_fuzz::engine::decode::schema::{Registered, SchemaRef, Schemas};
use mesh_steward_fuzz::engine::decode::tree::Tree;
use mesh_steward_fuzz::engine::record::{Position, RawRecord, TopicId};
use mesh_steward_fuzz::shown::survive_panics_of_parsers;
use std::panic::catch_unwind;

const LANGUAGES: [(Language, &str); 5] = [
    (Language::Avro, "AVRO"),
    (Language::JsonSchema, "JSON"),
    (Language::Protobuf, "PROTOBUF"),
    (Language::Dcs, ""),
    (Language::Subject, ""),
];
const RECORDS: [&str; 3] =
    [r#"{"a":1,"b":"x","c":[1,"2",null],"d":{"a":-1.5}}"#, "{}", r#"{"b":null,"c":[],"é":true}"#];

fuzz_target!(|bytes: &[u8]| {
    survive_panics_of_parsers();
    let Some((choice, text)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let (language, kind) = LANGUAGES[usize::from(*choice) % LANGUAGES.len()];
    // As the daemon calls the parsers of others.
    if language == Language::Avro
        && let Ok(Ok(schema)) = catch_unwind(|| AvroSchema::parse(text, &[]))
    {
        let (mut tree, zeros) = (Tree::default(), [0; 64]);
        let _ = walk::value(&mut tree, schema.program(), &zeros, 0);
        if let Ok(same) = schema.read_as(&schema) {
            let _ = walk::value(&mut tree, &same, &zeros, 0);
        }
    }
    if language == Language::Protobuf {
        let _ = catch_unwind(|| ProtobufSchema::parse(text, &[]).map(|schema| schema.names().len()));
    }
    if let Ok(Ok(imported)) = catch_unwind(|| import(text, language, Wanted::default())) {
        let contract = imported.contract.yaml();
        assert!(odcs::parse(&contract).contract.is_some(), "{contract}");
    }
    if kind.is_empty() {
        return;
    }
    let version = serde_json::json!({"subject": "t-value", "version": 1, "id": 7, "schemaType": kind, "schema": text});
    let Some(mut contract) = subject::parse(&version.to_string()).contract else { return };
    contract.objects.iter_mut().for_each(|object| object.encoding = Encoding::Json);
    let plan = compile::compile(&contract);
    let (mut examiner, mut tally) = (Examiner::new(&[7; 16]), Tally::default());
    examiner.replace_schemas(std::sync::Arc::new(Schemas::default().with(SchemaRef::Id(7), Registered::Json)));
    for (offset, value) in (0..).zip(RECORDS) {
        let record = RawRecord { value: Some(value.as_bytes()), timestamp_ms: 1, ..RawRecord::empty(offset) };
        examiner.examine(&plan, &[0], &record);
        examiner.count(&plan, &record, Position { topic: TopicId(0), partition: 0 }, false, &mut tally);
    }
    judge(&plan, &tally, &Facts { complete: true, ..Facts::default() });
});
