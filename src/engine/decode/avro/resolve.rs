//! What a writer wrote, read as a reader wants it (Avro 1.12, *Schema Resolution*): promotions, aliases, fields in another
//! order, fields passed over, defaults.
//!
//! Where two types do not fit, the program says so at that place, and a record is broken only if it comes there: a union
//! of which only the fitting branch is ever written harms nobody.

use crate::engine::decode::avro::compile::{Compiler, Side, whole};
use crate::engine::decode::avro::program::{Default, Field, Read, ReadId};
use apache_avro::Schema;
use apache_avro::schema::{
    EnumSchema, FixedSchema, InnerDecimalSchema, Name, RecordField, RecordSchema, UnionSchema, UuidSchema,
};

/// What the bytes are, whatever their logical type makes of them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Base {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed,
    Enum,
    Array,
    Map,
    Record,
    Union,
}

impl<'s> Compiler<'s> {
    pub fn resolved(&mut self, written: &'s Schema, wanted: &'s Schema) -> Result<ReadId, String> {
        let (written, wanted) = (self.written.look_up(written)?, self.wanted.look_up(wanted)?);
        if let (Schema::Union(union), false) = (wanted, matches!(written, Schema::Union(_))) {
            return match self.branch(written, union)? {
                Some(branch) => self.resolved(written, branch),
                None => self.once((None, None), |_| Ok(Read::Mismatch)),
            };
        }
        // Only pairs of named types can meet themselves again.
        let names = match (written.name(), wanted.name()) {
            (Some(written), Some(wanted)) => (Some(written), Some(wanted)),
            _ => (None, None),
        };
        self.once(names, |compiler| compiler.resolved_read(written, wanted))
    }

    fn resolved_read(&mut self, written: &'s Schema, wanted: &'s Schema) -> Result<Read, String> {
        Ok(match (written, wanted) {
            (Schema::Union(branches), _) => {
                let branch = |branch| self.resolved(branch, wanted);
                let branches: Result<_, String> = branches.variants().iter().map(branch).collect();
                Read::Union(branches?)
            }
            (Schema::Array(written), Schema::Array(wanted)) => {
                Read::Array(self.resolved(&written.items, &wanted.items)?)
            }
            (Schema::Map(written), Schema::Map(wanted)) => Read::map(self.resolved(&written.types, &wanted.types)?),
            (Schema::Record(written), Schema::Record(wanted)) => self.record(written, wanted)?,
            (Schema::Enum(written), Schema::Enum(wanted)) => self.symbols(written, wanted),
            (written, wanted) => match (base(written), base(wanted)) {
                _ if !leaves_fit(written, wanted) => Read::Mismatch,
                (Base::Int, _) => Read::Int(whole(wanted)),
                (Base::Long, _) => Read::Long(whole(wanted)),
                (Base::Float, Base::Double) => Read::Float { widened: true },
                _ => self.leaf(wanted)?,
            },
        })
    }

    fn record(&mut self, written: &'s RecordSchema, wanted: &'s RecordSchema) -> Result<Read, String> {
        let by_name = |of: &RecordField| wanted.fields.iter().position(|field| field.name == of.name);
        // A field whose own name was written needs no alias.
        let is_written = |field: &RecordField| written.fields.iter().any(|other| other.name == field.name);
        let by_alias = |of: &RecordField| {
            wanted.fields.iter().position(|field| field.aliases.contains(&of.name) && !is_written(field))
        };
        let mut found = vec![false; wanted.fields.len()];
        let mut fields = Vec::new();
        for field in &written.fields {
            let place = by_name(field).or_else(|| by_alias(field)).filter(|place| !found[*place]);
            fields.push(match place {
                Some(place) => {
                    found[place] = true;
                    let wanted = &wanted.fields[place];
                    Field { name: Some(self.name(&wanted.name)), read: self.resolved(&field.schema, &wanted.schema)? }
                }
                None => Field { name: None, read: self.plain(&field.schema, Side::Written)? },
            });
        }
        let mut defaults = Vec::new();
        for (field, _) in wanted.fields.iter().zip(found).filter(|(_, found)| !found) {
            let Some(bytes) = self.default_of(field) else { return Ok(Read::Mismatch) };
            let name = self.name(&field.name);
            // A default is written as the reader's own schema says.
            let read = self.plain(&field.schema, Side::Wanted)?;
            defaults.push(Default { name, read, bytes: bytes.into() });
        }
        Ok(Read::Record { fields: fields.into(), defaults: defaults.into() })
    }

    /// The reader's symbol for each of the writer's.
    fn symbols(&mut self, written: &EnumSchema, wanted: &EnumSchema) -> Read {
        if !is_called(&wanted.name, wanted.aliases.as_deref(), &written.name) {
            return Read::Mismatch;
        }
        let symbols = written.symbols.iter().map(|symbol| {
            let kept = wanted.symbols.contains(symbol).then_some(symbol).or(wanted.default.as_ref());
            kept.map(|symbol| self.name(symbol))
        });
        Read::Enum(symbols.collect())
    }

