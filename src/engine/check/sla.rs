//! Service levels measured: what the times of records come to, counted in any order and in bounded memory.

use crate::engine::contract::plan::Threshold;
use crate::engine::contract::sla::{Level, Sla};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Pauses that are told apart; a stream with more of them is not measured. At some 50 bytes each they weigh 500 KB in
/// memory, at 12 bytes 120 KB in a delta.
const MAX_SPANS: usize = 10_000;
/// Pauses shorter than this part of the promised one are not looked for, so that a steady stream is one span.
const RESOLUTION: f64 = 16.0;

/// What the records of one SLA have shown. `Times::default()` is the identity of `merge`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// Records whose time could be told.
    records: u64,
    oldest_ms: Option<i64>,
    newest_ms: Option<i64>,
    /// Latency: the longest, and how many took longer than promised. Retention in a dry run: how many are older.
    longest_ms: Option<i64>,
    beyond: u64,
    spans: Spans,
}

/// What a record tells of an SLA: the time of each of its elements, and its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub first_ms: Option<i64>,
    pub second_ms: Option<i64>,
    /// The record's timestamp; `None` where there is none.
    pub timestamp_ms: Option<i64>,
}

/// The number that is compared, in the SLA's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    pub value: f64,
    pub failed: u64,
    pub total: u64,
}

impl Times {
    /// `threshold`: of the rule. `now_ms`: the time that it is taken to be, in a dry run.
    pub fn see(&mut self, sla: &Sla, threshold: Threshold, told: Told, now_ms: Option<i64>) {
        let own = if sla.times.is_empty() { told.timestamp_ms } else { told.first_ms };
        if sla.level == Level::Availability {
            self.records += 1;
            return;
        }
        if sla.level == Level::Latency {
            let end = if sla.times.len() > 1 { told.second_ms } else { told.timestamp_ms };
            let (Some(start), Some(end)) = (told.first_ms, end) else { return };
            let took = end.saturating_sub(start);
            self.records += 1;
            self.longest_ms = Some(self.longest_ms.map_or(took, |longest| longest.max(took)));
            self.beyond += u64::from(!threshold.holds(took as f64 / sla.unit_ms));
            return;
        }
        let Some(at) = own else { return };
        self.records += 1;
        self.oldest_ms = first(self.oldest_ms, Some(at));
        self.newest_ms = self.newest_ms.max(Some(at));
        match (sla.level, threshold, now_ms) {
            (Level::Retention, _, Some(now_ms)) => {
                let age = now_ms.saturating_sub(at) as f64 / sla.unit_ms;
                self.beyond += u64::from(!threshold.holds(age));
            }
            (Level::Frequency, Threshold::LessOrEqualTo(most), _) => {
                self.spans.add((at, at), (most * sla.unit_ms / RESOLUTION) as i64);
            }
            _ => {}
        }
    }

    /// What other records have shown, too.
    pub fn merge(&mut self, other: Times) {
        self.records += other.records;
        self.oldest_ms = first(self.oldest_ms, other.oldest_ms);
        self.newest_ms = self.newest_ms.max(other.newest_ms);
        self.longest_ms = self.longest_ms.max(other.longest_ms);
        self.beyond += other.beyond;
        self.spans.merge(other.spans);
    }

    pub fn records(&self) -> u64 {
        self.records
    }

    /// The oldest and the newest time of a record.
    pub fn ends_ms(&self) -> Option<(i64, i64)> {
        self.oldest_ms.zip(self.newest_ms)
    }

    /// Roughly what it weighs when written.
    pub fn weight_bytes(&self) -> usize {
        24 + self.spans.spans.len() * SPAN_BYTES
    }

    /// The longest pause between two times. The error says why it cannot be told.
    pub fn longest_pause_ms(&self) -> Result<i64, String> {
        let pause = self.spans.longest_pause_ms();
        pause.ok_or_else(|| format!("there are more than {MAX_SPANS} pauses to be told apart"))
    }

    /// The longest way of a record. The error says why there is none.
    pub fn latency(&self, sla: &Sla) -> Result<Measured, String> {
        let of = |ms: i64| Measured { value: ms as f64 / sla.unit_ms, failed: self.beyond, total: self.records };
        self.longest_ms.map(of).ok_or_else(|| untold(sla))
    }

