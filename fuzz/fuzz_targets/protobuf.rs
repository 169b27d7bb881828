//! Bytes as a Protobuf message: read, with places and without, or refused for a reason; and what prost-reflect reads and
//! writes anew is read. That values are the same holds the suite's proptest.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mesh_steward_fuzz::engine::decode::fields::Fields;
use mesh_steward_fuzz::engine::decode::path::{FieldPath, Step};
use mesh_steward_fuzz::engine::decode::protobuf::program::{MessageId, Program};
use mesh_steward_fuzz::engine::decode::protobuf::schema::ProtobufSchema;
use mesh_steward_fuzz::engine::decode::protobuf::walk;
use mesh_steward_fuzz::engine::decode::reason::Reason;
use mesh_steward_fuzz::engine::decode::tree::Tree;
use mesh_steward_fuzz::shown::shown;
use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use std::cell::RefCell;
use std::sync::Arc;

const TEXT: &str = "syntax = \"proto3\"; package p;
    enum E { A = 0; B = 1; C = -1; }
    message M {
        double d = 1; float f = 2; int32 i = 3; int64 l = 4; uint32 ui = 5; sint64 sl = 6; fixed32 fi = 7; sfixed64 sfl = 8;
        bool b = 9; string s = 10; bytes y = 11; E e = 12; M m = 13; optional int32 oi = 14;
        repeated int32 ri = 15; repeated sint64 rl = 16 [packed = false]; repeated string rs = 17; repeated M rm = 18;
        map<string, int32> ms = 19; map<int64, M> mm = 20; oneof o { int32 oa = 21; M om = 22; }
    }";

struct Kept {
    plain: (Program, MessageId, Tree),
    placed: (Program, MessageId, Tree),
    theirs: MessageDescriptor,
}

thread_local! {
    static KEPT: RefCell<Kept> = RefCell::new({
        let schema = ProtobufSchema::parse(TEXT, &[]).expect("a schema");
        let root = schema.by_name(Some("M")).expect("M");
        let name = |name: &str| Step::Name(name.into());
        let paths = [vec![name("i")], vec![name("m"), name("s")], vec![name("rm"), Step::Items, name("i")], vec![name("ms"), name("k")]];
        let (placed, at) = schema.program().place(root, &Arc::new(Fields::of(&paths.map(FieldPath)))).expect("few places");
        let file = protox::file::File::from_source("m.proto", TEXT).expect("a file");
        let pool = DescriptorPool::from_file_descriptor_set(prost_reflect::prost_types::FileDescriptorSet {
            file: vec![file.file_descriptor_proto().clone()],
        });
        Kept {
            plain: (schema.program().clone(), root, Tree::default()),
            placed: (placed, at, Tree::default()),
            theirs: pool.expect("a pool").get_message_by_name("p.M").expect("M"),
        }
    });
}

fuzz_target!(|bytes: &[u8]| KEPT.with_borrow_mut(|kept| {
    let read = |(program, root, tree): &mut (Program, MessageId, Tree), bytes: &[u8]| {
        walk::record(tree, program, *root, bytes, 0).map(shown).map_err(|refused| (refused.reason, refused.at))
    };
    assert_eq!(read(&mut kept.plain, bytes), read(&mut kept.placed, bytes));
    if let Ok(theirs) = DynamicMessage::decode(kept.theirs.clone(), bytes)
        && let Err((reason, _)) = read(&mut kept.plain, &theirs.encode_to_vec())
    {
        assert!(matches!(reason, Reason::TooDeep | Reason::TooLarge), "{reason:?}: {theirs:?}");
    }
}));
