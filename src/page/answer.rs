//! A page on its way: what a browser may do with it, its tag, and gzip where that is taken.

use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use maud::Markup;
use sha2::{Digest, Sha256};
use std::io::Write;

/// Nothing but our own style, script and forms: no inline style or script, whatever stands in a contract.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Below it gzip saves less than a packet.
const GZIP_FROM_BYTES: usize = 1_400;

/// A page; 304 where the browser has the very same.
pub fn html(status: StatusCode, asked: &HeaderMap, markup: Markup) -> Response {
    let body = markup.into_string().into_bytes();
    let tag = format!("W/\"{}\"", digest(&body));
    let fixed: [(HeaderName, &'static str); 6] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Without a referrer a browser names no origin with our own forms (Fetch, 3.1), which are then taken for another's.
        (REFERRER_POLICY, "same-origin"),
        // It says how things stand now: to be asked for again each time, and answered with 304 where nothing moved.
        (CACHE_CONTROL, "private, no-cache"),
        (VARY, "cookie"),
    ];
    let known = asked.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut answer = if known && status == StatusCode::OK {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (status, packed(asked, body)).into_response()
    };
    for (name, value) in fixed {
        if name == VARY {
            answer.headers_mut().append(name, HeaderValue::from_static(value));
        } else {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        answer.headers_mut().insert(ETAG, tag);
    }
    answer
}

/// The body, in gzip where it is taken and worth it.
pub fn packed(asked: &HeaderMap, body: Vec<u8>) -> Response {
    let taken = asked.get(ACCEPT_ENCODING).and_then(|taken| taken.to_str().ok()).unwrap_or_default();
    let takes = taken.split(',').any(|word| word.split(';').next().is_some_and(|word| word.trim() == "gzip"));
    if !takes || body.len() < GZIP_FROM_BYTES {
        return ([(VARY, "accept-encoding")], body).into_response();
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // A vector takes all that is written.
    let _ = encoder.write_all(&body);
    let small = encoder.finish().unwrap_or_default();
    ([(VARY, "accept-encoding"), (CONTENT_ENCODING, "gzip")], small).into_response()
}

/// Twelve characters that another body does not have.
pub fn digest(body: &[u8]) -> String {
    Sha256::digest(body).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
