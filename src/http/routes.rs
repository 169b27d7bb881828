//! The one table of all routes: the router is made of it, and so is the OpenAPI document; with each route stands whom it lets through.
//! `page::routes` has the pages' own in the same form.

use crate::engine::access::standing::Standing::{self, Admin, Nobody, Owner, Publisher, Viewer};
use crate::http::access;
use crate::http::server::Site;
use crate::http::{
    audit, contracts, domains, drafts, health, incidents, lineage, loggers, marquez, metrics, odps, openapi, policies,
    products, publish, search, status, topics, usecases, wishes, workers,
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
    /// What it is for, in a line.
    pub tells: &'static str,
    /// What stands behind the question mark: names, and what they mean.
    pub query: &'static [(&'static str, &'static str)],
    /// A body's media types, each with its schema in `openapi.json`.
    pub takes: Vec<(&'static str, &'static str)>,
    /// Answers: status, media type, schema. Every route may answer 4xx with a problem besides.
    pub gives: Vec<Gives>,
    on: MethodRouter<Site>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gives {
    pub status: u16,
    /// Media type and schema; `None`: no body.
    pub body: Option<(&'static str, &'static str)>,
}

pub const JSON: &str = "application/json";
pub const YAML: &str = "application/yaml";
pub const PROBLEM: &str = "application/problem+json";
const TEXT: &str = "text/plain";

impl Route {
    pub fn get<H: Handler<T, Site>, T: 'static>(path: &'static str, asks: Standing, handler: H) -> Route {
        Route::of(Method::GET, path, asks, on(MethodFilter::GET, handler))
    }

    pub fn post<H: Handler<T, Site>, T: 'static>(path: &'static str, asks: Standing, handler: H) -> Route {
        Route::of(Method::POST, path, asks, on(MethodFilter::POST, handler))
    }

    pub fn put<H: Handler<T, Site>, T: 'static>(path: &'static str, asks: Standing, handler: H) -> Route {
        Route::of(Method::PUT, path, asks, on(MethodFilter::PUT, handler))
    }

    pub fn delete<H: Handler<T, Site>, T: 'static>(path: &'static str, asks: Standing, handler: H) -> Route {
        Route::of(Method::DELETE, path, asks, on(MethodFilter::DELETE, handler))
    }

    fn of(method: Method, path: &'static str, asks: Standing, on: MethodRouter<Site>) -> Route {
        Route { method, path, asks, tells: "", query: &[], takes: Vec::new(), gives: Vec::new(), on }
    }

    /// Takes larger bodies than others do.
    pub fn body(self, limit: DefaultBodyLimit) -> Route {
        Route { on: self.on.route_layer(limit), ..self }
    }

    /// Puts something around the handler, behind the door.
    pub fn within(self, around: impl FnOnce(MethodRouter<Site>) -> MethodRouter<Site>) -> Route {
        Route { on: around(self.on), ..self }
    }

    pub fn tells(self, tells: &'static str) -> Route {
        Route { tells, ..self }
    }

    pub fn query(self, query: &'static [(&'static str, &'static str)]) -> Route {
        Route { query, ..self }
    }

    pub fn takes(mut self, media: &'static str, schema: &'static str) -> Route {
        self.takes.push((media, schema));
        self
    }

    /// 200 with JSON of this schema.
    pub fn shows(self, schema: &'static str) -> Route {
        self.gives(200, JSON, schema)
    }

    pub fn gives(mut self, status: u16, media: &'static str, schema: &'static str) -> Route {
        self.gives.push(Gives { status, body: Some((media, schema)) });
        self
    }

    pub fn empty(mut self, status: u16) -> Route {
        self.gives.push(Gives { status, body: None });
        self
    }

    /// Problems beside 4xx.
    pub fn fails(self, statuses: &[u16]) -> Route {
        statuses.iter().fold(self, |route, status| route.gives(*status, PROBLEM, "Problem"))
    }
}

/// A router of these rows, each behind the door.
pub fn router(site: &Site, rows: Vec<Route>) -> Router<Site> {
    let add = |router: Router<Site>, row: Route| router.route(row.path, access::guarded(site, row.asks, row.on));
    rows.into_iter().fold(Router::new(), add)
}

/// Every route of REST.
pub fn table() -> Vec<Route> {
    let mut rows = of_worker();
    rows.extend(of_products());
    rows.extend(of_drafts());
    rows.extend(of_use_cases());
    rows.extend(of_mesh());
    rows.extend(marquez::table());
    rows
}

