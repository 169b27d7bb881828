//! The driver on a real broker: does it do what actions say, and only that? Runs where `STEWARD_TEST_KAFKA` names
//! one (`host:port`); elsewhere each case says that it is skipped.

mod driver {
    mod place; // a place on the broker for one case
    mod puppet; // a task whose strings a test pulls

    mod own; // our topics and the catalog
    mod read; // start, hold, seek, logs
    mod rebalance; // two workers
    mod transact; // commit, fence, abort
}
