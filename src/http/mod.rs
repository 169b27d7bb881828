//! HTTP: probes, metrics, and what operators ask and want.

pub mod server; // listens, and what all answers are made of
pub mod routes; // the one table of all routes
pub mod openapi; // /openapi.json, made of that table
pub mod access; // who asks, and whether they may
pub mod tls; // HTTPS
pub mod health; // /live, /ready, /health, /
pub mod metrics; // /metrics
pub mod products; // /products, one of them, its contract, its offsets
pub mod odps; // /products/…/odps
pub mod publish; // products published, changed, withdrawn
pub mod matched; // If-Match, If-None-Match
pub mod audit; // /audit, and what notes each request
pub mod drafts; // /drafts
pub mod usecases; // /use-cases
pub mod call; // who asks, by which call, why
pub mod impact; // who reads a product, by name
pub mod status; // /products/…/status
pub mod wishes; // pause, resume, restart, reload
pub mod incidents; // /incidents
pub mod contracts; // /contracts
pub mod lineage; // who feeds whom, who breaks
pub mod openlineage; // events of others
pub mod marquez; // /api/v1, in the shapes of Marquez
pub mod policies; // /policies
pub mod topics; // /topics
pub mod history; // what of a topic's past can still be read
pub mod domains; // /domains
pub mod search; // /search
pub mod workers; // /workers, and who owns what
pub mod origin; // web pages change nothing
pub mod loggers; // /admin/loggers
pub mod lag; // how far behind its log a product is
pub mod summary; // what a product's recent windows say together
pub mod paged; // long lists in pages
pub mod facets; // which products are asked for
pub mod query; // what stands behind the question mark
pub mod problem; // errors as problem+json that Connect's clients read too
