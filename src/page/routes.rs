//! Who gets a page: whoever asks for `text/html` at least as much as for JSON, at a path that has one. All else is REST's.

use crate::engine::access::standing::Standing::{Nobody, Viewer};
use crate::http::access::shield::shield;
use crate::http::routes::{self, Route};
use crate::http::server::{self, Site};
use crate::page::{asset, explore, incidents, product};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, VARY};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tower::ServiceExt;

/// Pages of URLs that REST has, too, and of their own.
pub fn table() -> Vec<Route> {
    vec![
        Route::get("/", Viewer, explore::page),
        Route::get("/products/{domain}/{name}", Viewer, product::page),
        Route::get("/incidents", Viewer, incidents::page),
    ]
}

/// REST and pages together, every route there is.
pub fn routes(site: Site) -> Router {
    let rest = server::rest(site.clone());
    let pages = routes::router(&site, table()).fallback_service(rest.clone()).with_state(site.clone());
    let assets = routes::router(&site, vec![Route::get("/assets/{name}", Nobody, asset::one)]);
    assets
        .fallback_service(rest)
        .layer(from_fn_with_state(pages, choose))
        .layer(from_fn_with_state(site.clone(), shield))
        .with_state(site)
}

async fn choose(State(pages): State<Router>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut answer =
        if reads && wants_page(request.headers(), request.uri().query().unwrap_or_default()) && !is_asset(&request) {
            match pages.oneshot(request).await {
                Ok(answer) => answer,
                Err(never) => match never {},
            }
        } else {
            next.run(request).await
        };
    answer.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    answer
}

fn is_asset(request: &Request) -> bool {
    request.uri().path().starts_with("/assets/")
}

/// RFC 9110, section 12.5.1, as far as it tells two kinds apart. A wildcard is no wish for a page: curl sends `*/*`.
fn wants_page(headers: &HeaderMap, query: &str) -> bool {
    if query.split('&').any(|pair| pair == "format=json") {
        return false;
    }
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let weight = |kind: &str| {
        let mut found = 0.0_f32;
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            if parts.next().is_some_and(|name| name.eq_ignore_ascii_case(kind)) {
                found = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
            }
        }
        found
    };
    weight("text/html") > 0.0 && weight("text/html") >= weight("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_goes_to_whoever_asks_for_html_by_name() {
        let check = |accept: &str, query: &str, page: bool| {
            let headers = [(ACCEPT, HeaderValue::from_str(accept).unwrap())].into_iter().collect();
            assert_eq!(wants_page(&headers, query), page, "{accept} {query}");
        };
        check("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "", true);
        check("*/*", "", false);
        check("application/json", "", false);
        check("application/json, text/html;q=0.5", "", false);
        check("application/json;q=0.5, text/html", "", true);
        check("text/html;q=0", "", false);
        check("text/html", "q=a&format=json", false);
        check("", "", false);
    }
}
