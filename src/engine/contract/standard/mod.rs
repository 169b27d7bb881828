//! The standards that files are written by: what each allows, and whether a file keeps to it.

#[macro_use]
pub mod shape; // the language that they are described in
pub mod lint; // a file: which standard, and all that is wrong with it
pub mod odcs; // Open Data Contract Standard: the whole
pub mod elements; // its objects and properties
pub mod quality; // its quality rules
pub mod servers; // its servers
pub mod references; // what names an element that must exist
pub mod variables; // `${NAME}`
pub mod odps; // Open Data Product Standard
pub mod subject; // a version of a registry's subject
pub mod text; // texts of a form: references, URIs, dates

/// An edition of a standard. Those of one standard are ordered, the older first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edition {
    /// ODCS v3.1.0 and all before it.
    Odcs31,
    Odcs32,
    /// ODPS v1.0.0, and v0.9.0.
    Odps10,
    Odps11,
}

#[cfg(test)]
mod tests;
