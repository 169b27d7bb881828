//! Errors: RFC 9457's `application/problem+json`, which also carries Connect's `error_code` and `message`.

use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An answer that is an error; `detail` says what, and what to do.
pub fn problem(status: StatusCode, detail: &str) -> Response {
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": detail,
        "error_code": status.as_u16(),
        "message": detail,
    });
    (status, [(CONTENT_TYPE, "application/problem+json")], Json(body)).into_response()
}

pub async fn no_route(uri: Uri) -> Response {
    problem(StatusCode::NOT_FOUND, &format!("there is nothing at {}; products are listed at /products", uri.path()))
}

pub async fn no_method(method: Method, uri: Uri) -> Response {
    problem(
        StatusCode::METHOD_NOT_ALLOWED,
        &format!("{} does not take {method}; the header Allow says what it takes", uri.path()),
    )
}
