//! A Protobuf schema of a registry or a contract, with all that it imports.

use crate::engine::decode::fields::{Fields, NOWHERE};
use crate::engine::decode::protobuf::known::Known;
use crate::engine::decode::protobuf::program::{Enum, Field, Kind, Message, MessageId, Often, Program};
use base64::Engine;
use prost_reflect::prost_types::FileDescriptorProto;
use prost_reflect::{Cardinality, DescriptorPool, FieldDescriptor, FileDescriptor, MessageDescriptor, Syntax};
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Files that a schema may import, directly or not: a compiler follows them one within the other, on a stack of 2 MiB.
const IMPORTS_MAX: usize = 200;
/// Messages and enums of a schema and its imports together.
const TYPES_MAX: usize = 10_000;

/// A schema, compiled.
#[derive(Debug)]
pub struct ProtobufSchema {
    program: Program,
    /// Messages of the file itself, by the path of their indexes: the second of the first is `[0, 1]`.
    by_path: FxHashMap<Box<[i32]>, MessageId>,
    /// And by their names, with and without the package.
    by_name: BTreeMap<String, MessageId>,
}

impl ProtobufSchema {
    /// Reads a schema: text, or a `FileDescriptorProto` in base64, as registries have both. `references`: the files that it
    /// imports, each by the name that it is imported by; those that they import are among them. The error says what is
    /// wrong, and where.
    pub fn parse(text: &str, references: &[(&str, &str)]) -> Result<ProtobufSchema, String> {
        let (pool, file) = compiled(text, references)?;
        let built = built(&pool);
        let (mut by_path, mut by_name) = (FxHashMap::default(), BTreeMap::new());
        let mut open: Vec<(Vec<i32>, MessageDescriptor)> =
            file.messages().enumerate().map(|(i, message)| (vec![i as i32], message)).collect();
        while let Some((path, message)) = open.pop() {
            let Some(id) = built.ids.get(message.full_name()) else { continue };
            let name = message.full_name();
            let bare = name.strip_prefix(file.package_name()).map_or(name, |name| name.trim_start_matches('.'));
            by_name.insert(bare.to_owned(), *id);
            by_name.insert(name.to_owned(), *id);
            let within = |(i, child): (usize, MessageDescriptor)| ([&path[..], &[i as i32]].concat(), child);
            open.extend(message.child_messages().enumerate().map(within));
            by_path.insert(path.into(), *id);
        }
        Ok(ProtobufSchema { program: built.program, by_path, by_name })
    }

    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The message that a record names by its indexes.
    pub fn by_path(&self, path: &[i32]) -> Option<MessageId> {
        self.by_path.get(path).copied()
    }

    /// A message of the file itself; `None`: its first.
    pub fn by_name(&self, name: Option<&str>) -> Option<MessageId> {
        match name {
            Some(name) => self.by_name.get(name).copied(),
            None => self.by_path(&[0]),
        }
    }

    /// What a contract may choose from.
    pub fn names(&self) -> Vec<&str> {
        self.by_name.keys().map(String::as_str).collect()
    }
}

/// A schema as its compiler has it: all files together, and the one itself, with the places of its comments. As
/// `ProtobufSchema::parse`.
pub fn compiled(text: &str, references: &[(&str, &str)]) -> Result<(DescriptorPool, FileDescriptor), String> {
    if references.len() > IMPORTS_MAX {
        return Err(format!("it imports {} files, and no more than {IMPORTS_MAX} are followed", references.len()));
    }
    // As errors call it; no file that is imported is called so.
    const ITSELF: &str = "the schema";
    let given = OF_CONFLUENT.iter().chain(references).copied().chain([(ITSELF, text)]);
    let given = given.map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    let mut resolver = ChainFileResolver::new();
    resolver.add(Given { texts: given });
    resolver.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true);
    compiler.open_file(ITSELF).map_err(|e| e.to_string())?;
    let pool = compiler.descriptor_pool();
    let Some(file) = pool.get_file_by_name(ITSELF) else { return Err("it is no file".into()) };
    let types = pool.all_messages().len() + pool.all_enums().len();
    if types > TYPES_MAX {
        return Err(format!("with its imports it has {types} types, and no more than {TYPES_MAX} are read"));
    }
    Ok((pool, file))
}

/// What Confluent's registry has built in and tells nobody: the shape of its decimals, and the options that schemas carry.
const OF_CONFLUENT: [(&str, &str); 2] = [
    (
        "confluent/type/decimal.proto",
        "syntax = \"proto3\"; package confluent.type; message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }",
    ),
    (
        "confluent/meta.proto",
        "syntax = \"proto3\"; package confluent; import \"google/protobuf/descriptor.proto\"; \
         message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; } \
         extend google.protobuf.FileOptions { Meta file_meta = 1088; } \
         extend google.protobuf.MessageOptions { Meta message_meta = 1088; } \
         extend google.protobuf.FieldOptions { Meta field_meta = 1088; } \
         extend google.protobuf.EnumOptions { Meta enum_meta = 1088; } \
         extend google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; }",
    ),
];

