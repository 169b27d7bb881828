//! The style sheet and the script, part of the program. Their URLs name their content, so that they are fetched once.

use crate::page::answer::{digest, packed};
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use std::sync::OnceLock;

const STYLE: &str = include_str!("steward.css");
const SCRIPT: &str = include_str!("steward.js");

/// `steward-{digest}.css`
pub fn style() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| format!("steward-{}.css", digest(STYLE.as_bytes())))
}

/// `steward-{digest}.js`
pub fn script() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| format!("steward-{}.js", digest(SCRIPT.as_bytes())))
}

/// One of both; a name of another version is 404, and its page asks for the new one.
pub async fn one(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, StatusCode> {
    let (text, kind) = match name.as_str() {
        name if name == style() => (STYLE, "text/css; charset=utf-8"),
        name if name == script() => (SCRIPT, "text/javascript; charset=utf-8"),
        _ => return Err(StatusCode::NOT_FOUND),
    };
    let mut answer = packed(&headers, text.as_bytes().to_vec());
    let head = answer.headers_mut();
    head.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    head.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    head.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    Ok(answer)
}
