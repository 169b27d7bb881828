//! What moves between rounds, and how far behind it is.
//!
//! Lag in seconds is known by the ends of logs that were seen before: the record at a committed offset was written between the
//! last look at which the log ended there or before, and the next one. Where the log had gone further at the first look, it is
//! not known.

use crate::flow::io::Part;
use std::collections::{BTreeMap, VecDeque};

/// Ends of a log that are remembered, where it grows: 10,000 partitions take 5 MB, and at a look each 10 s they reach
/// back 5 min.
const ENDS_MAX: usize = 32;

/// What earlier rounds saw.
#[derive(Debug, Default)]
pub struct Progress {
    committed: BTreeMap<String, BTreeMap<Part, i64>>,
    ends: BTreeMap<Part, Ends>,
}

/// Times, in milliseconds since 1970, at which a log ended at an offset.
type Ends = VecDeque<(i64, i64)>;

/// How a group stands with a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// A committed offset of it is another than in the round before.
    pub moves: bool,
    /// Over all partitions with a committed offset; `None` where an end is not known.
    pub lag_records: Option<i64>,
    /// Of the partition that is furthest behind; `None` where one is not known.
    pub lag_ms: Option<i64>,
}

impl Progress {
    /// Takes a round's answers in, and says of each group and topic how they stand. Groups that are absent were not asked: what
    /// is known of them stays as it is; one that is gone for good takes little.
    pub fn look(
        &mut self,
        now_ms: i64,
        committed: &BTreeMap<String, Vec<(Part, i64)>>,
        ends: &BTreeMap<Part, i64>,
    ) -> BTreeMap<(String, String), Standing> {
        self.remember(now_ms, ends);
        let mut standings: BTreeMap<(String, String), Standing> = BTreeMap::new();
        for (group, offsets) in committed {
            let before = self.committed.get(group);
            for (part, offset) in offsets {
                let known = Standing { moves: false, lag_records: Some(0), lag_ms: Some(0) };
                let standing = standings.entry((group.clone(), part.topic.to_string())).or_insert(known);
                // What was not there at the last look came since; at the first look nothing is known of before.
                standing.moves |= before.is_some_and(|before| before.get(part) != Some(offset));
                let behind = ends.get(part).map(|end| (end - offset).max(0));
                standing.lag_records = standing.lag_records.zip(behind).map(|(all, one)| all + one);
                let behind_ms = self.behind_ms(now_ms, part, *offset);
                standing.lag_ms = standing.lag_ms.zip(behind_ms).map(|(most, one)| most.max(one));
            }
        }
        for (group, offsets) in committed {
            self.committed.insert(group.clone(), offsets.iter().cloned().collect());
        }
        standings
    }

    /// Forgets groups that are not among these.
    pub fn retain(&mut self, groups: impl Fn(&str) -> bool) {
        self.committed.retain(|group, _| groups(group));
    }

    fn remember(&mut self, now_ms: i64, ends: &BTreeMap<Part, i64>) {
        self.ends.retain(|part, _| ends.contains_key(part));
        for (part, end) in ends {
            let seen = self.ends.entry(part.clone()).or_default();
            // A log that was cut or made anew: older ends are those of another.
            if seen.back().is_some_and(|(_, last)| last > end) {
                seen.clear();
            }
            // Of a log that stands still the first and the last look at it.
            let still = seen.iter().rev().take(2).filter(|(_, last)| last == end).count() == 2;
            match seen.back_mut() {
                Some(last) if still => last.0 = now_ms,
                _ => seen.push_back((now_ms, *end)),
            }
            if seen.len() > ENDS_MAX {
                seen.pop_front();
            }
        }
    }

