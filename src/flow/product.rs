//! One product in the ledger.
