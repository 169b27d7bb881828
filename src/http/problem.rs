//! Errors: RFC 9457's `application/problem+json`, which also carries Connect's `error_code` and `message`.

use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Stands on an answer that is an error: what it said.
#[derive(Clone)]
pub struct Detail(pub String);

/// An answer that is an error; `detail` says what, and what to do.
pub fn problem(status: StatusCode, detail: &str) -> Response {
    problem_with(status, detail, json!({}))
}

/// The same with members of its own.
pub fn problem_with(status: StatusCode, detail: &str, members: Value) -> Response {
    let mut body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": detail,
        "error_code": status.as_u16(),
        "message": detail,
    });
    if let (Some(body), Value::Object(members)) = (body.as_object_mut(), members) {
        body.extend(members);
    }
    let mut answer = (status, [(CONTENT_TYPE, "application/problem+json")], Json(body)).into_response();
    answer.extensions_mut().insert(Detail(detail.to_owned()));
    answer
}

/// What the framework itself refuses (a path that is no text, a body that is too large) it says in plain text.
pub async fn of_framework(answer: Response) -> Response {
    let plain = answer.headers().get(CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    match answer.status() {
        StatusCode::PAYLOAD_TOO_LARGE if plain => {
            problem(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than anything that is asked for here")
        }
        status if plain && status.is_client_error() => {
            problem(status, "the address cannot be read; write names in UTF-8, other bytes than letters as %XX")
        }
        _ => answer,
    }
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