    /// How long ago the record at this offset was written, as near as looks allow: half-way between two.
    fn behind_ms(&self, now_ms: i64, part: &Part, offset: i64) -> Option<i64> {
        let seen = self.ends.get(part)?;
        if seen.back().is_some_and(|(_, end)| *end <= offset) {
            return Some(0);
        }
        // The first look at which the log had gone beyond it, and the one before.
        let beyond = seen.iter().position(|(_, end)| *end > offset)?;
        let (before_ms, _) = seen.get(beyond.checked_sub(1)?)?;
        let (after_ms, _) = seen.get(beyond)?;
        Some(now_ms - (before_ms + after_ms) / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks each 10 s at one group and one partition, the last of which is returned.
    fn last(looks: &[(i64, i64)]) -> Standing {
        let part = Part::new(&"orders".into(), 0);
        let (mut progress, mut standing) = (Progress::default(), Standing::default());
        for (turn, (committed, end)) in looks.iter().enumerate() {
            let committed = BTreeMap::from([("g".to_owned(), vec![(part.clone(), *committed)])]);
            let ends = BTreeMap::from([(part.clone(), *end)]);
            let told = progress.look(turn as i64 * 10_000, &committed, &ends);
            standing = told[&("g".to_owned(), "orders".to_owned())].clone();
        }
        standing
    }

    #[test]
    fn what_is_committed_moves_or_does_not_and_is_so_far_behind() {
        for (looks, moves, lag_records, lag_ms) in [
            (&[(5, 5)][..], false, 0, Some(0)),
            (&[(5, 5), (5, 5)], false, 0, Some(0)),
            (&[(5, 5), (6, 6)], true, 0, Some(0)),
            // A reset is a move, too.
            (&[(5, 9), (2, 9)], true, 7, None),
            // The record at 5 was written between the first look and the second.
            (&[(5, 5), (5, 8)], false, 3, Some(5_000)),
            (&[(5, 5), (5, 8), (5, 9)], false, 4, Some(15_000)),
            (&[(5, 5), (5, 5), (5, 5), (5, 8)], false, 3, Some(5_000)),
            // What was there before the first look has no time.
            (&[(3, 5), (3, 8)], false, 5, None),
            (&[(3, 5), (6, 8)], true, 2, Some(5_000)),
            // Made anew.
            (&[(5, 5), (0, 2)], true, 2, None),
        ] {
            let expected = Standing { moves, lag_records: Some(lag_records), lag_ms };
            assert_eq!(last(looks), expected, "{looks:?}");
        }
    }

    #[test]
    fn a_partition_that_appears_moves_and_one_without_end_has_no_lag() {
        let part = |n| Part::new(&"orders".into(), n);
        let mut progress = Progress::default();
        let committed = |parts: &[(i32, i64)]| {
            let offsets = parts.iter().map(|(n, offset)| (part(*n), *offset)).collect();
            BTreeMap::from([("g".to_owned(), offsets)])
        };
        let key = ("g".to_owned(), "orders".to_owned());
        let ends = BTreeMap::from([(part(0), 5)]);
        progress.look(0, &committed(&[(0, 5)]), &ends);
        let told = progress.look(10_000, &committed(&[(0, 5), (1, 1)]), &ends);
        assert_eq!(told[&key], Standing { moves: true, lag_records: None, lag_ms: None });
        // Not asked in a round, it is compared with the one before.
        assert!(progress.look(20_000, &BTreeMap::new(), &ends).is_empty());
        assert!(!progress.look(30_000, &committed(&[(0, 5), (1, 1)]), &ends)[&key].moves);
        progress.retain(|_| false);
        assert!(!progress.look(40_000, &committed(&[(0, 9)]), &ends)[&key].moves, "a first look");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let looks: Vec<(i64, i64)> = (0..100).map(|n| (90, n)).collect();
        assert_eq!(last(&looks).lag_ms, Some(85_000));
        let part = Part::new(&"orders".into(), 0);
        let mut progress = Progress::default();
        for n in 0..100 {
            progress.look(n, &BTreeMap::new(), &BTreeMap::from([(part.clone(), n)]));
        }
        assert_eq!(progress.ends[&part].len(), ENDS_MAX);
    }
}
