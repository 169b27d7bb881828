//! The one loop of both stages.
