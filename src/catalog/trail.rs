//! The audit as requests read it.

use crate::engine::audit::Line;
use crate::engine::record::Offset;
use std::collections::VecDeque;
use std::sync::{PoisonError, RwLock};

/// The newest lines; the topic has a year of them. Some 500 bytes each.
pub const LINES_MAX: usize = 10_000;

/// Every worker reads all lines, whoever wrote them, and shows them in one order: that of their times, and of the topic
/// where two have one time.
#[derive(Debug, Default)]
pub struct Trail(RwLock<VecDeque<Entry>>);

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub at_ms: i64,
    /// The record's offset: it names the line.
    pub id: Offset,
    pub line: Line,
}

impl Trail {
    /// What stands in the topic; a line whose time is none has no place here.
    pub fn add(&self, lines: impl IntoIterator<Item = (Offset, Line)>) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (id, line) in lines {
            let Some(at_ms) = line.at_ms() else { continue };
            // Clocks of workers differ a little: a line comes rarely before others, and never long before.
            let place = held.partition_point(|entry| (entry.at_ms, entry.id) < (at_ms, id));
            held.insert(place, Entry { at_ms, id, line });
        }
        let over = held.len().saturating_sub(LINES_MAX);
        held.drain(..over);
    }

    /// The newest first, as many as are asked for; `after`: those that are older than this one. `None`: there is no such line.
    pub fn newest(&self, takes: impl Fn(&Entry) -> bool, after: Option<Offset>, limit: usize) -> Option<Vec<Entry>> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let end = match after {
            None => held.len(),
            Some(id) => held.iter().position(|entry| entry.id == id)?,
        };
        Some(held.iter().take(end).rev().filter(|entry| takes(entry)).take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_newest_first_page_by_page_whatever_order_they_come_in() {
        let line = |at: &str| Line { at: format!("2026-11-29T06:00:{at}Z"), ..Line::default() };
        let all = [(7, line("02")), (5, line("01.5")), (6, line("01")), (8, line("01")), (9, Line::default())];
        for turned in [false, true] {
            let trail = Trail::default();
            let mut all = all.to_vec();
            if turned {
                all.reverse();
            }
            all.into_iter().for_each(|one| trail.add([one]));
            let page = |after, limit| -> Option<Vec<Offset>> {
                Some(trail.newest(|_| true, after, limit)?.iter().map(|entry| entry.id).collect())
            };
            assert_eq!(page(None, 9), Some(vec![7, 5, 8, 6]));
            assert_eq!(page(Some(5), 1), Some(vec![8]));
            assert_eq!(page(Some(6), 1), Some(vec![]));
            assert_eq!(page(Some(4), 1), None);
        }
        let trail = Trail::default();
        trail.add((0..LINES_MAX as i64 + 5).map(|id| (id, line("01"))));
        let all = trail.newest(|_| true, None, usize::MAX).unwrap();
        assert_eq!((all.len(), all.last().unwrap().id), (LINES_MAX, 5), "the oldest leave");
    }
}
