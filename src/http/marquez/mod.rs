//! Marquez' API, so that its web client and its scripts read our lineage: <https://marquezproject.ai/docs/api>.
//!
//! All is made of the graph, of what OpenLineage events told, and of contracts. What Marquez knows and we do not (versions of
//! datasets, who created what) is there in its shape, and empty.

pub mod view; // datasets, jobs and runs in Marquez' shapes
pub mod graph; // /lineage
pub mod column; // /column-lineage
pub mod listed; // /namespaces and what is in them
pub mod found; // /search, /events/lineage
pub mod run; // runs told step by step
pub mod stats; // /stats/…

use crate::engine::access::standing::Standing::{Publisher, Viewer};
use crate::http::openlineage;
use crate::http::routes::{JSON, Route};
use crate::http::server::Site;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;

const LIMIT: (&str, &str) = ("limit", "At most so many");
const OFFSET: (&str, &str) = ("offset", "After so many");
const PAGE: &[(&str, &str)] = &[LIMIT, OFFSET];
const FROM: &[(&str, &str)] =
    &[("nodeId", "dataset:NAMESPACE:NAME, job:NAMESPACE:NAME"), ("depth", "How many edges away")];

/// Events of others are data of the mesh: whoever publishes in some domain sends them.
pub fn table() -> Vec<Route> {
    let large = || DefaultBodyLimit::max(openlineage::BODY_BYTES_MAX);
    vec![
        Route::get("/api/v1/lineage", Viewer, graph::lineage)
            .tells("What feeds a dataset or job and what it feeds")
            .query(FROM)
            .shows("MarquezGraph"),
        Route::post("/api/v1/lineage", Publisher, openlineage::one)
            .tells("Takes an OpenLineage event, or several")
            .takes(JSON, "OpenLineageEvent")
            .empty(201)
            .shows("BatchOutcome")
            .fails(&[503])
            .body(large()),
        Route::post("/api/v1/lineage/batch", Publisher, openlineage::batch)
            .tells("Takes OpenLineage events; says what became of each")
            .takes(JSON, "OpenLineageEvents")
            .shows("BatchOutcome")
            .fails(&[503])
            .body(large()),
        Route::get("/api/v1/column-lineage", Viewer, column::lineage)
            .tells("Which fields a field is made of")
            .query(FROM)
            .shows("MarquezGraph"),
        Route::get("/api/v1/events/lineage", Viewer, found::events)
            .tells("The last events that clients sent")
            .query(&[("before", "A time"), ("after", "A time"), ("sortDirection", "asc or desc"), LIMIT, OFFSET])
            .shows("MarquezEvents"),
        Route::get("/api/v1/search", Viewer, found::search)
            .tells("Datasets and jobs whose name holds a text")
            .query(&[
                ("q", "The text"),
                ("filter", "DATASET or JOB"),
                ("sort", "NAME or UPDATED_AT"),
                ("namespace", "Only in it"),
                LIMIT,
            ])
            .shows("MarquezSearch"),
        Route::get("/api/v1/namespaces", Viewer, listed::namespaces)
            .tells("Namespaces")
            .query(PAGE)
            .shows("MarquezNamespaces"),
        Route::get("/api/v1/namespaces/{namespace}", Viewer, listed::namespace)
            .tells("One namespace")
            .shows("MarquezNamespace"),
        Route::get("/api/v1/namespaces/{namespace}/datasets", Viewer, listed::datasets)
            .tells("Its datasets")
            .query(PAGE)
            .shows("MarquezDatasets"),
        Route::get("/api/v1/namespaces/{namespace}/datasets/{name}", Viewer, listed::dataset)
            .tells("One dataset")
            .shows("MarquezDataset"),
        Route::get("/api/v1/namespaces/{namespace}/datasets/{name}/versions", Viewer, listed::dataset_versions)
            .tells("The version that is known")
            .shows("MarquezDatasetVersions"),
        Route::get("/api/v1/namespaces/{namespace}/jobs", Viewer, listed::jobs)
            .tells("Its jobs")
            .query(PAGE)
            .shows("MarquezJobs"),
        Route::get("/api/v1/namespaces/{namespace}/jobs/{name}", Viewer, listed::job)
            .tells("One job")
            .shows("MarquezJob"),
        Route::get("/api/v1/namespaces/{namespace}/jobs/{name}/runs", Viewer, listed::runs)
            .tells("Its runs")
            .query(PAGE)
            .shows("MarquezRuns"),
        Route::post("/api/v1/namespaces/{namespace}/jobs/{name}/runs", Publisher, run::create)
            .tells("Creates a run, which is NEW")
            .takes(JSON, "MarquezNewRun")
            .gives(201, JSON, "MarquezRun")
            .fails(&[503]),
        Route::get("/api/v1/namespaces/{namespace}/jobs/{name}/versions", Viewer, listed::job_versions)
            .tells("The version that is known")
            .shows("MarquezJobVersions"),
        Route::get("/api/v1/jobs", Viewer, listed::all_jobs).tells("All jobs").query(PAGE).shows("MarquezJobs"),
        Route::get("/api/v1/jobs/runs/{id}", Viewer, listed::run).tells("One run").shows("MarquezRun"),
        Route::get("/api/v1/jobs/runs/{id}/facets", Viewer, listed::run_facets)
            .tells("What a run's events said")
            .query(&[("type", "run or job: both are the run's")])
            .shows("MarquezRunFacets"),
        turned("/api/v1/jobs/runs/{id}/start", "A run began", run::start),
        turned("/api/v1/jobs/runs/{id}/complete", "A run is done", run::complete),
        turned("/api/v1/jobs/runs/{id}/fail", "A run failed", run::fail),
        turned("/api/v1/jobs/runs/{id}/abort", "A run was broken off", run::abort),
        counted("/api/v1/stats/lineage-events", "Events told, by time", stats::events),
        counted("/api/v1/stats/jobs", "Jobs, by time", stats::jobs),
        counted("/api/v1/stats/datasets", "Datasets, by time", stats::datasets),
        counted("/api/v1/stats/sources", "Sources, by time", stats::sources),
        Route::get("/api/v1/sources", Viewer, listed::sources)
            .tells("Systems behind datasets")
            .query(PAGE)
            .shows("MarquezSources"),
        Route::get("/api/v1/tags", Viewer, listed::tags).tells("None: tags are the contracts'").shows("MarquezTags"),
    ]
}

/// What becomes of a run, told by a client.
fn turned<H: Handler<T, Site>, T: 'static>(path: &'static str, tells: &'static str, handler: H) -> Route {
    let route = Route::post(path, Publisher, handler).tells(tells).query(&[("at", "When; else now")]);
    route.shows("MarquezRun").fails(&[503])
}

fn counted<H: Handler<T, Site>, T: 'static>(path: &'static str, tells: &'static str, handler: H) -> Route {
    const WITHIN: &[(&str, &str)] = &[("period", "DAY or WEEK"), ("timezone", "Whose days")];
    Route::get(path, Viewer, handler).tells(tells).query(WITHIN).shows("MarquezStats")
}
