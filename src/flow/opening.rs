//! A partition on its way to live.
