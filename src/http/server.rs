//! Listens, routes.
