//! What a contract asks of a record beside its value: of its key and of its headers.

use crate::engine::contract::text::format::TextFormat;
use crate::engine::contract::text::pattern::Pattern;
use crate::engine::contract::values::Values;
use std::fmt;

/// One thing asked of one text.
#[derive(Clone, Debug)]
pub struct Beside {
    pub what: What,
    pub asks: Asks,
    /// No sample shows its kind.
    pub classified: bool,
}

/// Whom it asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Key,
    /// Of several headers of one name the last, as Kafka's `lastHeader` has it.
    Header(Box<str>),
}

/// All but `Present` ask a text that is there: UTF-8, or it breaks them.
#[derive(Clone, Debug)]
pub enum Asks {
    /// It is there and not null.
    Present,
    /// Characters (Unicode scalar values).
    Length {
        min: Option<u64>,
        max: Option<u64>,
    },
    /// Searched for, not anchored.
    Pattern(Pattern),
    Format(TextFormat),
    OneOf(Values),
}

/// As results name it: no property begins with `@` by chance.
impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Key => f.write_str("@key"),
            What::Header(name) => write!(f, "@headers.{name}"),
        }
    }
}
