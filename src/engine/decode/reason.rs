//! Why bytes are no record: a closed set, each reason with the word that events use.

/// The reason, and the byte at which it showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecodable {
    pub reason: Reason,
    pub at: usize,
}

/// What each means stands in `docs/semantics.md`, under *Records*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No bytes, or white space only. A tombstone has no value at all.
    EmptyValue,
    /// Not UTF-8, or an escape of half a surrogate pair, which no UTF-8 can hold.
    NotUtf8,
    NotJson,
    /// A schema registry's frame, and no registry to ask.
    Framed,
    /// A whole value, and more.
    TrailingBytes,
    NotAnObject,
    /// More levels than `MAX_DEPTH`.
    TooDeep,
    /// Two members of one name: two readers would see two values.
    DuplicateKey,
    /// A number that a double takes for infinity, or for zero where it is none.
    NumberOutOfRange,
    /// More than `MAX_BYTES` or `MAX_NODES`.
    TooLarge,

    /// Neither a frame nor what the contract says.
    BadMagic,
    /// The header that names the schema has not the form of a schema id.
    BadSchemaHeader,
    /// The registry does not have the schema that the record names.
    UnknownSchema,
    /// The registry did not answer.
    SchemaUnavailable,
    /// A schema of a kind that is not read, or one that is no schema.
    SchemaUnsupported,
    /// What was written cannot be read as the contract's own schema says.
    SchemaMismatch,

    /// The bytes end in the middle of a value.
    Truncated,
    /// A length or a count below zero.
    NegativeLength,
    /// A variable-length integer beyond its 32 or 64 bits.
    VarintOverflow,
    WrongUnionIndex,
    WrongEnumIndex,
    /// A boolean that is neither 0 nor 1.
    InvalidBoolean,

    /// A field number or a form that there is none of, or the end of a group that was not begun.
    InvalidTag,
    /// A field that its message may not be without.
    RequiredFieldMissing,
    /// The schema has no message at this path.
    WrongMessageIndex,
}

impl Reason {
    pub fn word(self) -> &'static str {
        match self {
            Reason::EmptyValue => "empty_value",
            Reason::NotUtf8 => "not_utf8",
            Reason::NotJson => "not_json",
            Reason::Framed => "framed",
            Reason::TrailingBytes => "trailing_bytes",
            Reason::NotAnObject => "not_an_object",
            Reason::TooDeep => "too_deep",
            Reason::DuplicateKey => "duplicate_key",
            Reason::NumberOutOfRange => "number_out_of_range",
            Reason::TooLarge => "too_large",
            Reason::BadMagic => "bad_magic",
            Reason::BadSchemaHeader => "bad_schema_header",
            Reason::UnknownSchema => "unknown_schema",
            Reason::SchemaUnavailable => "schema_unavailable",
            Reason::SchemaUnsupported => "schema_unsupported",
            Reason::SchemaMismatch => "schema_mismatch",
            Reason::Truncated => "truncated",
            Reason::NegativeLength => "negative_length",
            Reason::VarintOverflow => "varint_overflow",
            Reason::WrongUnionIndex => "wrong_union_index",
            Reason::WrongEnumIndex => "wrong_enum_index",
            Reason::InvalidBoolean => "invalid_boolean",
            Reason::InvalidTag => "invalid_tag",
            Reason::RequiredFieldMissing => "required_field_missing",
            Reason::WrongMessageIndex => "wrong_message_index",
        }
    }
}
