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
use crate::http::routes::Route;
use axum::extract::DefaultBodyLimit;

/// Events of others are data of the mesh: whoever publishes in some domain sends them.
pub fn table() -> Vec<Route> {
    let large = || DefaultBodyLimit::max(openlineage::BODY_BYTES_MAX);
    vec![
        Route::get("/api/v1/lineage", Viewer, graph::lineage),
        Route::post("/api/v1/lineage", Publisher, openlineage::one).body(large()),
        Route::post("/api/v1/lineage/batch", Publisher, openlineage::batch).body(large()),
        Route::get("/api/v1/column-lineage", Viewer, column::lineage),
        Route::get("/api/v1/events/lineage", Viewer, found::events),
        Route::get("/api/v1/search", Viewer, found::search),
        Route::get("/api/v1/namespaces", Viewer, listed::namespaces),
        Route::get("/api/v1/namespaces/{namespace}", Viewer, listed::namespace),
        Route::get("/api/v1/namespaces/{namespace}/datasets", Viewer, listed::datasets),
        Route::get("/api/v1/namespaces/{namespace}/datasets/{name}", Viewer, listed::dataset),
        Route::get("/api/v1/namespaces/{namespace}/datasets/{name}/versions", Viewer, listed::dataset_versions),
        Route::get("/api/v1/namespaces/{namespace}/jobs", Viewer, listed::jobs),
        Route::get("/api/v1/namespaces/{namespace}/jobs/{name}", Viewer, listed::job),
        Route::get("/api/v1/namespaces/{namespace}/jobs/{name}/runs", Viewer, listed::runs),
        Route::post("/api/v1/namespaces/{namespace}/jobs/{name}/runs", Publisher, run::create),
        Route::get("/api/v1/namespaces/{namespace}/jobs/{name}/versions", Viewer, listed::job_versions),
        Route::get("/api/v1/jobs", Viewer, listed::all_jobs),
        Route::get("/api/v1/jobs/runs/{id}", Viewer, listed::run),
        Route::get("/api/v1/jobs/runs/{id}/facets", Viewer, listed::run_facets),
        Route::post("/api/v1/jobs/runs/{id}/start", Publisher, run::start),
        Route::post("/api/v1/jobs/runs/{id}/complete", Publisher, run::complete),
        Route::post("/api/v1/jobs/runs/{id}/fail", Publisher, run::fail),
        Route::post("/api/v1/jobs/runs/{id}/abort", Publisher, run::abort),
        Route::get("/api/v1/stats/lineage-events", Viewer, stats::events),
        Route::get("/api/v1/stats/jobs", Viewer, stats::jobs),
        Route::get("/api/v1/stats/datasets", Viewer, stats::datasets),
        Route::get("/api/v1/stats/sources", Viewer, stats::sources),
        Route::get("/api/v1/sources", Viewer, listed::sources),
        Route::get("/api/v1/tags", Viewer, listed::tags),
    ]
}
