//! Long lists, page by page: `?limit=&after=`, and the address of the next page in the header `Link` (RFC 8288, `rel="next"`).

use crate::http::query::{Pairs, bad};
use axum::Json;
use axum::http::header::LINK;
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// Of one answer; whoever asks for more gets so many.
pub const LIMIT_MAX: usize = 1_000;

/// `?limit=`, or `default` where it is not said; 400 where it is no number, or none above 0.
pub fn limit(pairs: &Pairs, default: usize) -> Result<usize, Box<Response>> {
    match pairs.last("limit") {
        None => Ok(default),
        Some(text) => match text.parse::<usize>() {
            Ok(limit) if limit > 0 => Ok(limit.min(LIMIT_MAX)),
            _ => Err(bad(&format!("limit={text} is no number above 0; {LIMIT_MAX} are told at most"))),
        },
    }
}

/// The list; `next`: where the next page begins, behind this one, if there is another.
pub fn answer(uri: &Uri, list: Vec<Value>, next: Option<&str>) -> Response {
    let mut answer = Json(list).into_response();
    if let Some(link) = next.and_then(|next| HeaderValue::from_str(&link(uri, next)).ok()) {
        answer.headers_mut().insert(LINK, link);
    }
    answer
}

fn link(uri: &Uri, after: &str) -> String {
    let query = uri.query().unwrap_or_default();
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("after="));
    let after = format!("after={}", escaped(after));
    let pairs: Vec<&str> = kept.chain([after.as_str()]).collect();
    format!("<{}?{}>; rel=\"next\"", uri.path(), pairs.join("&"))
}

/// As the query of a URL takes it (RFC 3986).
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::link;

    #[test]
    fn the_next_page_is_asked_for_as_this_one_was() {
        let check = |uri: &str, after: &str, expected: &str| {
            assert_eq!(link(&uri.parse().unwrap(), after), format!("<{expected}>; rel=\"next\""));
        };
        check("/audit", "7", "/audit?after=7");
        check("/audit?limit=2&after=9&actor=a+b", "7", "/audit?limit=2&actor=a+b&after=7");
        check("/products?limit=1", "shop/ä&b", "/products?limit=1&after=shop/%C3%A4%26b");
    }
}
