//! A form's wish as the REST call that fulfils it: the same route, guards and audit as for curl. A page decides nothing itself.

use crate::http::access::Client;
use crate::http::server::Site;
use crate::page::frame;
use crate::page::words::encoded;
use axum::body::{Body, to_bytes};
use axum::extract::FromRequest;
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH, LOCATION, TRANSFER_ENCODING};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Form, Router};
use serde_json::Value;
use tower::ServiceExt;

/// An answer of REST is a draft with its contract or a report of a trial; a file of contracts is 1 MB at most.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// All routes of REST, for pages whose forms change something.
#[derive(Clone)]
pub struct Rest(pub Router);

/// What came back.
#[derive(Debug)]
pub struct Said {
    pub status: StatusCode,
    pub body: Value,
    pub location: Option<String>,
}

/// A call by hand of whoever sent the form: its cookies, its origin and its address go along.
pub struct Ask<'p> {
    pub from: &'p Parts,
    pub method: Method,
    pub path: String,
    pub body: Vec<u8>,
    /// The `ETag` that the form was made of.
    pub tag: Option<String>,
}

impl Ask<'_> {
    pub async fn of(self, rest: &Rest) -> Said {
        let mut request = Request::new(Body::from(self.body));
        *request.method_mut() = self.method;
        let Ok(path) = self.path.parse() else {
            let body = serde_json::json!({"detail": format!("{} is no address", self.path)});
            return Said { status: StatusCode::BAD_REQUEST, body, location: None };
        };
        *request.uri_mut() = path;
        *request.headers_mut() = self.from.headers.clone();
        // Who is at the other end; what the page's own route left there (its path's parts) is not the call's.
        if let Some(client) = self.from.extensions.get::<Client>() {
            request.extensions_mut().insert(client.clone());
        }
        let headers = request.headers_mut();
        for name in [CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, IF_MATCH, IF_NONE_MATCH] {
            headers.remove(name);
        }
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(tag) = self.tag.and_then(|tag| HeaderValue::from_str(&format!("\"{tag}\"")).ok()) {
            headers.insert(IF_MATCH, tag);
        }
        let answer = match rest.0.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        let status = answer.status();
        let location = answer.headers().get(LOCATION).and_then(|place| place.to_str().ok()).map(str::to_owned);
        let bytes = to_bytes(answer.into_body(), ANSWER_BYTES_MAX).await.unwrap_or_default();
        Said { status, body: serde_json::from_slice(&bytes).unwrap_or_default(), location }
    }
}

impl Said {
    /// What a refusal says, or that it said nothing.
    pub fn detail(&self) -> String {
        let told = self.body["detail"].as_str().or(self.body["message"].as_str());
        told.map_or_else(|| format!("the worker answered {}", self.status.as_u16()), str::to_owned)
    }
}

/// The fields of a form, in their order.
pub type Fields = Vec<(String, String)>;

pub fn field<'f>(fields: &'f Fields, name: &str) -> &'f str {
    fields.iter().rev().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim_end_matches(['\r', '\n']))
}

/// A form that was sent: who sent it, and its fields.
pub async fn form(site: &Site, request: axum::extract::Request) -> Result<(Parts, Fields), Box<Response>> {
    let (parts, body) = request.into_parts();
    match Form::<Fields>::from_request(Request::from_parts(parts.clone(), body), &()).await {
        Ok(Form(fields)) => Ok((parts, fields)),
        Err(refused) => Err(Box::new(frame::refused(site, &parts.headers, &refused.to_string()))),
    }
}

/// The `ETag` that a form was made of.
pub fn tag(fields: &Fields) -> Option<String> {
    Some(field(fields, "etag").to_owned()).filter(|tag| !tag.is_empty())
}

/// Why, as a query.
pub fn reason(fields: &Fields) -> String {
    match field(fields, "reason") {
        "" => String::new(),
        reason => format!("?reason={}", encoded(reason)),
    }
}

/// 303: the browser asks for the place with GET, so that loading it again sends no form again. `place` is a path of ours.
pub fn see(place: &str) -> Response {
    const HOME: HeaderValue = HeaderValue::from_static("/");
    let local = place.starts_with('/') && !place.starts_with("//");
    let place = HeaderValue::from_str(place).ok().filter(|_| local).unwrap_or(HOME);
    let name: HeaderName = LOCATION;
    (StatusCode::SEE_OTHER, [(name, place)]).into_response()
}
