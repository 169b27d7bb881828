//! What stands around every answer: how much one client may ask, and what a browser may do with what it gets.

use crate::http::access::client;
use crate::http::problem::problem;
use crate::http::server::Site;
use crate::telemetry;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, RETRY_AFTER, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

/// For answers that say nothing of it themselves, which are data: a browser that shows one runs nothing of it.
const DATA: [(HeaderName, &str); 5] = [
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    // Who may read it changes with who asks.
    (CACHE_CONTROL, "private, no-cache"),
];

pub async fn shield(State(site): State<Site>, request: Request, next: Next) -> Response {
    let mut answer = if site.gate.may_ask(client(&request).ip) {
        next.run(request).await
    } else {
        telemetry::http_refused("often");
        let detail = "too many requests from this address; ask again in a second, or raise http.requests.per.second";
        let mut answer = problem(StatusCode::TOO_MANY_REQUESTS, detail);
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        answer
    };
    let headers = answer.headers_mut();
    for (name, value) in DATA {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if site.gate.rules().tls.is_some() {
        // A year: who has seen HTTPS here asks for nothing else.
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    answer
}