    /// Over all records of a dry run. The error says why there is no number.
    pub fn measure(&self, sla: &Sla, now_ms: i64) -> Result<Measured, String> {
        let of = |ms: f64| Measured { value: ms / sla.unit_ms, failed: self.beyond, total: self.records };
        hidden(sla)?;
        match sla.level {
            Level::Latency => return self.latency(sla),
            Level::Availability => return Err("it is one of windows, which the daemon measures".to_owned()),
            _ => {}
        }
        let (oldest, newest) = self.ends_ms().ok_or_else(|| untold(sla))?;
        match sla.level {
            Level::Freshness | Level::Latency | Level::Availability => Ok(of(now_ms.saturating_sub(newest) as f64)),
            Level::Retention => Ok(of(now_ms.saturating_sub(oldest) as f64)),
            Level::Throughput if oldest == newest => Err("all records are of one moment".to_owned()),
            Level::Throughput => {
                let value = self.records as f64 * sla.unit_ms / (newest - oldest) as f64;
                Ok(Measured { value, failed: 0, total: self.records })
            }
            Level::Frequency if self.records < 2 => Err("a single record has no pause before or after it".to_owned()),
            Level::Frequency => Ok(of(self.longest_pause_ms()? as f64)),
        }
    }
}

/// The error: its times may not be told.
pub fn hidden(sla: &Sla) -> Result<(), String> {
    match sla.times.iter().find(|field| field.classified) {
        Some(field) => Err(format!("{} is classified, and nothing of its values may be told", field.name)),
        None => Ok(()),
    }
}

/// Why records that there are tell no time.
pub fn untold(sla: &Sla) -> String {
    match sla.times.as_slice() {
        [] if sla.level == Level::Latency => "it names no `element` that a record's way begins with".to_owned(),
        [] => "no record has a timestamp, and no `element` names a field that tells the time".to_owned(),
        [one] if sla.level == Level::Latency => {
            format!("no record has both {} and a timestamp; name a second `element` where it ends", one.name)
        }
        fields => {
            let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
            format!("no record has a time that can be read in {}", names.join(" and "))
        }
    }
}

/// The lower of two, of which one may be unknown.
fn first(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one.into_iter().chain(other).min()
}

/// Two varints of milliseconds since 1970.
const SPAN_BYTES: usize = 12;

/// Times as spans without a pause: two that lie at most `joined_ms` apart are in one. Which spans there are in the end
/// does not depend on the order of the times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Spans {
    /// Last by first; disjoint.
    spans: BTreeMap<i64, i64>,
    /// There were more than `MAX_SPANS` at some time.
    too_many: bool,
    joined_ms: i64,
}

impl Spans {
    /// A span, which for one time begins where it ends.
    fn add(&mut self, (mut first, mut last): (i64, i64), joined_ms: i64) {
        if self.too_many {
            return;
        }
        self.joined_ms = joined_ms;
        if let Some((from, to)) = self.spans.range(..=first).next_back().map(|(from, to)| (*from, *to))
            && first.saturating_sub(to) <= joined_ms
        {
            (first, last) = (from, to.max(last));
        }
        while let Some((from, to)) = self.spans.range(first.saturating_add(1)..).next().map(|(from, to)| (*from, *to))
            && from.saturating_sub(last) <= joined_ms
        {
            self.spans.remove(&from);
            last = last.max(to);
        }
        self.spans.insert(first, last);
        if self.spans.len() > MAX_SPANS {
            self.too_many = true;
            self.spans.clear();
        }
    }

    fn merge(&mut self, other: Spans) {
        let joined_ms = self.joined_ms.max(other.joined_ms);
        other.spans.into_iter().for_each(|span| self.add(span, joined_ms));
        if other.too_many {
            self.too_many = true;
            self.spans.clear();
        }
    }

