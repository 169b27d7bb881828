//! The daemon's HTTP, asked as curl would: probes, metrics, products, wishes, errors, and its end.

mod served; // a server on a port of its own
#[path = "../notify/mod.rs"]
mod notify; // a service manager's ear

mod browser; // a headless Chromium
mod looks; // pages in it
mod lineage; // who feeds whom, Marquez' API
mod openlineage; // events of others
mod conform; // every answer against openapi.json
mod access; // who gets in
mod oidc; // tokens of a provider whose keys are fetched
mod openapi; // the document, and bad questions to every route
mod listens; // and what else is open
mod tls; // HTTPS
mod metrics; // the metrics page
mod operators; // what operators ask and want
mod probes; // probes, and who this is
mod thousand; // a thousand products
mod lists; // lists in pages, and one item of them
mod usecases; // SQL that derives products
mod drafts; // drafts of contracts
mod terminal; // steward product, steward audit
mod publish; // products published, changed, withdrawn
mod odps; // products as ODPS documents
mod policies; // policies of the mesh
mod pages; // the same URLs for people
mod products; // products and their status
mod server; // the server's own bounds and end
mod packages; // what packages ship
mod top; // the table of all products
mod unit; // the unit, and what its manager is told
