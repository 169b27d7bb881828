//! What is wrong with a contract, where, and what to do about it.

use std::cell::RefCell;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub level: Level,
    pub source: Source,
    /// JSON pointer into the document; empty for the document itself.
    pub path: String,
    /// Where the parser gives it; the first line is 1.
    pub line: Option<u64>,
    pub message: String,
    pub remedy: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The contract says what it may not say; a rule that it spoils is `unknown`.
    Error,
    /// The contract is right, but not all of it is enforced, or it is likely not meant so.
    Warning,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It does not parse.
    Syntax,
    /// It is not what the standard's schema allows.
    Schema,
    /// It is beyond the schema: a repeated name, a pattern that does not compile.
    Semantic,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        write!(f, "{level}: {}; {}", self.message, self.remedy)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, " ({})", self.path) }
    }
}

/// Collects problems while a document is read, so that all are told at once.
#[derive(Debug, Default)]
pub struct Problems(RefCell<Vec<Problem>>);

/// A place in the document; the default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub path: String,
    pub line: u64,
}

impl Place {
    /// The place of a key or an index below this one.
    pub fn below(&self, step: &str, line: u64) -> Place {
        Place { path: format!("{}/{}", self.path, step.replace('~', "~0").replace('/', "~1")), line }
    }
}

impl Problems {
    pub fn schema(&self, at: &Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.add(Level::Error, Source::Schema, at, message.into(), remedy.into());
    }

    pub fn semantic(&self, at: &Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.add(Level::Error, Source::Semantic, at, message.into(), remedy.into());
    }

    pub fn warning(&self, at: &Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.add(Level::Warning, Source::Semantic, at, message.into(), remedy.into());
    }

    pub fn syntax(&self, line: Option<u64>, message: String) {
        let at = Place { path: String::new(), line: line.unwrap_or(0) };
        self.add(Level::Error, Source::Syntax, &at, message, "correct the YAML".to_owned());
    }

    /// In the order of the document.
    pub fn into_vec(self) -> Vec<Problem> {
        let mut all = self.0.into_inner();
        all.sort_by_key(|p| p.line);
        all
    }

    fn add(&self, level: Level, source: Source, at: &Place, message: String, remedy: String) {
        let line = (at.line > 0).then_some(at.line);
        self.0.borrow_mut().push(Problem { level, source, path: at.path.clone(), line, message, remedy });
    }
}
