//! What is wrong with a contract, where, and what to do about it.

use crate::engine::contract::yaml::{Node, SyntaxError};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub level: Level,
    pub source: Source,
    /// JSON pointer into the document; empty for the document itself.
    pub path: String,
    /// Where the parser gives it; the first line is 1.
    pub line: Option<u64>,
    /// In characters, the first is 1; there is one where there is a line.
    pub column: Option<u64>,
    /// What kind of problem it is, for programs: a word that stays.
    pub code: &'static str,
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
    pub column: u64,
}

impl Place {
    /// The place of the document itself.
    pub fn root(document: &Node) -> Place {
        Place { path: String::new(), line: document.line, column: document.column }
    }

    /// The place of what stands at a key or an index below this one.
    pub fn below(&self, step: &str, node: &Node) -> Place {
        let path = format!("{}/{}", self.path, step.replace('~', "~0").replace('/', "~1"));
        Place { path, line: node.line, column: node.column }
    }
}

impl Problems {
    pub fn schema(&self, at: &Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.breaks(at, "schema", message, remedy);
    }

    /// Breaks the standard's schema, in a way that has a code of its own.
    pub fn breaks(&self, at: &Place, code: &'static str, message: impl Into<String>, remedy: impl Into<String>) {
        self.add(Level::Error, Source::Schema, code, at, message.into(), remedy.into());
    }

    /// Beyond the schema.
    pub fn beyond(&self, at: &Place, code: &'static str, message: impl Into<String>, remedy: impl Into<String>) {
        self.add(Level::Error, Source::Semantic, code, at, message.into(), remedy.into());
    }

    /// Not all of it is enforced, or it is likely not meant so.
    pub fn doubt(&self, at: &Place, code: &'static str, message: impl Into<String>, remedy: impl Into<String>) {
        self.add(Level::Warning, Source::Semantic, code, at, message.into(), remedy.into());
    }

    pub fn syntax(&self, error: SyntaxError) {
        let (line, column) = (error.line.unwrap_or(0), error.column.unwrap_or(0));
        let at = Place { path: String::new(), line, column };
        self.add(Level::Error, Source::Syntax, "syntax", &at, error.message, "correct the YAML".to_owned());
    }

    /// In the order of the document; what was told twice of one place stands here once.
    pub fn into_vec(self) -> Vec<Problem> {
        let mut all = self.0.into_inner();
        all.sort_by_key(|p| (p.line, p.column));
        let mut told = BTreeSet::new();
        all.retain(|p| told.insert((p.path.clone(), p.message.clone())));
        all
    }

    fn add(&self, level: Level, source: Source, code: &'static str, at: &Place, message: String, remedy: String) {
        let of_place = |n: u64| (at.line > 0).then_some(n);
        let (path, line, column) = (at.path.clone(), of_place(at.line), of_place(at.column));
        self.0.borrow_mut().push(Problem { level, source, path, line, column, code, message, remedy });
    }
}