fn of_worker() -> Vec<Route> {
    vec![
        Route::get("/", Viewer, health::root).tells("Who this is, as Connect says it").shows("Root"),
        Route::get("/live", Nobody, health::live).tells("Whether the process serves").shows("Live"),
        Route::get("/ready", Nobody, health::ready)
            .tells("Whether this worker does its part, and why not")
            .shows("Ready")
            .gives(503, JSON, "Ready"),
        Route::get("/health", Viewer, health::health)
            .tells("The same in Connect's form")
            .shows("Health")
            .gives(500, JSON, "Health")
            .gives(503, JSON, "Health"),
        Route::get("/metrics", Viewer, metrics::metrics)
            .tells("Metrics for Prometheus (docs/metrics.md)")
            .gives(200, TEXT, "Text"),
        Route::get("/openapi.json", Viewer, openapi::document).tells("This document").shows("OpenApi"),
        Route::get("/workers", Viewer, workers::list)
            .tells("Every worker as it was last heard")
            .query(&[LIMIT, AFTER])
            .shows("Workers"),
        Route::get("/admin/loggers", Admin, loggers::list).tells("Levels of the log").shows("Loggers"),
        Route::get("/admin/loggers/{name}", Admin, loggers::one).tells("The level of one logger").shows("Logger"),
        Route::put("/admin/loggers/{name}", Admin, loggers::set)
            .tells("Gives a logger a level; answers which changed")
            .query(&[("scope", "worker; a cluster's levels are not set")])
            .takes(JSON, "Level")
            .shows("Names")
            .fails(&[501, 503]),
        Route::post("/admin/reload", Admin, wishes::reload)
            .tells("Reads configuration, certificates, logins and contract files now")
            .shows("Reload")
            .fails(&[503]),
    ]
}

const WHY: (&str, &str) = ("reason", "Why, for the audit");
const DRY: (&str, &str) = ("dry_run", "true: only tells what it would change and whom that may break");
const STATE: (&str, &str) = ("state", "open or resolved: only those");
/// Of every list: the header `Link` has the address of the next page.
const LIMIT: (&str, &str) = ("limit", "At most so many, and 1,000 at most");
const AFTER: (&str, &str) = ("after", "What the last page ended with, as its header Link says it");
/// Facets of products: each may be given more than once, and any of its values will do.
const DOMAIN: (&str, &str) = ("domain", "Only of this domain");
const OWNER: (&str, &str) = ("owner", "Only of this owner");
const TIER: (&str, &str) = ("tier", "Only of this tier");
const LIFECYCLE: (&str, &str) = ("lifecycle", "Only those that are proposed, draft, active, deprecated or retired");
const VERDICT: (&str, &str) = ("verdict", "Only those whose last windows say pass, warn, fail, error, skip or unknown");
const TAG: (&str, &str) = ("tag", "Only with this tag");
const DIRECTION: (&str, &str) = ("direction", "upstream, downstream or both");
const DEPTH: (&str, &str) = ("depth", "How many edges away");

