//! Who gets a page: whoever asks for `text/html` at least as much as for JSON, at a path that has one. All else is REST's.

use crate::engine::access::standing::Standing::{Admin, Nobody, Owner, Publisher, Viewer};
use crate::http::access::shield::shield;
use crate::http::origin;
use crate::http::routes::{self, Route};
use crate::http::server::{self, Site};
use crate::page::rest::Rest;
use crate::page::{
    asset, audit, create, domain, draft, explore, incident, incidents, lineage, manage, policies, product, token,
    topics, usecases,
};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, COOKIE, VARY};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::{Extension, Router};
use tower::ServiceExt;

/// Pages of URLs that REST has, too, and of their own.
pub fn table() -> Vec<Route> {
    let form = || DefaultBodyLimit::max(FORM_BYTES_MAX);
    vec![
        Route::get("/", Viewer, explore::page),
        Route::get("/products/{domain}/{name}", Viewer, product::page),
        Route::get("/products/{domain}/{name}/lineage", Viewer, lineage::of_product),
        Route::get("/products/{domain}/{name}/edit", Viewer, manage::edit),
        Route::post("/products/{domain}/{name}/edit", Owner, manage::live),
        Route::get("/products/{domain}/{name}/withdraw", Viewer, manage::leave),
        Route::post("/products/{domain}/{name}/withdraw", Owner, manage::withdraw),
        Route::get("/lineage", Viewer, lineage::whole),
        Route::get("/incidents", Viewer, incidents::page),
        Route::get("/incidents/{id}", Viewer, incident::page),
        Route::get("/policies", Viewer, policies::list),
        Route::get("/policies/{id}", Viewer, policies::one),
        Route::get("/topics", Viewer, topics::page),
        Route::get("/domains/{domain}", Viewer, domain::page),
        Route::get("/audit", Viewer, audit::page),
        Route::get("/create", Viewer, create::page),
        Route::post("/create", Publisher, create::begin),
        Route::get("/use-cases", Viewer, usecases::list),
        Route::post("/use-cases", Admin, usecases::register),
        Route::get("/use-cases/{domain}/{name}", Viewer, usecases::page),
        Route::post("/use-cases/{domain}/{name}", Owner, usecases::act),
        Route::get("/drafts/{id}", Publisher, draft::page),
        Route::post("/drafts/{id}", Publisher, draft::act).body(form()),
    ]
}

/// REST and pages together, every route there is.
pub fn routes(site: Site) -> Router {
    let rest = server::rest(site.clone());
    let guard = || from_fn_with_state((site.clone(), FORM_BYTES_MAX), token::guard);
    let signed = |row: Route| row.within(|on| on.route_layer(guard()));
    let pages = routes::router(&site, table().into_iter().map(signed).collect())
        // What a form is made of is read before it asks REST, which has the same guard.
        .layer(from_fn_with_state(site.clone(), origin::guard))
        .layer(Extension(Rest(rest.clone())))
        .fallback_service(rest.clone())
        .with_state(site.clone());
    let assets = routes::router(&site, vec![Route::get("/assets/{name}", Nobody, asset::one)]);
    assets
        .fallback_service(rest)
        .layer(from_fn_with_state(pages, choose))
        .layer(from_fn_with_state(site.clone(), shield))
        .with_state(site)
}

/// A contract as a form sends it: each byte of text may become three.
const FORM_BYTES_MAX: usize = 3 * (1 << 20);

async fn choose(State(pages): State<Router>, mut request: Request, next: Next) -> Response {
    themed(&mut request);
    let wants = wants_page(request.headers(), request.uri().query().unwrap_or_default()) && !is_asset(&request);
    let is_pages = match *request.method() {
        Method::GET | Method::HEAD => wants,
        // REST takes no forms, and curl, which calls every body one, does not ask for HTML.
        Method::POST => wants && is_form(request.headers()),
        _ => false,
    };
    let mut answer = if is_pages {
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

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// `?theme=dark` counts as the cookie that the toggle sets, so that a link shows what its sender saw.
fn themed(request: &mut Request) {
    let query = request.uri().query().unwrap_or_default();
    let asked = ["theme=light", "theme=dark"].into_iter().find(|word| query.split('&').any(|pair| pair == *word));
    if let Some(word) = asked {
        // Before the others: the first one counts.
        let others = request.headers().get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let all = std::iter::once(word).chain(others).collect::<Vec<_>>().join("; ");
        if let Ok(all) = HeaderValue::from_str(&all) {
            request.headers_mut().insert(COOKIE, all);
        }
    }
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
