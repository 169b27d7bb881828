//! The only reader of time.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 UTC, by this machine's clock.
#[allow(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}