fn of_products() -> Vec<Route> {
    vec![
        Route::get("/products", Viewer, products::list)
            .tells("Names of all products, or more of each")
            .query(&[
                ("expand", "status, info; may be given twice"),
                DOMAIN,
                OWNER,
                TIER,
                LIFECYCLE,
                VERDICT,
                TAG,
                LIMIT,
                AFTER,
            ])
            .shows("Products"),
        Route::post("/products", Publisher, publish::create)
            .tells("Publishes a product of contracts that name it, and an ODPS document; asks for the role of their domain")
            .query(&[WHY, DRY])
            .takes(YAML, "Odcs")
            .takes(JSON, "Odcs")
            .gives(201, JSON, "Published")
            .shows("Published")
            .fails(&[503])
            .body(publish::body()),
        Route::get("/products/{domain}/{name}", Viewer, products::one)
            .tells("What its contracts say, and how it stands")
            .shows("Info"),
        Route::put("/products/{domain}/{name}", Owner, odps::replace)
            .tells("This ODPS document, and these contracts, are the product's; it keeps what is not sent")
            .query(&[WHY, DRY])
            .takes(YAML, "Odps")
            .takes(JSON, "Odps")
            .shows("Published")
            .gives(201, JSON, "Published")
            .fails(&[503])
            .body(publish::body()),
        Route::get("/products/{domain}/{name}/odps", Viewer, odps::one)
            .tells("The product as an ODPS document: as it was published, or made of its contracts")
            .query(&[("contracts", "true: with its contracts behind it, as PUT takes them")])
            .gives(200, YAML, "Text")
            .gives(200, JSON, "Odps"),
        Route::delete("/products/{domain}/{name}", Owner, publish::withdraw)
            .tells("Withdraws a published product; names who reads it")
            .query(&[WHY, DRY])
            .shows("Withdrawn")
            .fails(&[503]),
        Route::put("/products/{domain}/{name}/lifecycle", Owner, publish::live)
            .tells("Brings a published product through its life")
            .query(&[WHY, DRY])
            .takes(JSON, "Lifecycle")
            .shows("Published")
            .fails(&[503]),
        Route::get("/products/{domain}/{name}/status", Viewer, status::status)
            .tells("How it stands: tasks, and what its last windows say")
            .shows("Status"),
        Route::get("/products/{domain}/{name}/contract", Viewer, products::contract)
            .tells("Its contracts as they were loaded, one YAML document each, or JSON")
            .gives(200, YAML, "Text")
            .gives(200, JSON, "Odcs")
            .empty(304),
        Route::put("/products/{domain}/{name}/contract", Owner, publish::replace)
            .tells("These contracts, and no others, are the product's")
            .query(&[WHY, DRY])
            .takes(YAML, "Odcs")
            .takes(JSON, "Odcs")
            .shows("Published")
            .gives(201, JSON, "Published")
            .fails(&[503])
            .body(publish::body()),
        Route::get("/products/{domain}/{name}/profile", Viewer, products::profile)
            .tells("What the values of its last closed window look like")
            .shows("Profile")
            .gives(307, PROBLEM, "Problem"),
        Route::get("/products/{domain}/{name}/incidents", Viewer, incidents::of_product)
            .tells("Its incidents")
            .query(&[STATE, LIMIT, AFTER])
            .shows("Incidents"),
        Route::get("/products/{domain}/{name}/offsets", Viewer, products::offsets)
            .tells("How far each partition was inspected, in Connect's shape")
            .query(&[LIMIT, AFTER])
            .shows("Offsets"),
        Route::put("/products/{domain}/{name}/pause", Owner, wishes::pause)
            .tells("Holds its inspection")
            .empty(202)
            .fails(&[503]),
        Route::put("/products/{domain}/{name}/resume", Owner, wishes::resume)
            .tells("Goes on with it")
            .empty(202)
            .fails(&[503]),
        Route::post("/products/{domain}/{name}/restart", Owner, wishes::restart)
            .tells("Opens its partitions again")
            .empty(204)
            .fails(&[503]),
        Route::get("/products/{domain}/{name}/lineage", Viewer, lineage::of_product)
            .tells("What feeds it and what it feeds, with evidence")
            .query(&[DIRECTION, DEPTH])
            .shows("Lineage"),
        Route::get("/products/{domain}/{name}/impact", Viewer, lineage::impact)
            .tells("Who breaks if it changes")
            .query(&[DEPTH])
            .shows("Impact"),
    ]
}

/// What is inferred may name values of a topic that nobody has classified yet: drafts are for publishers.
fn of_drafts() -> Vec<Route> {
    vec![
        Route::get("/drafts", Publisher, drafts::list)
            .tells("Drafts of contracts, without their texts")
            .query(&[LIMIT, AFTER])
            .shows("Drafts"),
        Route::post("/drafts", Publisher, drafts::begin)
            .tells("Begins one: inferred from a topic, of a product, or by hand")
            .query(&[WHY])
            .takes(JSON, "NewDraft")
            .gives(201, JSON, "Draft")
            .fails(&[503])
            .body(publish::body()),
        Route::get("/drafts/{id}", Publisher, drafts::one).tells("One with its text and its faults").shows("Draft"),
        Route::put("/drafts/{id}", Publisher, drafts::edit)
            .tells("Its text from now on, which may be wrong: the answer says where")
            .query(&[WHY])
            .takes(YAML, "Odcs")
            .takes(JSON, "Odcs")
            .shows("Draft")
            .fails(&[503])
            .body(publish::body()),
        Route::delete("/drafts/{id}", Publisher, drafts::delete)
            .tells("Throws it away")
            .query(&[WHY])
            .empty(204)
            .fails(&[503]),
        Route::post("/drafts/{id}/trial", Publisher, drafts::attempt)
            .tells("What each rule would have said of the records that the topic holds")
            .takes(JSON, "Attempt")
            .shows("Trial")
            .fails(&[503]),
        Route::post("/drafts/{id}/publish", Publisher, drafts::publish)
            .tells("Publishes what it says; asks for the role of the contract's domain")
            .query(&[WHY, DRY])
            .shows("Published")
            .gives(201, JSON, "Published")
            .fails(&[503]),
    ]
}