/// The files that came with the schema.
struct Given {
    texts: BTreeMap<String, String>,
}

impl FileResolver for Given {
    fn resolve_path(&self, path: &Path) -> Option<String> {
        path.to_str().map(str::to_owned)
    }

    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let text = self.texts.get(name).ok_or_else(|| protox::Error::file_not_found(name))?;
        // No text of a schema is base64: it has a space, a semicolon or a brace.
        let descriptor = base64::engine::general_purpose::STANDARD.decode(text.trim()).ok();
        let descriptor = descriptor.filter(|bytes| !bytes.is_empty());
        match descriptor.and_then(|bytes| File::decode_file_descriptor_proto(&*bytes).ok()) {
            Some(file) => {
                let named = FileDescriptorProto { name: Some(name.into()), ..file.file_descriptor_proto().clone() };
                Ok(File::from_file_descriptor_proto(named))
            }
            None => File::from_source(name, text),
        }
    }
}

struct Built {
    program: Program,
    /// By full name.
    ids: FxHashMap<String, MessageId>,
}

fn built(pool: &DescriptorPool) -> Built {
    let ids: FxHashMap<String, MessageId> = pool
        .all_messages()
        .enumerate()
        .map(|(id, message)| (message.full_name().to_owned(), id as MessageId))
        .collect();
    let enums: FxHashMap<String, usize> =
        pool.all_enums().enumerate().map(|(id, of)| (of.full_name().to_owned(), id)).collect();
    let mut names: Vec<Box<str>> = Vec::new();
    let mut name = |text: &str| {
        names.push(text.into());
        names.len() as u32 - 1
    };
    let field = |field: FieldDescriptor, name: u32| Field {
        number: field.number(),
        name,
        place: NOWHERE,
        kind: kind(&field, &ids, &enums),
        often: often(&field),
        oneof: field.containing_oneof().filter(|oneof| !oneof.is_synthetic()).and_then(|oneof| {
            let own = field.parent_message().oneofs();
            own.filter(|oneof| !oneof.is_synthetic()).position(|own| own == oneof)
        }),
        named: Vec::new(),
    };
    let message = |message: MessageDescriptor| {
        let mut fields: Vec<Field> = message
            .fields()
            .map(|of| {
                let name = name(of.name());
                field(of, name)
            })
            .collect();
        fields.sort_by_key(|field| field.number);
        let oneofs = message.oneofs().filter(|oneof| !oneof.is_synthetic()).count();
        Message { known: Known::named(message.full_name()), fields, oneofs }
    };
    let messages: Vec<Message> = pool.all_messages().map(message).collect();
    let enums = pool.all_enums().map(|of| {
        // Of two names for one number the first stands.
        let mut symbols = FxHashMap::default();
        for value in of.values() {
            symbols.entry(value.number()).or_insert_with(|| name(value.name()));
        }
        Enum { symbols, closed: of.parent_file().syntax() == Syntax::Proto2 }
    });
    let enums = enums.collect();
    // The record's own place, as a program has it that no contract was placed in.
    let fields = Fields::default();
    names.extend(fields.names());
    Built { program: Program { messages, enums, names: names.into(), fields: Arc::new(fields) }, ids }
}

fn often(field: &FieldDescriptor) -> Often {
    match field.cardinality() {
        _ if field.is_map() => Often::Map,
        Cardinality::Repeated => Often::Repeated,
        Cardinality::Required => Often::Required,
        Cardinality::Optional if field.supports_presence() => Often::Optional,
        Cardinality::Optional => Often::Always,
    }
}

fn kind(field: &FieldDescriptor, ids: &FxHashMap<String, MessageId>, enums: &FxHashMap<String, usize>) -> Kind {
    use prost_reflect::Kind as Of;
    match field.kind() {
        Of::Double => Kind::Double,
        Of::Float => Kind::Float,
        Of::Int32 => Kind::Int32,
        Of::Int64 => Kind::Int64,
        Of::Uint32 => Kind::Uint32,
        Of::Uint64 => Kind::Uint64,
        Of::Sint32 => Kind::Sint32,
        Of::Sint64 => Kind::Sint64,
        Of::Fixed32 => Kind::Fixed32,
        Of::Fixed64 => Kind::Fixed64,
        Of::Sfixed32 => Kind::Sfixed32,
        Of::Sfixed64 => Kind::Sfixed64,
        Of::Bool => Kind::Bool,
        Of::String => Kind::Text,
        Of::Bytes => Kind::Bytes,
        Of::Enum(of) => enums.get(of.full_name()).map_or(Kind::Int32, |id| Kind::Enum(*id)),
        Of::Message(of) => match ids.get(of.full_name()) {
            Some(id) if field.is_group() => Kind::Group(*id),
            Some(id) => Kind::Message(*id),
            None => Kind::Bytes,
        },
    }
}
