//! Who asks, by which call, and why: what the audit says of a request.

use crate::engine::access::standing::Actor;
use crate::engine::event::envelope::clip;
use crate::engine::event::id;
use crate::engine::published::change::By;
use crate::http::query::pairs;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A header that says why, as `?reason=` does.
pub const REASON: HeaderName = HeaderName::from_static("x-steward-reason");
/// A request's name for logs: the client's, or one that this worker gives.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A client's own name is no longer than that.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Stands on a request that is noted.
#[derive(Clone, Debug)]
pub struct Correlation(pub Arc<str>);

/// What handlers of changes take of a request, its body aside.
#[derive(Clone, Debug)]
pub struct Call {
    pub by: By,
    pub uri: Uri,
    pub headers: HeaderMap,
}

impl<S: Sync> FromRequestParts<S> for Call {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Call, Infallible> {
        Ok(Call { by: by(parts), uri: parts.uri.clone(), headers: parts.headers.clone() })
    }
}

pub fn by(parts: &Parts) -> By {
    let actor = parts.extensions.get::<Actor>().map_or("anonymous", |actor| &*actor.subject);
    let correlation = parts.extensions.get::<Correlation>();
    By {
        actor: clip(actor),
        reason: reason(&parts.uri, &parts.headers),
        method: clip(parts.method.as_str()),
        path: clip(parts.uri.path()),
        correlation: correlation.map_or_else(String::new, |Correlation(id)| id.to_string()),
    }
}

fn reason(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let of_query = pairs(uri).ok().and_then(|pairs| pairs.last("reason").map(clip));
    let of_header = || headers.get(REASON).map(|reason| clip(&String::from_utf8_lossy(reason.as_bytes())));
    of_query.or_else(of_header).filter(|reason| !reason.trim().is_empty())
}

/// The request's own name, if it may stand in a header, else one that no other request of any worker has.
pub fn correlation(headers: &HeaderMap, worker_id: &str, now_ms: i64) -> Correlation {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let own = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::trim);
    match own.filter(|own| !own.is_empty() && own.len() <= REQUEST_ID_BYTES_MAX) {
        Some(own) => Correlation(own.into()),
        None => {
            let count = COUNT.fetch_add(1, Ordering::Relaxed).to_string();
            Correlation(id::of(&[worker_id, &now_ms.to_string(), &count]).into())
        }
    }
}

impl Correlation {
    pub fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_keeps_its_name_and_gets_one_where_it_has_none() {
        let named = |own: Option<&str>| {
            let own = own.map(|own| (REQUEST_ID, HeaderValue::from_str(own).unwrap()));
            correlation(&own.into_iter().collect(), "w1", 0).0
        };
        assert_eq!(&*named(Some("order-7")), "order-7");
        for own in [None, Some(""), Some(&*"x".repeat(REQUEST_ID_BYTES_MAX + 1))] {
            assert_eq!(named(own).len(), 32);
            assert_ne!(named(own), named(own));
        }
    }

    #[test]
    fn a_reason_stands_in_the_query_or_in_the_header() {
        let check = |query: &str, header: Option<&str>, expected: Option<&str>| {
            let header = header.map(|text| (REASON, HeaderValue::from_str(text).unwrap()));
            let found = reason(&format!("/x{query}").parse().unwrap(), &header.into_iter().collect());
            assert_eq!(found.as_deref(), expected, "{query} {header:?}", header = expected);
        };
        check("", None, None);
        check("?reason=too+strict", None, Some("too strict"));
        check("", Some("too strict"), Some("too strict"));
        check("?reason=a", Some("b"), Some("a"));
        check("?reason=+", None, None);
    }
}
