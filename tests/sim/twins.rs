//! Who took whose transactional id: two workers with one id must not fence each other for ever.

use mesh_steward::flow::io::Ms;
use std::collections::{BTreeMap, VecDeque};

/// One life of one task.
pub type Life = (usize, u32);

#[derive(Default)]
pub struct Twins {
    holders: BTreeMap<String, Life>,
    takes: BTreeMap<Life, VecDeque<Ms>>,
    /// Lives that took an id from another once too often.
    pub quarrels: Vec<String>,
}

/// A task takes its id when it starts, and once more after it was fenced; the second fencing within this ends it.
const WITHIN_MS: Ms = 60_000;
/// Each of the two may be asked for a second time, where its answer was lost.
const TAKES_MAX: usize = 4;

impl Twins {
    /// A life was given a new epoch of this id.
    pub fn took(&mut self, now: Ms, id: &str, by: Life) {
        if self.holders.insert(id.to_owned(), by) == Some(by) {
            return;
        }
        let takes = self.takes.entry(by).or_default();
        takes.push_back(now);
        while takes.front().is_some_and(|at| now - at > WITHIN_MS) {
            takes.pop_front();
        }
        if takes.len() > TAKES_MAX {
            self.quarrels.push(format!("{id} was taken {} times within a minute by one process", takes.len()));
        }
    }
}

#[test]
fn who_takes_an_id_from_another_again_and_again_quarrels() {
    let (mut twins, mut alone) = (Twins::default(), Twins::default());
    for i in 0..11 {
        alone.took(i * 1_000, "w", (0, 0));
        twins.took(i * 1_000, "w", (i as usize % 2, 0));
    }
    assert_eq!((twins.quarrels.len(), alone.quarrels.len()), (3, 0));
}
