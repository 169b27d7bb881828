//! HTTP: probes, metrics, products.

pub mod server; // listens, routes
pub mod health; // /live, /ready, /health, /
pub mod products; // /products and what is below
pub mod problem; // errors as problem+json that Connect's clients read too
