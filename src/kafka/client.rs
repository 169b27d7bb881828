//! Settings of each client, with their reasons.
