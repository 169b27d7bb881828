//! HTTP: probes, metrics, products.

pub mod server; // listens, routes
pub mod health; // /live, /ready, /health, /
pub mod metrics; // /metrics
pub mod products; // /products and what is below, /topics
pub mod summary; // what a product's recent windows say together
pub mod problem; // errors as problem+json that Connect's clients read too
