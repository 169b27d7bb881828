//! Keeps web pages from telling the daemon anything: a browser sends their `PUT` and `POST` to a loopback address as
//! readily as to any other, and names the page's origin (RFC 6454).

use crate::http::problem::problem;
use crate::http::server::Site;
use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use std::net::{IpAddr, SocketAddr};

/// Refuses what would change something and comes from a page that is not the daemon's own. Without `Origin` no
/// browser asks.
pub async fn guard(State(site): State<Site>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if request.method().is_safe() || !headers.contains_key(ORIGIN) || is_own(headers, &site.address) {
        return next.run(request).await;
    }
    let detail = format!(
        "requests of web pages change nothing here, and the header Origin says that this is one; leave it out, or ask \
         from a page at http://{}",
        site.address
    );
    problem(StatusCode::FORBIDDEN, &detail)
}

/// Our address as we tell it, or the one that was asked, where that is a number or `localhost`: any other name may be
/// the page's own, made to lead here (DNS rebinding).
fn is_own(headers: &HeaderMap, address: &str) -> bool {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(asking) = text(&ORIGIN).and_then(|origin| origin.strip_prefix("http://")) else { return false };
    asking == address || (text(&HOST) == Some(asking) && is_fixed(asking))
}

fn is_fixed(authority: &str) -> bool {
    let (host, _) = authority.rsplit_once(':').unwrap_or((authority, ""));
    host == "localhost" || authority.parse::<SocketAddr>().is_ok() || authority.parse::<IpAddr>().is_ok()
}
