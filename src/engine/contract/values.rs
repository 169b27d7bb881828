//! Values that a contract lists: an enum, what is valid, what means that something is missing.

use rustc_hash::FxHashSet;
use serde_json::Value;
use std::fmt;

/// A list of JSON values. Its texts are found by one hash, however many they are.
#[derive(Clone)]
pub struct Values {
    all: Box<[Value]>,
    texts: FxHashSet<Box<str>>,
}

impl Values {
    pub fn new(all: Vec<Value>) -> Values {
        let texts = all.iter().filter_map(Value::as_str).map(Into::into).collect();
        Values { all: all.into(), texts }
    }

    pub fn has_text(&self, text: &str) -> bool {
        self.texts.contains(text)
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Value> {
        self.all.iter()
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
