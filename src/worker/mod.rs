//! A worker: starts the tasks, supervises, reloads and drains them.