    /// The branch of the reader's union that what was written is read as: the most alike, the first of several.
    fn branch(&self, written: &'s Schema, union: &'s UnionSchema) -> Result<Option<&'s Schema>, String> {
        let branches: Vec<&Schema> =
            union.variants().iter().map(|branch| self.wanted.look_up(branch)).collect::<Result<_, _>>()?;
        // Of several records a name must say which.
        let named = branches.iter().filter(|branch| base(branch) == Base::Record).count() > 1;
        let mut best = (0, None);
        for (branch, wanted) in union.variants().iter().zip(branches) {
            let likeness = match likeness(written, wanted) {
                0..=2 if named && base(wanted) == Base::Record => 0,
                likeness => likeness,
            };
            if likeness > best.0 {
                best = (likeness, Some(branch));
            }
        }
        Ok(best.1)
    }
}

/// How much a reader's type is what was written: 0, not at all; 1, by promotion; 2, the same kind; 3, and logical type, an
/// alias or last part of the name; 4, and full name.
fn likeness(written: &Schema, wanted: &Schema) -> u8 {
    let fit = match (written, wanted) {
        (Schema::Enum(written), Schema::Enum(wanted)) => {
            is_called(&wanted.name, wanted.aliases.as_deref(), &written.name)
        }
        (written, wanted) if base(written) == Base::Record || is_container(written) => base(written) == base(wanted),
        (written, wanted) => leaves_fit(written, wanted),
    };
    match (written.name(), wanted.name()) {
        _ if !fit => 0,
        _ if base(written) != base(wanted) => 1,
        (Some(written), Some(wanted)) if written == wanted => 4,
        (Some(name), Some(_)) if answers_to(wanted, name) => 3,
        (None, None) if std::mem::discriminant(written) == std::mem::discriminant(wanted) => 3,
        _ => 2,
    }
}

/// Whether simple types can be read as each other.
fn leaves_fit(written: &Schema, wanted: &Schema) -> bool {
    match (base(written), base(wanted)) {
        (Base::Fixed, Base::Fixed) => match (fixed(written), fixed(wanted)) {
            (Some(w), Some(r)) => {
                w.size == r.size && is_called(&r.name, r.aliases.as_deref(), &w.name) && decimals_fit(written, wanted)
            }
            _ => false,
        },
        (Base::Int, Base::Long | Base::Float | Base::Double)
        | (Base::Long, Base::Float | Base::Double)
        | (Base::Float, Base::Double)
        | (Base::String, Base::Bytes)
        | (Base::Bytes, Base::String) => true,
        (Base::Enum | Base::Array | Base::Map | Base::Record | Base::Union, _) => false,
        (written_base, wanted_base) => written_base == wanted_base && decimals_fit(written, wanted),
    }
}

/// Two decimals are the same type only with the same precision and scale.
fn decimals_fit(written: &Schema, wanted: &Schema) -> bool {
    match (written, wanted) {
        (Schema::Decimal(written), Schema::Decimal(wanted)) => {
            (written.precision, written.scale) == (wanted.precision, wanted.scale)
        }
        (Schema::Decimal(_), Schema::BigDecimal) | (Schema::BigDecimal, Schema::Decimal(_)) => false,
        _ => true,
    }
}

/// Whether the reader's type answers to the writer's name, by its own or an alias. Namespaces may differ.
fn is_called(wanted: &Name, aliases: Option<&[apache_avro::schema::Alias]>, written: &Name) -> bool {
    wanted.name() == written.name() || aliases.unwrap_or_default().iter().any(|alias| alias.name() == written.name())
}

fn answers_to(wanted: &Schema, name: &Name) -> bool {
    match wanted {
        Schema::Record(record) => is_called(&record.name, record.aliases.as_deref(), name),
        other => other.name().is_some_and(|other| other.name() == name.name()),
    }
}

fn is_container(schema: &Schema) -> bool {
    matches!(base(schema), Base::Array | Base::Map)
}

fn fixed(schema: &Schema) -> Option<&FixedSchema> {
    match schema {
        Schema::Fixed(fixed) | Schema::Duration(fixed) | Schema::Uuid(UuidSchema::Fixed(fixed)) => Some(fixed),
        Schema::Decimal(decimal) => match &decimal.inner {
            InnerDecimalSchema::Fixed(fixed) => Some(fixed),
            InnerDecimalSchema::Bytes => None,
        },
        _ => None,
    }
}

fn base(schema: &Schema) -> Base {
    match schema {
        Schema::Null => Base::Null,
        Schema::Boolean => Base::Boolean,
        Schema::Int | Schema::Date | Schema::TimeMillis => Base::Int,
        Schema::Long
        | Schema::TimeMicros
        | Schema::TimestampMillis
        | Schema::TimestampMicros
        | Schema::TimestampNanos
        | Schema::LocalTimestampMillis
        | Schema::LocalTimestampMicros
        | Schema::LocalTimestampNanos => Base::Long,
        Schema::Float => Base::Float,
        Schema::Double => Base::Double,
        Schema::String | Schema::Uuid(UuidSchema::String) => Base::String,
        Schema::Bytes | Schema::BigDecimal | Schema::Uuid(UuidSchema::Bytes) => Base::Bytes,
        Schema::Decimal(decimal) if matches!(decimal.inner, InnerDecimalSchema::Bytes) => Base::Bytes,
        Schema::Decimal(_) | Schema::Fixed(_) | Schema::Duration(_) | Schema::Uuid(UuidSchema::Fixed(_)) => Base::Fixed,
        Schema::Enum(_) => Base::Enum,
        Schema::Array(_) => Base::Array,
        Schema::Map(_) => Base::Map,
        Schema::Record(_) => Base::Record,
        Schema::Union(_) => Base::Union,
        // References are looked up before types are compared.
        Schema::Ref { .. } => Base::Record,
    }
}