    /// Where no pause is longer than what is joined, that. `None`: there were too many to tell.
    fn longest_pause_ms(&self) -> Option<i64> {
        let pauses = self.spans.values().zip(self.spans.keys().skip(1)).map(|(to, from)| from - to);
        (!self.too_many).then(|| pauses.max().unwrap_or(0).max(self.joined_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::contract::sla::TimeField;
    use crate::engine::contract::text::moment::Moments;
    use crate::engine::decode::moment::MomentKind;
    use crate::engine::decode::path::FieldPath;
    use proptest::prelude::*;

    fn sla(level: Level, fields: usize, unit_ms: f64) -> Sla {
        let field = |n: usize| TimeField {
            name: format!("t{n}"),
            path: FieldPath::default(),
            read: Moments::iso(MomentKind::Timestamp),
            classified: false,
        };
        Sla { property: "p".into(), level, unit: "u".into(), unit_ms, times: (0..fields).map(field).collect() }
    }

    const NOW: i64 = 1_000_000;

    /// Records' times `(first, second, timestamp)` against a level that promises `number` of `unit_ms`.
    fn check(sla: &Sla, number: f64, told: &[(i64, i64, i64)], expected: Result<(f64, u64), &str>) {
        let mut times = Times::default();
        for (first, second, timestamp) in told {
            let of = |ms: i64| (ms >= 0).then_some(ms);
            let told = Told { first_ms: of(*first), second_ms: of(*second), timestamp_ms: of(*timestamp) };
            times.see(sla, sla.level.threshold(number), told, Some(NOW));
        }
        match (times.measure(sla, NOW), expected) {
            (Ok(found), Ok((value, failed))) => assert_eq!((found.value, found.failed), (value, failed), "{sla:?}"),
            (Err(why), Err(words)) => assert!(why.contains(words), "{why}"),
            (found, expected) => panic!("{sla:?}: {found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn each_level_compares_the_number_that_it_is_about() {
        let s = 1_000.0;
        let told = [(400_000, 410_000, -1), (900_000, 902_500, 901_000), (600_000, -1, -1)];
        check(&sla(Level::Freshness, 1, s), 50.0, &told, Ok((100.0, 0)));
        check(&sla(Level::Freshness, 0, s), 50.0, &told, Ok((99.0, 0)));
        check(&sla(Level::Retention, 1, s), 500.0, &told, Ok((600.0, 1)));
        check(&sla(Level::Latency, 2, s), 5.0, &told, Ok((10.0, 1)));
        check(&sla(Level::Latency, 1, s), 5.0, &told, Ok((1.0, 0)));
        check(&sla(Level::Throughput, 1, s), 1.0, &told, Ok((3.0 / 500.0, 0)));
        check(&sla(Level::Frequency, 1, s), 200.0, &told, Ok((300.0, 0)));
    }

    #[test]
    fn what_no_record_tells_has_no_number_and_says_why() {
        let told = [(-1, -1, -1)];
        check(&sla(Level::Freshness, 0, 1.0), 1.0, &told, Err("no record has a timestamp"));
        check(&sla(Level::Freshness, 1, 1.0), 1.0, &told, Err("can be read in t0"));
        check(&sla(Level::Latency, 0, 1.0), 1.0, &told, Err("no `element`"));
        check(&sla(Level::Latency, 1, 1.0), 1.0, &[(5, -1, -1)], Err("second `element`"));
        check(&sla(Level::Throughput, 1, 1.0), 1.0, &[(5, -1, -1); 2], Err("one moment"));
        check(&sla(Level::Frequency, 1, 1.0), 1.0, &[(5, -1, -1)], Err("single record"));
        let mut classified = sla(Level::Freshness, 1, 1.0);
        classified.times[0].classified = true;
        check(&classified, 1.0, &[(5, -1, -1)], Err("classified"));
    }

    #[test]
    fn a_stream_with_more_pauses_than_are_told_apart_has_no_frequency() {
        let told: Vec<_> = (0..=MAX_SPANS as i64 + 1).map(|n| (n * 100, -1, -1)).collect();
        check(&sla(Level::Frequency, 1, 1.0), 16.0, &told, Err("more than 10000 pauses"));
        check(&sla(Level::Frequency, 1, 1.0), 1_600.0, &told, Ok((100.0, 0)));
    }

    proptest! {
        /// The longest pause is that of the sorted times, to a 16th of the promised one, whatever their order.
        #[test]
        fn the_longest_pause_is_found_in_any_order(times in proptest::collection::vec(0i64..5_000, 2..60), most in 16i64..2_000) {
            let sla = sla(Level::Frequency, 1, 1.0);
            let mut seen = Times::default();
            for at in &times {
                let told = Told { first_ms: Some(*at), ..Told::default() };
                seen.see(&sla, Level::Frequency.threshold(most as f64), told, Some(NOW));
            }
            let mut sorted = times.clone();
            sorted.sort_unstable();
            let longest = sorted.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
            let found = seen.measure(&sla, NOW).expect("two records").value as i64;
            prop_assert_eq!(found, longest.max(most / RESOLUTION as i64));
        }

        /// Deltas bring them in any order and number.
        #[test]
        fn what_records_show_merges_in_any_order(
            times in proptest::collection::vec((0i64..3, 0i64..5_000, 0i64..400), 0..60),
            most in 1i64..2_000,
        ) {
            for level in [Level::Latency, Level::Frequency, Level::Throughput, Level::Freshness] {
                let sla = sla(level, 2, 1.0);
                let seen = |of: &dyn Fn(i64) -> bool| {
                    let mut seen = Times::default();
                    for (_, at, took) in times.iter().filter(|(part, _, _)| of(*part)) {
                        let told = Told { first_ms: Some(*at), second_ms: Some(at + took), timestamp_ms: None };
                        seen.see(&sla, level.threshold(most as f64), told, None);
                    }
                    seen
                };
                for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
                    let mut merged = Times::default();
                    order.into_iter().for_each(|part| merged.merge(seen(&|of| of == part)));
                    let bytes = postcard::to_stdvec(&merged).expect("plain data");
                    prop_assert!(bytes.len() <= merged.weight_bytes() + 16);
                    prop_assert_eq!(&postcard::from_bytes::<Times>(&bytes).expect("its own bytes"), &seen(&|_| true));
                }
            }
        }
    }
}
