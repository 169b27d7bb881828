//! `If-Match` and `If-None-Match` of a change: the state that whoever asks has seen (RFC 9110, section 13.1).

use crate::engine::published::change::Expected;
use crate::http::query::bad;
use axum::http::HeaderMap;
use axum::http::header::{IF_MATCH, IF_NONE_MATCH};
use axum::response::Response;

/// `None`: the request says nothing of it.
pub fn expected(headers: &HeaderMap) -> Result<Option<Expected>, Box<Response>> {
    let text = |name| {
        let value = headers.get(name);
        value.map(|value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().trim())
    };
    match (text(IF_MATCH), text(IF_NONE_MATCH)) {
        (Some("*"), _) => Ok(Some(Expected::Present)),
        (Some(tag), _) => match tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')) {
            Some(tag) => Ok(Some(Expected::Tag(tag.to_owned()))),
            None => Err(bad("If-Match takes one ETag in quotes, as it was last answered, or *")),
        },
        (None, Some("*")) => Ok(Some(Expected::Absent)),
        (None, Some(_)) => Err(bad("If-None-Match takes * here: it must not be there yet")),
        (None, None) => Ok(None),
    }
}
