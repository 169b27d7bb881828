//! A quarantine being read: each copy, and what its headers say of it.

use crate::cli::contract::topic::Progress;
use crate::engine::record::{Headers, RawRecord};
use crate::flow::aside::{CONTRACT, OFFSET, PARTITION, PRODUCT, REASON, REPLAYS, RULES, TIMESTAMP, TOPIC, VERSION};
use crate::kafka::history::History;
use anyhow::anyhow;
use serde::Serialize;

/// What a copy says of its record; empty where it does not.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Said {
    pub product: String,
    pub contract: String,
    pub version: String,
    pub rules: Vec<String>,
    pub reason: String,
    pub topic: String,
    pub partition: Option<i32>,
    pub offset: Option<i64>,
    pub timestamp_ms: Option<i64>,
    /// How often its record came out of quarantine before.
    pub replays: u32,
}

pub fn said(record: &RawRecord<'_>) -> Said {
    let of = |name: &str| text(record.headers, name);
    Said {
        product: of(PRODUCT),
        contract: of(CONTRACT),
        version: of(VERSION),
        rules: of(RULES).split(',').filter(|rule| !rule.is_empty()).map(str::to_owned).collect(),
        reason: of(REASON),
        topic: of(TOPIC),
        partition: of(PARTITION).parse().ok(),
        offset: of(OFFSET).parse().ok(),
        timestamp_ms: of(TIMESTAMP).parse().ok(),
        replays: of(REPLAYS).parse().unwrap_or_default(),
    }
}

/// The last of a name: a record may have brought others with it.
fn text(headers: Option<&dyn Headers>, name: &str) -> String {
    let found = headers.and_then(|headers| headers.last(name.as_bytes())).flatten();
    String::from_utf8_lossy(found.unwrap_or_default()).into_owned()
}

/// Reads to the end; after each piece `piece` is called, and may look at how far it is.
pub fn each(
    history: &mut History,
    mut take: impl FnMut(i32, &RawRecord<'_>),
    mut piece: impl FnMut(&History) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (mut progress, mut records) = (Progress::new(), 0);
    let mut more = true;
    while more {
        let read = history.read(|partition, record| {
            records += 1;
            take(partition, record);
        });
        more = read.map_err(|fault| anyhow!(fault.message))?;
        piece(history)?;
        progress.show(history.progress(), records);
    }
    progress.end();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_says_what_its_last_headers_say() {
        let headers: Vec<(&[u8], Option<&[u8]>)> = vec![
            (b"steward.reason", Some(b"the record's own")),
            (b"steward.rules", Some(b"a,b.c")),
            (b"steward.reason", Some(b"null")),
            (b"steward.partition", Some(b"3")),
            (b"steward.offset", Some(b"none")),
            (b"steward.replays", Some(b"2")),
            (b"steward.product", None),
        ];
        let found = said(&RawRecord { headers: Some(&headers), ..RawRecord::empty(0) });
        let expected = Said {
            rules: vec!["a".into(), "b.c".into()],
            reason: "null".into(),
            partition: Some(3),
            replays: 2,
            ..Said::default()
        };
        assert_eq!(found, expected);
        assert_eq!(said(&RawRecord::empty(0)), Said::default());
    }
}
