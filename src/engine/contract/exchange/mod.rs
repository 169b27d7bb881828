//! Contracts and the schemas of other languages, each read into the other. What a language cannot say is told, never dropped in silence.

pub mod outline; // what both have: objects, fields, their types and bounds
pub mod unsaid; // what is lost on the way
pub mod tree; // ordered documents, written as YAML or JSON
pub mod draft; // an outline as ODCS
pub mod import; // schemas into outlines
pub mod export; // and contracts into schemas and pages
