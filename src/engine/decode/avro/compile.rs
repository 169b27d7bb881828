//! A schema into a program: as it was written, or as a reader's schema wants it (`resolve`).

use crate::engine::decode::avro::program::{As, Field, NameId, Program, Read, ReadId};
use crate::engine::decode::fields::Fields;
use crate::engine::decode::moment::Stamp;
use apache_avro::Schema;
use apache_avro::schema::{InnerDecimalSchema, Name, UuidSchema};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// More than the largest schemas that people write by three orders; a schema of a registry is somebody else's text.
pub const READS_MAX: usize = 100_000;
/// Types within types. Schemas that go deeper only by name are not read: no record is read so deep either.
const DEPTH_MAX: usize = 256;

/// `writer`: the schema and those that it refers to, the schema first; so too `reader`, where records are to be read as
/// it says. The error says what is wrong with the schemas themselves; what does not fit together is found in records.
pub fn compile(writer: &[Schema], reader: Option<&[Schema]>) -> Result<Program, String> {
    let first = writer.first().ok_or("there is no schema")?;
    let mut compiler = Compiler {
        written: Definitions::of(writer),
        wanted: Definitions::of(reader.unwrap_or_default()),
        reads: Vec::new(),
        names: Vec::new(),
        numbers: FxHashMap::default(),
        known: FxHashMap::default(),
        depth: 0,
    };
    let root = match reader.and_then(<[Schema]>::first) {
        None => compiler.plain(first, Side::Written)?,
        Some(reader) => compiler.resolved(first, reader)?,
    };
    let fields = Arc::new(Fields::default());
    let names = compiler.names.into_iter().chain(fields.names()).collect();
    Ok(Program { reads: compiler.reads, root, names, fields })
}

pub struct Compiler<'s> {
    pub written: Definitions<'s>,
    pub wanted: Definitions<'s>,
    reads: Vec<Read>,
    names: Vec<Box<str>>,
    numbers: FxHashMap<Box<str>, NameId>,
    /// Named types that are compiled, or being compiled: a type may hold itself. By the writer's name, the reader's, or
    /// both where one is read as the other.
    known: FxHashMap<(Option<&'s Name>, Option<&'s Name>), ReadId>,
    depth: usize,
}

/// Whose schema it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Written,
    Wanted,
}

/// Named types by their full names, which the parser has given to every definition and reference.
#[derive(Default)]
pub struct Definitions<'s> {
    by_name: FxHashMap<&'s Name, &'s Schema>,
}

