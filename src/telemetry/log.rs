//! Logs on stderr, as text or JSON; and what keeps a fault that repeats from filling them.

use crate::telemetry::TelemetryError;
use crate::telemetry::levels;
use std::collections::BTreeMap;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Sets up the process's log. `level`: a word, or directives such as `info,mesh_steward::kafka=debug`.
/// `format`: `text` or `json`.
pub fn init_logs(level: &str, format: &str) -> Result<(), TelemetryError> {
    let refused = |reason: String| TelemetryError::Level { level: level.to_owned(), reason };
    // The filter takes a word it does not know for the name of a module, and would log nothing at all.
    for word in level.split(',').filter(|part| !part.contains('=')) {
        word.trim().parse::<LevelFilter>().map_err(|_| refused(format!("`{word}` is no level")))?;
    }
    let filter = EnvFilter::builder().parse(level).map_err(|e| refused(e.to_string()))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A subscriber is gone only with its process, and then no level matters.
    match format {
        "text" => {
            // As it has them by itself NO_COLOR is obeyed.
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            let builder = if colours { builder } else { builder.with_ansi(false) };
            let builder = builder.with_target(false).with_filter_reloading();
            let reload = builder.reload_handle();
            builder.try_init().map_err(|_| TelemetryError::Twice)?;
            levels::install(level, Box::new(move |filter| drop(reload.reload(filter))));
        }
        "json" => {
            let builder = builder.json().flatten_event(true).with_filter_reloading();
            let reload = builder.reload_handle();
            builder.try_init().map_err(|_| TelemetryError::Twice)?;
            levels::install(level, Box::new(move |filter| drop(reload.reload(filter))));
        }
        _ => return Err(TelemetryError::Format(format.to_owned())),
    }
    Ok(())
}

/// How long a fault that was told is only counted. librdkafka repeats a lost broker some 20 times a second, for each
/// broker and handle: 600 lines a handle become one.
pub const QUIET_MS: i64 = 30_000;

/// More pairs than these share one: 200 bytes each, 50 KiB in all.
pub const MAX_PAIRS: usize = 256;

/// Lets the first fault of a (source, code) pass, then tells every 30 s how many more there were.
#[derive(Debug, Default)]
pub struct Limiter {
    pairs: BTreeMap<(String, String), Told>,
}

#[derive(Debug)]
struct Told {
    at_ms: i64,
    held_back: u64,
}

/// Faults that were held back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub source: String,
    pub code: String,
    pub count: u64,
}

impl Limiter {
    /// Whether this fault is to be told; if not, it is counted.
    pub fn pass(&mut self, now_ms: i64, source: &str, code: &str) -> bool {
        let mut pair = (source.to_owned(), code.to_owned());
        if self.pairs.len() >= MAX_PAIRS && !self.pairs.contains_key(&pair) {
            pair = ("others".to_owned(), "others".to_owned());
        }
        match self.pairs.get_mut(&pair) {
            Some(told) => {
                told.held_back += 1;
                false
            }
            None => {
                self.pairs.insert(pair, Told { at_ms: now_ms, held_back: 0 });
                true
            }
        }
    }

    /// What was held back for 30 s; call it with every tick. A pair that was quiet for as long is forgotten, and its
    /// next fault passes at once.
    pub fn due(&mut self, now_ms: i64) -> Vec<Summary> {
        let mut summaries = Vec::new();
        self.pairs.retain(|(source, code), told| {
            if now_ms - told.at_ms < QUIET_MS {
                return true;
            }
            let count = std::mem::take(&mut told.held_back);
            told.at_ms = now_ms;
            if count > 0 {
                summaries.push(Summary { source: source.clone(), code: code.clone(), count });
            }
            count > 0
        });
        summaries
    }
}

#[cfg(test)]
mod tests {
    use super::{Limiter, MAX_PAIRS, QUIET_MS, Summary, init_logs};

    #[test]
    fn a_level_or_format_that_nobody_knows_is_refused() {
        for (level, format, expected) in [
            (
                "loud",
                "text",
                "log.level `loud` cannot be read: `loud` is no level; write error, warn, info, debug or trace",
            ),
            ("info", "xml", "log.format `xml` is unknown; write text or json"),
        ] {
            assert_eq!(init_logs(level, format).unwrap_err().to_string(), expected);
        }
    }

    fn summary(code: &str, count: u64) -> Summary {
        Summary { source: "broker 1".into(), code: code.into(), count }
    }

    #[test]
    fn a_fault_that_repeats_is_told_once_and_then_counted() {
        let mut limiter = Limiter::default();
        let passed = (0..600).filter(|i| limiter.pass(i * 50, "broker 1", "_TRANSPORT")).count();
        assert_eq!(passed, 1);
        assert!(limiter.pass(5, "broker 1", "_AUTHENTICATION"));
        assert!(limiter.pass(5, "broker 2", "_TRANSPORT"));
        assert_eq!(limiter.due(QUIET_MS - 1), []);
        assert_eq!(limiter.due(QUIET_MS), [summary("_TRANSPORT", 599)]);
        // Still quiet: its first was told, and its next is counted.
        assert!(!limiter.pass(QUIET_MS + 1, "broker 1", "_TRANSPORT"));
        assert_eq!(limiter.due(2 * QUIET_MS), [summary("_TRANSPORT", 1)]);
    }

    #[test]
    fn a_fault_that_comes_back_after_a_pause_is_told_at_once() {
        let mut limiter = Limiter::default();
        assert!(limiter.pass(0, "broker 1", "_TRANSPORT"));
        assert_eq!(limiter.due(QUIET_MS), []);
        assert!(limiter.pass(QUIET_MS + 1, "broker 1", "_TRANSPORT"));
    }

    #[test]
    fn a_thousand_kinds_of_fault_stay_within_the_bound() {
        let mut limiter = Limiter::default();
        let passed = (0..1000).filter(|i| limiter.pass(0, "broker 1", &i.to_string())).count();
        assert_eq!(passed, MAX_PAIRS + 1);
        let held_back: u64 = limiter.due(QUIET_MS).iter().map(|summary| summary.count).sum();
        assert_eq!(held_back, 1000 - passed as u64);
    }
}
