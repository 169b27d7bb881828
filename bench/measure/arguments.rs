//! `--name value`, as many as there are; a word that nobody knows is a mistake.

use std::fmt::Debug;
use std::str::FromStr;

pub struct Arguments(Vec<String>);

impl Arguments {
    pub fn new(words: Vec<String>) -> Arguments {
        Arguments(words)
    }

    pub fn number<T: FromStr<Err: Debug>>(&mut self, name: &str, default: T) -> T {
        self.take(name).map_or(default, |text| text.parse().unwrap_or_else(|e| panic!("{name} {text}: {e:?}")))
    }

    /// Separated by commas.
    pub fn list(&mut self, name: &str, default: &str) -> Vec<String> {
        self.take(name).unwrap_or(default.into()).split(',').map(str::to_owned).collect()
    }

    pub fn text(&mut self, name: &str) -> Option<String> {
        self.take(name)
    }

    /// Fails where something is left.
    pub fn end(&self) {
        assert!(self.0.is_empty(), "{:?}: nobody knows what that means; see bench/README.md", self.0);
    }

    /// The last one counts: scripts give theirs first.
    fn take(&mut self, name: &str) -> Option<String> {
        let mut value = None;
        while let Some(at) = self.0.iter().position(|word| word == name) {
            assert!(at + 1 < self.0.len(), "{name} wants a value");
            self.0.remove(at);
            value = Some(self.0.remove(at));
        }
        value
    }
}
