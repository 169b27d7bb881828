//! Keeps web pages of others from telling the daemon anything: a browser sends their `PUT` and `POST` to a loopback address as readily
//! as to any other, with the password that it knows, and names the page's origin (RFC 6454) and whose page it is (Fetch Metadata).

use crate::http::problem::problem;
use crate::http::server::Site;
use crate::telemetry;
use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use std::net::{IpAddr, SocketAddr};

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses what would change something and comes from a page that is not the daemon's own. Without these headers no browser asks.
pub async fn guard(State(site): State<Site>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if request.method().is_safe() || is_own(headers, &site.address, site.gate.rules().access.required) {
        return next.run(request).await;
    }
    telemetry::http_refused("cross_site");
    let detail = format!(
        "requests of web pages change nothing here, and the headers Origin and Sec-Fetch-Site say that this is one; leave them \
         out, or ask from a page at {}",
        site.address
    );
    problem(StatusCode::FORBIDDEN, &detail)
}

/// Counts a form without the token that its page gave it.
pub fn no_token() {
    telemetry::http_refused("form");
}

/// Our address as we tell it, or the one that was asked, where that is a number or `localhost`: any other name may be the page's own,
/// made to lead here (DNS rebinding). Where everybody logs in such a page has no password to send along, so that a proxy's name is good.
fn is_own(headers: &HeaderMap, address: &str, required: bool) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if text(&SITE).is_some_and(|site| site != "same-origin" && site != "none") {
        return false;
    }
    let Some(origin) = text(&ORIGIN) else { return true };
    let Some(asking) = origin.strip_prefix("http://").or(origin.strip_prefix("https://")) else { return false };
    asking == address || (text(&HOST) == Some(asking) && (required || is_fixed(asking)))
}

fn is_fixed(authority: &str) -> bool {
    let (host, _) = authority.rsplit_once(':').unwrap_or((authority, ""));
    host == "localhost" || authority.parse::<SocketAddr>().is_ok() || authority.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_pages_of_our_own_change_something() {
        let check = |pairs: &[(&HeaderName, &'static str)], required: bool, own: bool| {
            let headers =
                pairs.iter().map(|(name, value)| ((*name).clone(), HeaderValue::from_static(value))).collect();
            assert_eq!(is_own(&headers, "w1:8083", required), own, "{pairs:?}, {required}");
        };
        check(&[], false, true);
        check(&[(&ORIGIN, "http://w1:8083"), (&HOST, "x")], false, true);
        check(&[(&ORIGIN, "http://127.0.0.1:1"), (&HOST, "127.0.0.1:1")], false, true);
        check(&[(&ORIGIN, "http://evil.org"), (&HOST, "evil.org")], false, false);
        check(&[(&ORIGIN, "https://mesh.example.com"), (&HOST, "mesh.example.com")], true, true);
        check(&[(&ORIGIN, "https://evil.org"), (&HOST, "mesh.example.com")], true, false);
        check(&[(&ORIGIN, "null"), (&HOST, "mesh.example.com")], true, false);
        for (site, own) in [("same-origin", true), ("none", true), ("same-site", false), ("cross-site", false)] {
            check(&[(&SITE, site)], true, own);
            check(&[(&SITE, site), (&ORIGIN, "http://w1:8083")], false, own);
        }
    }
}
