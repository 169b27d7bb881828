//! Pages: the same URLs as REST, for people. Rendered here from what the board knows; they decide and keep nothing.

pub mod routes; // who gets a page, and who gets JSON
pub mod answer; // headers of a page: policy, tag, compression
pub mod asset; // the style sheet and the script
pub mod crumbs; // where a page stands
pub mod frame; // head, navigation and foot around every page
pub mod seen; // one product, with all that its page says
pub mod explore; // /
pub mod product; // /products/{domain}/{name}
pub mod rules; // its rules and promises
pub mod worded; // a rule as people say it
pub mod fields; // what its values look like
pub mod declared; // what was promised beside what was measured
pub mod records; // records that broke a rule
pub mod read; // who reads it, and how
pub mod lineage; // /lineage, and a product's
pub mod graph; // lineage as a picture and as a table
pub mod layout; // where nodes and edges stand
pub mod incidents; // /incidents
pub mod incident; // one of them
pub mod policies; // /policies, and one of them
pub mod topics; // /topics
pub mod domain; // /domains/{domain}
pub mod audit; // /audit
pub mod create; // /create
pub mod usecases; // /use-cases, and one of them
pub mod draft; // /drafts/{id}
pub mod manage; // a product changed or withdrawn
pub mod token; // what tells our own forms from those of other pages
pub mod rest; // a form's wish as a call of REST
pub mod verdict; // shape and word
pub mod spark; // lines and bars of windows
pub mod ribbon; // one tick a window
pub mod words; // counts, ages, shares
