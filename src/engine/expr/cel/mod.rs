//! CEL, the Common Expression Language (cel-spec, *langdef.md*), into the tree of operations.
//!
//! The parser is our own: the grammar is small, macros stay macros, every mistake has its place in the text, and how deep and long
//! an expression may be is bounded. (The crate `cel` brings the run time of ANTLR and expands macros into folds.)

pub mod token; // text into tokens
pub mod parse; // tokens into the tree
pub mod names; // what names stand for