/// What is registered runs with the engine's rights: an admin says what, a domain when.
fn of_use_cases() -> Vec<Route> {
    vec![
        Route::get("/use-cases", Viewer, usecases::list)
            .tells("SQL that derives products, and how it runs")
            .query(&[LIMIT, AFTER])
            .shows("UseCases"),
        Route::get("/use-cases/{domain}/{name}", Viewer, usecases::one)
            .tells("One with its statement")
            .shows("UseCase"),
        Route::put("/use-cases/{domain}/{name}", Admin, usecases::register)
            .tells("Registers one, or defines it anew; its name is that of the product that it makes")
            .query(&[WHY])
            .takes(JSON, "NewUseCase")
            .shows("UseCase")
            .gives(201, JSON, "UseCase")
            .fails(&[503]),
        Route::delete("/use-cases/{domain}/{name}", Admin, usecases::delete)
            .tells("Forgets one that does not run; what it made stays")
            .query(&[WHY])
            .empty(204)
            .fails(&[503]),
        Route::post("/use-cases/{domain}/{name}/execute", Owner, usecases::execute)
            .tells("Has the engine run it; the use case says how that goes")
            .query(&[WHY])
            .gives(202, JSON, "UseCase")
            .fails(&[503]),
        Route::post("/use-cases/{domain}/{name}/stop", Owner, usecases::stop)
            .tells("Has the engine end it")
            .query(&[WHY])
            .gives(202, JSON, "UseCase")
            .fails(&[503]),
    ]
}

fn of_mesh() -> Vec<Route> {
    vec![
        Route::get("/lineage", Viewer, lineage::standing).tells("How collecting lineage goes").shows("Collectors"),
        Route::get("/contracts", Viewer, contracts::list)
            .tells("Contracts that are loaded")
            .query(&[LIMIT, AFTER])
            .shows("Contracts"),
        Route::post("/lint", Viewer, contracts::lint)
            .tells("What is wrong with a contract, which nobody has published: a question, no change")
            .takes(YAML, "Odcs")
            .takes(JSON, "Odcs")
            .shows("Linted")
            .body(publish::body()),
        Route::get("/contracts/{id}", Viewer, contracts::one).tells("One with its text").shows("Contract"),
        Route::get("/topics", Viewer, topics::list)
            .tells("Topics, governed and not, and why not")
            .query(&[("governed", "true or false: only those"), LIMIT, AFTER])
            .shows("Topics"),
        Route::get("/topics/{name}", Viewer, topics::one)
            .tells("One topic: whose it is, or why nobody governs it, and what of its past can still be read")
            .shows("Topic"),
        Route::get("/domains", Viewer, domains::list)
            .tells("Names of all domains")
            .query(&[LIMIT, AFTER])
            .shows("Names"),
        Route::get("/domains/{domain}", Viewer, domains::one).tells("One domain and its products").shows("Domain"),
        Route::get("/policies", Viewer, policies::list)
            .tells("Policies of the mesh")
            .query(&[LIMIT, AFTER])
            .shows("Policies"),
        Route::get("/policies/{id}", Viewer, policies::one).tells("One, and what it says of each").shows("Policy"),
        Route::get("/incidents", Viewer, incidents::all)
            .tells("Incidents of all products")
            .query(&[STATE, LIMIT, AFTER])
            .shows("Incidents"),
        Route::get("/incidents/{id}", Viewer, incidents::one)
            .tells("One incident, with records that broke its rule")
            .shows("IncidentShown"),
        Route::get("/search", Viewer, search::search)
            .tells("Products, topics and fields that hold a text; facets choose among the products")
            .query(&[("q", "The text"), DOMAIN, OWNER, TIER, LIFECYCLE, VERDICT, TAG])
            .shows("Found"),
        Route::get("/audit", Viewer, audit::list)
            .tells("Who asked what of the mesh, when, why, and what came of it; the newest first")
            .query(&[
                ("actor", "Only of this one"),
                ("product", "Only about it"),
                ("action", "Only of this kind"),
                ("outcome", "done, refused or failed"),
                ("since", "A time of RFC 3339, or a day"),
                ("until", "Likewise"),
                ("contains", "Only lines that hold this text"),
                LIMIT,
                AFTER,
            ])
            .shows("Audit"),
    ]
}
