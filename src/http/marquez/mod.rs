//! Marquez' API, so that its web client and its scripts read our lineage: <https://marquezproject.ai/docs/api>.
//!
//! All is made of the graph, of what OpenLineage events told, and of contracts. What Marquez knows and we do not (versions of
//! datasets, who created what) is there in its shape, and empty.

pub mod view; // datasets, jobs and runs in Marquez' shapes
pub mod graph; // /lineage
pub mod column; // /column-lineage
pub mod listed; // /namespaces and what is in them
pub mod found; // /search, /events/lineage

use crate::http::openlineage;
use crate::http::server::Site;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

/// Below `/api/v1`.
pub fn routes() -> Router<Site> {
    let large = || DefaultBodyLimit::max(openlineage::BODY_BYTES_MAX);
    Router::new()
        .route("/lineage", get(graph::lineage).merge(post(openlineage::one).layer(large())))
        .route("/lineage/batch", post(openlineage::batch).layer(large()))
        .route("/column-lineage", get(column::lineage))
        .route("/events/lineage", get(found::events))
        .route("/search", get(found::search))
        .route("/namespaces", get(listed::namespaces))
        .route("/namespaces/{namespace}", get(listed::namespace))
        .route("/namespaces/{namespace}/datasets", get(listed::datasets))
        .route("/namespaces/{namespace}/datasets/{name}", get(listed::dataset))
        .route("/namespaces/{namespace}/datasets/{name}/versions", get(listed::dataset_versions))
        .route("/namespaces/{namespace}/jobs", get(listed::jobs))
        .route("/namespaces/{namespace}/jobs/{name}", get(listed::job))
        .route("/namespaces/{namespace}/jobs/{name}/runs", get(listed::runs))
        .route("/namespaces/{namespace}/jobs/{name}/versions", get(listed::job_versions))
        .route("/jobs", get(listed::all_jobs))
        .route("/jobs/runs/{id}", get(listed::run))
        .route("/jobs/runs/{id}/facets", get(listed::run_facets))
        .route("/sources", get(listed::sources))
        .route("/tags", get(listed::tags))
}
