//! The keys of `records`: what becomes of records that are undecodable, late or too large, where a contract does not say.

use crate::config::typed::Typed;

/// Words as `steward.records` of a contract has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    pub undecodable: String,
    pub unknown_schema: String,
    pub late: String,
    /// `None`: no record is too large.
    pub oversized_bytes: Option<u64>,
    pub oversized_then: String,
}

pub fn check(typed: &mut Typed<'_>) -> Records {
    let bytes = u64::try_from(typed.whole("records.oversized.bytes")).unwrap_or_default();
    Records {
        undecodable: typed.word("records.undecodable"),
        unknown_schema: typed.word("records.unknown.schema"),
        late: typed.word("records.late"),
        oversized_bytes: (bytes > 0).then_some(bytes),
        oversized_then: typed.word("records.oversized.then"),
    }
}
