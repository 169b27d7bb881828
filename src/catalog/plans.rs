//! The plans in force.
