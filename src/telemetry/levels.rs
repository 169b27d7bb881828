//! Levels of the log, changed while the process runs: a root, and modules with a level of their own.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The logger of everything that has no level of its own.
pub const ROOT: &str = "root";
/// Modules with a level of their own: there are fewer modules than this.
const LOGGERS_MAX: usize = 200;

/// A level and since when; `modified_ms` is `None` where the configuration gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logger {
    pub level: String,
    pub modified_ms: Option<i64>,
}

#[derive(Debug, thiserror::Error)]
pub enum LevelError {
    #[error("`{0}` is no level; write error, warn, info, debug, trace or off")]
    Level(String),
    #[error("`{0}` is no logger: they are called as modules are, with two colons")]
    Name(String),
    #[error("{LOGGERS_MAX} loggers have a level already; give one of them another")]
    TooMany,
    #[error("the log of this process is not set up: there is nothing to change")]
    NotSetUp,
}

type Apply = Box<dyn Fn(EnvFilter) + Send + Sync>;

struct Levels {
    loggers: Mutex<BTreeMap<String, Logger>>,
    apply: Apply,
}

static LEVELS: OnceLock<Levels> = OnceLock::new();

/// Remembers what the log was set up with, and how to change it. `directives`: `info,mesh_steward::kafka=debug`.
pub(super) fn install(directives: &str, apply: Apply) {
    let pair = |directive: &str| match directive.trim().split_once('=') {
        Some((name, level)) => (name.to_owned(), level.to_owned()),
        None => (ROOT.to_owned(), directive.trim().to_owned()),
    };
    let logger = |(name, level)| (name, Logger { level, modified_ms: None });
    let loggers = Mutex::new(directives.split(',').map(pair).map(logger).collect());
    // The first log of a process is its only one.
    let _ = LEVELS.set(Levels { loggers, apply });
}

/// Every logger with a level of its own; empty where the log is not set up.
pub fn all() -> BTreeMap<String, Logger> {
    LEVELS
        .get()
        .map_or_else(BTreeMap::new, |levels| levels.loggers.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

/// Gives a logger a level from now on; `now_ms` is kept beside it.
pub fn set(name: &str, level: &str, now_ms: i64) -> Result<(), LevelError> {
    let level = level.to_lowercase();
    level.parse::<LevelFilter>().map_err(|_| LevelError::Level(level.clone()))?;
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':') {
        return Err(LevelError::Name(name.to_owned()));
    }
    let levels = LEVELS.get().ok_or(LevelError::NotSetUp)?;
    let mut loggers = levels.loggers.lock().unwrap_or_else(PoisonError::into_inner);
    if !loggers.contains_key(name) && loggers.len() >= LOGGERS_MAX {
        return Err(LevelError::TooMany);
    }
    let mut changed = loggers.clone();
    changed.insert(name.to_owned(), Logger { level: level.clone(), modified_ms: Some(now_ms) });
    let directive = |(name, logger): (&String, &Logger)| match name.as_str() {
        ROOT => logger.level.clone(),
        name => format!("{name}={}", logger.level),
    };
    let directives: Vec<String> = changed.iter().map(directive).collect();
    let filter = EnvFilter::builder().parse(directives.join(",")).map_err(|_| LevelError::Name(name.to_owned()))?;
    (levels.apply)(filter);
    *loggers = changed;
    Ok(())
}
