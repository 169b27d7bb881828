//! The one table of all routes: the router is made of it, and with each route stands whom it lets through. `page::routes` has the
//! pages' own in the same form.

use crate::engine::access::standing::Standing::{self, Admin, Nobody, Owner, Publisher, Viewer};
use crate::http::access;
use crate::http::server::Site;
use crate::http::{
    audit, contracts, domains, drafts, health, incidents, lineage, loggers, marquez, metrics, policies, products,
    publish, search, status, topics, wishes, workers,
};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};

/// One row.
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    /// The least that whoever asks must be; of an `Owner`, towards the `{domain}` of the path.
    pub asks: Standing,
    on: MethodRouter<Site>,
}

impl Route {
    pub fn get<H: Handler<T, Site>, T: 'static>(path: &'static str, asks: Standing, handler: H) -> Route {
        Route { method: Method::GET, path, asks, on: on(MethodFilter::GET, handler) }
    }

    pub fn post<H: Handler<T, Site>, T: 'static>(path: &'static str, asks: Standing, handler: H) -> Route {
        Route { method: Method::POST, path, asks, on: on(MethodFilter::POST, handler) }
    }

    pub fn put<H: Handler<T, Site>, T: 'static>(path: &'static str, asks: Standing, handler: H) -> Route {
        Route { method: Method::PUT, path, asks, on: on(MethodFilter::PUT, handler) }
    }

    pub fn delete<H: Handler<T, Site>, T: 'static>(path: &'static str, asks: Standing, handler: H) -> Route {
        Route { method: Method::DELETE, path, asks, on: on(MethodFilter::DELETE, handler) }
    }

    /// Takes larger bodies than others do.
    pub fn body(self, limit: DefaultBodyLimit) -> Route {
        Route { on: self.on.route_layer(limit), ..self }
    }
}

/// A router of these rows, each behind the door.
pub fn router(site: &Site, rows: Vec<Route>) -> Router<Site> {
    let add = |router: Router<Site>, row: Route| router.route(row.path, access::guarded(site, row.asks, row.on));
    rows.into_iter().fold(Router::new(), add)
}

/// Every route of REST.
pub fn table() -> Vec<Route> {
    let mut rows = vec![
        Route::get("/", Viewer, health::root),
        Route::get("/live", Nobody, health::live),
        Route::get("/ready", Nobody, health::ready),
        Route::get("/health", Viewer, health::health),
        Route::get("/metrics", Viewer, metrics::metrics),
        Route::get("/products", Viewer, products::list),
        Route::post("/products", Publisher, publish::create).body(publish::body()),
        Route::get("/products/{domain}/{name}", Viewer, products::one),
        Route::delete("/products/{domain}/{name}", Owner, publish::withdraw),
        Route::put("/products/{domain}/{name}/lifecycle", Owner, publish::live),
        Route::get("/products/{domain}/{name}/status", Viewer, status::status),
        Route::get("/products/{domain}/{name}/contract", Viewer, products::contract),
        Route::put("/products/{domain}/{name}/contract", Owner, publish::replace).body(publish::body()),
        Route::get("/products/{domain}/{name}/profile", Viewer, products::profile),
        Route::get("/products/{domain}/{name}/incidents", Viewer, incidents::of_product),
        Route::get("/products/{domain}/{name}/offsets", Viewer, products::offsets),
        Route::put("/products/{domain}/{name}/pause", Owner, wishes::pause),
        Route::put("/products/{domain}/{name}/resume", Owner, wishes::resume),
        Route::post("/products/{domain}/{name}/restart", Owner, wishes::restart),
        Route::get("/products/{domain}/{name}/lineage", Viewer, lineage::of_product),
        Route::get("/products/{domain}/{name}/impact", Viewer, lineage::impact),
        Route::get("/lineage", Viewer, lineage::standing),
        Route::get("/contracts", Viewer, contracts::list),
        Route::get("/contracts/{id}", Viewer, contracts::one),
        Route::get("/topics", Viewer, topics::list),
        Route::get("/domains", Viewer, domains::list),
        Route::get("/domains/{domain}", Viewer, domains::one),
        Route::get("/policies", Viewer, policies::list),
        Route::get("/policies/{id}", Viewer, policies::one),
        Route::get("/incidents", Viewer, incidents::all),
        Route::get("/workers", Viewer, workers::list),
        Route::get("/search", Viewer, search::search),
        Route::get("/audit", Viewer, audit::list),
        // What is inferred may name values of a topic that nobody has classified yet.
        Route::get("/drafts", Publisher, drafts::list),
        Route::post("/drafts", Publisher, drafts::begin).body(publish::body()),
        Route::get("/drafts/{id}", Publisher, drafts::one),
        Route::put("/drafts/{id}", Publisher, drafts::edit).body(publish::body()),
        Route::delete("/drafts/{id}", Publisher, drafts::delete),
        Route::post("/drafts/{id}/trial", Publisher, drafts::attempt),
        Route::post("/drafts/{id}/publish", Publisher, drafts::publish),
        Route::get("/admin/loggers", Admin, loggers::list),
        Route::get("/admin/loggers/{name}", Admin, loggers::one),
        Route::put("/admin/loggers/{name}", Admin, loggers::set),
        Route::post("/admin/reload", Admin, wishes::reload),
    ];
    rows.extend(marquez::table());
    rows
}
