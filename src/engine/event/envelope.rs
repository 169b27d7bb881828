//! CloudEvents 1.0 in Kafka's binary mode: headers, key, bare JSON value.

use crate::engine::contract::name::ProductName;
use serde::Serialize;

/// A message for the governance topic.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Event {
    /// The product: events of one product keep their order.
    pub key: Vec<u8>,
    /// `ce_id`, `ce_source` … and `content-type`.
    pub headers: Vec<(&'static str, String)>,
    pub value: Vec<u8>,
}

/// Who speaks: `/clusters/{cluster}/steward/{group}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    pub cluster: String,
    pub group: String,
}

/// What the headers say of an event.
#[derive(Clone, Debug)]
pub struct About<'a> {
    pub kind: &'static str,
    /// The file below `docs/events` that describes the value.
    pub schema: &'static str,
    pub id: String,
    pub product: &'a ProductName,
    pub time_ms: i64,
    pub severity: Option<&'a str>,
    pub verdict: &'static str,
}

/// No event's value is larger. It is half of what a broker takes by default (`max.message.bytes`, 1 MiB), so that
/// key, headers, and the record batch around them fit with room to spare.
pub const MAX_VALUE_BYTES: usize = 512 * 1024;

/// Longer texts end in `…`: no name, reason or value of an event says more in more than 1 KiB.
pub const MAX_TEXT_BYTES: usize = 1024;

const SCHEMAS: &str = "https://github.com/mesh-steward/mesh-steward/blob/main/docs/events";

/// The message: `value` as JSON, everything else in headers.
pub fn event(source: &Source, about: About<'_>, value: &impl Serialize) -> Event {
    let mut headers = headers(source, about.kind, about.id, about.product, about.time_ms, schema(about.schema));
    headers.push(("ce_verdict", about.verdict.to_owned()));
    headers.push(content_type());
    if let Some(severity) = about.severity {
        headers.push(("ce_severity", clip(severity)));
    }
    Event { key: about.product.to_string().into_bytes(), headers, value: json(value) }
}

/// Where the schema of a value stands, by its file below `docs/events`.
pub fn schema(file: &str) -> String {
    format!("{SCHEMAS}/{file}")
}

/// What every event says in its headers, the content type aside, which goes last; `schema` is where the value's schema stands.
pub fn headers(
    source: &Source,
    kind: &str,
    id: String,
    product: &ProductName,
    time_ms: i64,
    schema: String,
) -> Vec<(&'static str, String)> {
    let mut headers = headers_of(source, kind, id, product.to_string(), time_ms, schema);
    headers.push(("ce_domain", product.domain.clone()));
    headers
}

/// The same of what is no product's.
pub fn headers_of(
    source: &Source,
    kind: &str,
    id: String,
    subject: String,
    time_ms: i64,
    schema: String,
) -> Vec<(&'static str, String)> {
    vec![
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", id),
        ("ce_type", kind.to_owned()),
        ("ce_source", format!("/clusters/{}/steward/{}", segment(&source.cluster), segment(&source.group))),
        ("ce_subject", subject),
        ("ce_time", rfc3339(time_ms)),
        ("ce_dataschema", schema),
    ]
}

/// Of every value.
pub fn content_type() -> (&'static str, String) {
    ("content-type", "application/json".to_owned())
}

/// Values are plain structs with text keys: writing them into a vector has no failure of its own.
pub fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// RFC 3339 in UTC, also right before 1970. A time that RFC 3339 has no year for stands at the nearest that it has.
pub fn rfc3339(ms: i64) -> String {
    const YEAR_ZERO_MS: i64 = -62_167_219_200_000; // 0000-01-01T00:00:00Z
    let max_ms = jiff::Timestamp::MAX.as_second() * 1000;
    jiff::Timestamp::from_millisecond(ms.clamp(YEAR_ZERO_MS, max_ms)).unwrap_or_default().to_string()
}

/// At most `MAX_TEXT_BYTES`, cut between characters.
pub fn clip(text: &str) -> String {
    if text.len() <= MAX_TEXT_BYTES {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(MAX_TEXT_BYTES - '…'.len_utf8())])
}

/// One segment of a URI's path: what is not unreserved (RFC 3986) is percent-encoded.
fn segment(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{MAX_TEXT_BYTES, clip, rfc3339, segment};

    #[test]
    fn a_time_is_utc_and_has_a_year_of_four_digits() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (-60_000, "1969-12-31T23:59:00Z"),
            (1_700_000_000_500, "2023-11-14T22:13:20.5Z"),
            (i64::MIN, "0000-01-01T00:00:00Z"),
            (i64::MAX, "9999-12-30T22:00:00Z"),
        ] {
            assert_eq!(rfc3339(ms), text, "{ms}");
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        for (text, bytes) in [("short".to_owned(), 5), ("ü".repeat(512), 1024), ("ü".repeat(513), 1023)] {
            let clipped = clip(&text);
            assert_eq!(clipped.len(), bytes);
            assert!(clipped.len() <= MAX_TEXT_BYTES);
        }
    }

    #[test]
    fn a_group_with_a_slash_is_one_segment() {
        assert_eq!(segment("steward/a b-1"), "steward%2Fa%20b-1");
    }
}