impl<'s> Definitions<'s> {
    fn of(all: &'s [Schema]) -> Definitions<'s> {
        let mut definitions = Definitions::default();
        let mut left: Vec<&Schema> = all.iter().rev().collect();
        while let Some(schema) = left.pop() {
            match schema {
                Schema::Ref { .. } => continue,
                Schema::Array(array) => left.push(&array.items),
                Schema::Map(map) => left.push(&map.types),
                Schema::Union(union) => left.extend(union.variants()),
                Schema::Record(record) => left.extend(record.fields.iter().map(|field| &field.schema)),
                _ => {}
            }
            if let Some(name) = schema.name() {
                definitions.by_name.entry(name).or_insert(schema);
            }
        }
        definitions
    }

    /// The definition where it is only named.
    pub fn look_up(&self, schema: &'s Schema) -> Result<&'s Schema, String> {
        match schema {
            Schema::Ref { name } => self.by_name.get(name).copied().ok_or(format!("{name} is not defined")),
            defined => Ok(defined),
        }
    }
}

impl<'s> Compiler<'s> {
    /// As its own side writes it.
    pub fn plain(&mut self, schema: &'s Schema, side: Side) -> Result<ReadId, String> {
        let schema = match side {
            Side::Written => self.written.look_up(schema)?,
            Side::Wanted => self.wanted.look_up(schema)?,
        };
        let names = if side == Side::Written { (schema.name(), None) } else { (None, schema.name()) };
        self.once(names, |compiler| compiler.plain_read(schema, side))
    }

    fn plain_read(&mut self, schema: &'s Schema, side: Side) -> Result<Read, String> {
        Ok(match schema {
            Schema::Array(array) => Read::Array(self.plain(&array.items, side)?),
            Schema::Map(map) => Read::map(self.plain(&map.types, side)?),
            Schema::Union(union) => {
                let branches: Result<_, String> =
                    union.variants().iter().map(|branch| self.plain(branch, side)).collect();
                Read::Union(branches?)
            }
            Schema::Record(record) => {
                let field = |field: &'s apache_avro::schema::RecordField| {
                    Ok(Field { name: Some(self.name(&field.name)), read: self.plain(&field.schema, side)? })
                };
                let fields: Result<_, String> = record.fields.iter().map(field).collect();
                Read::Record { fields: fields?, defaults: Box::default() }
            }
            Schema::Enum(of) => Read::Enum(of.symbols.iter().map(|symbol| Some(self.name(symbol))).collect()),
            leaf => self.leaf(leaf)?,
        })
    }

    /// A type without types in it, as it was written.
    pub fn leaf(&mut self, schema: &Schema) -> Result<Read, String> {
        Ok(match schema {
            Schema::Null => Read::Null,
            Schema::Boolean => Read::Boolean,
            Schema::Int | Schema::Date | Schema::TimeMillis => Read::Int(whole(schema)),
            Schema::Float => Read::Float { widened: false },
            Schema::Double => Read::Double,
            Schema::Bytes => Read::Bytes,
            Schema::String | Schema::Uuid(UuidSchema::String) => Read::Text,
            Schema::Fixed(fixed) => Read::Fixed(fixed.size),
            Schema::Decimal(decimal) => {
                let size = match &decimal.inner {
                    InnerDecimalSchema::Bytes => None,
                    InnerDecimalSchema::Fixed(fixed) => Some(fixed.size),
                };
                let scale = u32::try_from(decimal.scale).map_err(|_| format!("the scale {} is none", decimal.scale))?;
                Read::Decimal { size, scale }
            }
            Schema::BigDecimal => Read::BigDecimal,
            Schema::Uuid(UuidSchema::Bytes) => Read::Uuid { sized: true },
            Schema::Uuid(UuidSchema::Fixed(fixed)) if fixed.size == 16 => Read::Uuid { sized: false },
            Schema::Uuid(UuidSchema::Fixed(fixed)) => Read::Fixed(fixed.size),
            Schema::Duration(fixed) if fixed.size == 12 => {
                Read::Duration(["months", "days", "millis"].map(|unit| self.name(unit)))
            }
            Schema::Duration(fixed) => Read::Fixed(fixed.size),
            Schema::Long
            | Schema::TimeMicros
            | Schema::TimestampMillis
            | Schema::TimestampMicros
            | Schema::TimestampNanos
            | Schema::LocalTimestampMillis
            | Schema::LocalTimestampMicros
            | Schema::LocalTimestampNanos => Read::Long(whole(schema)),
            Schema::Array(_)
            | Schema::Map(_)
            | Schema::Union(_)
            | Schema::Record(_)
            | Schema::Enum(_)
            | Schema::Ref { .. } => return Err(format!("{schema} stands where a simple type should")),
        })
    }

    /// Compiles a type, and a named one only once. Its place is kept before what it holds is compiled, so that it can
    /// hold itself.
    pub fn once(
        &mut self,
        names: (Option<&'s Name>, Option<&'s Name>),
        compile: impl FnOnce(&mut Self) -> Result<Read, String>,
    ) -> Result<ReadId, String> {
        if let Some(known) = self.known.get(&names) {
            return Ok(*known);
        }
        if self.reads.len() == READS_MAX || self.depth == DEPTH_MAX {
            return Err(format!("it has more than {READS_MAX} types, or {DEPTH_MAX} within each other"));
        }
        let id = self.reads.len();
        self.reads.push(Read::Mismatch);
        if names != (None, None) {
            self.known.insert(names, id as ReadId);
        }
        self.depth += 1;
        self.reads[id] = compile(self)?;
        self.depth -= 1;
        Ok(id as ReadId)
    }

    pub fn name(&mut self, name: &str) -> NameId {
        if let Some(known) = self.numbers.get(name) {
            return *known;
        }
        let number = self.names.len() as NameId;
        self.names.push(name.into());
        self.numbers.insert(name.into(), number);
        number
    }
}

/// What becomes of a whole number of this type.
pub fn whole(schema: &Schema) -> As {
    match schema {
        Schema::Float => As::Single,
        Schema::Double => As::Double,
        Schema::Date => As::Moment(Stamp::Date),
        Schema::TimeMillis => As::Moment(Stamp::TimeMillis),
        Schema::TimeMicros => As::Moment(Stamp::TimeMicros),
        Schema::TimestampMillis => As::Moment(Stamp::TimestampMillis),
        Schema::TimestampMicros => As::Moment(Stamp::TimestampMicros),
        Schema::TimestampNanos => As::Moment(Stamp::TimestampNanos),
        Schema::LocalTimestampMillis => As::Moment(Stamp::LocalMillis),
        Schema::LocalTimestampMicros => As::Moment(Stamp::LocalMicros),
        Schema::LocalTimestampNanos => As::Moment(Stamp::LocalNanos),
        _ => As::Whole,
    }
}
