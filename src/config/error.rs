//! What is wrong with a configuration: all of it, each with its place and its remedy.

use crate::printable::printable;
use std::fmt;
use std::path::{Path, PathBuf};

/// Everything wrong with one configuration, in the order of the file.
#[derive(Debug)]
pub struct ConfigErrors {
    pub file: PathBuf,
    /// Never empty.
    pub errors: Vec<ConfigError>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The dotted path, or the environment variable where it names no key; empty where the whole file is meant.
    pub key: String,
    /// The file and line, the environment variable, or `default`.
    pub place: String,
    /// The line in the file, for the order of the report; 0 elsewhere.
    pub line: u64,
    /// As typed; `***` for a secret.
    pub value: Option<String>,
    pub problem: String,
    pub remedy: String,
}

impl ConfigErrors {
    pub fn new(file: &Path, mut errors: Vec<ConfigError>) -> ConfigErrors {
        errors.sort_by_key(|e| (e.line == 0, e.line));
        ConfigErrors { file: file.to_path_buf(), errors }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems = if self.errors.len() == 1 { "problem" } else { "problems" };
        writeln!(f, "{} {problems} in the configuration {}", self.errors.len(), self.file.display())?;
        self.errors.iter().try_for_each(|e| write!(f, "\n{e}"))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", if self.key.is_empty() { "the file".into() } else { printable(&self.key) })?;
        if let Some(value) = &self.value {
            write!(f, ": {}", printable(value))?;
        }
        writeln!(f, "  ({})", self.place)?;
        writeln!(f, "  {}", printable(&self.problem))?;
        writeln!(f, "  -> {}", printable(&self.remedy))
    }
}

impl std::error::Error for ConfigErrors {}
