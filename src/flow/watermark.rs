//! How far a product has come.
