//! Long lists, page by page: `?limit=&after=`, and the address of the next page in the header `Link` (RFC 8288, `rel="next"`).

use crate::http::query::{Pairs, bad};
use axum::Json;
use axum::http::header::LINK;
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// Of one answer; whoever asks for more gets so many, and of most lists whoever does not say.
pub const LIMIT_MAX: usize = 1_000;

/// A part of a list.
pub struct Page<T> {
    /// In the order of their keys.
    pub items: Vec<T>,
    /// The key that the next page begins behind; `None`: there is none.
    pub next: Option<String>,
}

/// The page that is asked for. Keys are texts that no two items share; they stand in the address of the next page, and an item that
/// comes or goes meanwhile moves no other.
pub fn page<T>(pairs: &Pairs, items: impl IntoIterator<Item = (String, T)>) -> Result<Page<T>, Box<Response>> {
    let (limit, after) = (limit(pairs, LIMIT_MAX)?, pairs.last("after"));
    let mut behind: Vec<(String, T)> =
        items.into_iter().filter(|(key, _)| after.is_none_or(|after| key.as_str() > after)).collect();
    behind.sort_by(|a, b| a.0.cmp(&b.0));
    let more = behind.len() > limit;
    behind.truncate(limit);
    let next = behind.last().filter(|_| more).map(|(key, _)| key.clone());
    Ok(Page { items: behind.into_iter().map(|(_, item)| item).collect(), next })
}

impl Page<Value> {
    /// The list itself as an answer.
    pub fn answer(self, uri: &Uri) -> Response {
        answer(uri, Value::Array(self.items), self.next.as_deref())
    }
}

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

/// What holds the list; `next`: where the next page begins, behind this one, if there is another.
pub fn answer(uri: &Uri, body: Value, next: Option<&str>) -> Response {
    let mut answer = Json(body).into_response();
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
    use super::{LIMIT_MAX, link, page};
    use crate::http::query::pairs;

    #[test]
    fn pages_follow_each_other_to_the_end_whatever_comes_and_goes() {
        let read = |query: &str, keys: &[&str]| {
            let pairs = pairs(&format!("/x{query}").parse().unwrap()).ok().unwrap();
            let page = page(&pairs, keys.iter().map(|key| ((*key).to_owned(), (*key).to_owned())));
            page.map(|page| (page.items.join(""), page.next)).map_err(|refused| refused.status().as_u16())
        };
        let next = |key: &str| Some(key.to_owned());
        assert_eq!(read("", &["b", "a", "c"]), Ok(("abc".into(), None)));
        assert_eq!(read("?limit=2", &["b", "a", "c"]), Ok(("ab".into(), next("b"))));
        assert_eq!(read("?limit=2&after=b", &["b", "a", "c"]), Ok(("c".into(), None)));
        assert_eq!(read("?limit=1&after=b", &["a", "c", "d"]), Ok(("c".into(), next("c"))), "b is gone");
        assert_eq!(read("?limit=3", &["a", "b", "c"]), Ok(("abc".into(), None)), "the last page is full");
        for wrong in ["0", "-1", "x", ""] {
            assert_eq!(read(&format!("?limit={wrong}"), &["a"]), Err(400), "{wrong}");
        }
        let many: Vec<String> = (0..LIMIT_MAX + 7).map(|n| format!("{n:06}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for query in ["", "?limit=99999999"] {
            assert_eq!(read(query, &many).unwrap().1, next("000999"), "bounded: {query}");
        }
    }

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
