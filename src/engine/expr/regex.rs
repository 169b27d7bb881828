//! Patterns of `matches`: searched for, not anchored, by one of two engines.

use crate::engine::expr::value::Error;
use crate::engine::expr::weight;
use std::fmt;
use std::sync::Arc;

/// Steps back that one search may take: a pattern that needs more ends in an error, for it may need for ever.
const BACKTRACKS_MAX: usize = 10_000;

/// Which dialect, and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Java's and Perl's: with look-around and back-references, within a bound of steps.
    Pcre,
    /// RE2's: in linear time.
    Re2,
}

#[derive(Clone)]
pub struct Regex(Engine);

#[derive(Clone)]
enum Engine {
    Backtracking(Arc<fancy_regex::Regex>),
    Linear(regex::Regex),
}

impl Regex {
    /// The error says what is wrong with the pattern.
    pub fn new(pattern: &str, dialect: Dialect) -> Result<Regex, String> {
        let translated = ascii_classes(pattern);
        weight::take(&translated)?;
        let wrong = |error: &dyn fmt::Display| {
            let text = error.to_string();
            // The engine draws the pattern and a caret; its last line has the words.
            let last = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
            format!("pattern {pattern:?} cannot be searched for: {last}")
        };
        Ok(Regex(match (regex::Regex::new(&translated), dialect) {
            // What needs no steps back is the same in both.
            (Ok(linear), _) => Engine::Linear(linear),
            (Err(error), Dialect::Re2) => return Err(wrong(&error)),
            (Err(_), Dialect::Pcre) => {
                let built = fancy_regex::RegexBuilder::new(&translated).backtrack_limit(BACKTRACKS_MAX).build();
                Engine::Backtracking(Arc::new(built.map_err(|error| wrong(&error))?))
            }
        }))
    }

    pub fn is_match(&self, text: &str) -> Result<bool, Error> {
        match &self.0 {
            Engine::Linear(regex) => Ok(regex.is_match(text)),
            Engine::Backtracking(regex) => regex.is_match(text).map_err(|_| Error("the pattern takes too many steps")),
        }
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Engine::Linear(regex) => regex.fmt(f),
            Engine::Backtracking(regex) => regex.as_str().fmt(f),
        }
    }
}

/// `\d` and `\w` are ASCII in both dialects, and Unicode's to the engines.
fn ascii_classes(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    let mut class = false;
    while let Some(c) = chars.next() {
        match (c, class) {
            ('\\', _) => match (chars.next(), class) {
                (Some('d'), false) => out.push_str("[0-9]"),
                (Some('d'), true) => out.push_str("0-9"),
                (Some('w'), false) => out.push_str("[0-9A-Za-z_]"),
                (Some('w'), true) => out.push_str("0-9A-Za-z_"),
                (Some('D'), _) => out.push_str("[^0-9]"),
                (Some('W'), _) => out.push_str("[^0-9A-Za-z_]"),
                (Some(c), _) => out.extend(['\\', c]),
                (None, _) => out.push('\\'),
            },
            ('[', false) => {
                class = true;
                out.push('[');
            }
            (']', true) => {
                class = false;
                out.push(']');
            }
            (c, _) => out.push(c),
        }
    }
    out
}
