//! One record against a plan.
