//! The part of a URL behind the question mark, read strictly where a mistake would be answered with too much.

use crate::http::problem::problem;
use axum::extract::Query;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

/// Pairs in their order, decoded.
pub struct Pairs(Vec<(String, String)>);

/// 400 where it cannot be read.
pub fn pairs(uri: &Uri) -> Result<Pairs, Box<Response>> {
    match Query::<Vec<(String, String)>>::try_from_uri(uri) {
        Ok(Query(pairs)) => Ok(Pairs(pairs)),
        Err(error) => Err(bad(&format!("the query cannot be read: {error}; write name=value, joined by &"))),
    }
}

impl Pairs {
    /// The last value under this name.
    pub fn last(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether one of the values under this name is the word.
    pub fn has(&self, name: &str, word: &str) -> bool {
        self.0.iter().any(|(known, value)| known == name && value == word)
    }

    /// All values under this name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// 400 where one of the values under this name is none of these, and says something.
    pub fn words(&self, name: &str, words: &[&str]) -> Result<(), Box<Response>> {
        match self.all(name).find(|value| !value.is_empty() && !words.contains(value)) {
            None => Ok(()),
            Some(value) => Err(bad(&format!("{name}={value} means nothing here; write one of: {}", words.join(", ")))),
        }
    }

    /// A word out of these, or none; 400 for another.
    pub fn word<'w>(&self, name: &str, words: &[&'w str]) -> Result<Option<&'w str>, Box<Response>> {
        let Some(value) = self.last(name) else { return Ok(None) };
        match words.iter().find(|word| **word == value) {
            Some(word) => Ok(Some(*word)),
            None => Err(bad(&format!("{name}={value} means nothing here; write one of: {}", words.join(", ")))),
        }
    }
}

pub fn bad(detail: &str) -> Box<Response> {
    Box::new(problem(StatusCode::BAD_REQUEST, detail))
}
