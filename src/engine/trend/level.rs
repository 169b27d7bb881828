//! Service levels in windows: what the records of one that closes show, and what the windows before it have left.
//!
//! The clock is the window's end. So a replay says the same, and a product that is read late is not called stale for that.

use crate::engine::check::sla::{Measured, Times, hidden, untold};
use crate::engine::check::verdict::{Status, Unmeasured};
use crate::engine::contract::plan::Threshold;
use crate::engine::contract::sla::{Level, Sla};
use crate::engine::decode::path::FieldPath;
use crate::engine::trend::budget::{Budget, DAY_MS, DAYS_BEFORE};
use crate::engine::trend::rolling::{BUCKETS, Rolling};
use serde::{Deserialize, Serialize};

/// Windows of equal length that close alike: one, or several without records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    pub start_ms: i64,
    pub end_ms: i64,
    pub windows: u64,
    /// Every record is there.
    pub complete: bool,
}

/// A promise, and where its records' windows come from.
#[derive(Clone, Copy, Debug)]
pub struct Promise<'a> {
    pub sla: &'a Sla,
    pub threshold: Threshold,
    /// The field that windows are cut by; `None`: the records' timestamps.
    pub event_time: Option<&'a FieldPath>,
}

/// What windows have left of one service level. At most some 700 bytes, most of them in the counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// What is measured: what another contract version measures otherwise begins anew.
    what: String,
    /// The newest time of a record.
    newest_ms: Option<i64>,
    /// Newer records may have been missed: a window since then was not complete.
    doubt: bool,
    /// When the counts began.
    since_ms: Option<i64>,
    /// Throughput of a longer time than a window: records. Availability: windows.
    counts: Rolling,
    /// Windows in which it held, among those that it was measured in.
    kept: Rolling,
}

impl Memory {
    /// Forgets what another promise has left.
    pub fn begin(&mut self, promise: Promise<'_>) {
        let Sla { property, unit_ms, times, .. } = promise.sla;
        let fields: Vec<&str> = times.iter().map(|time| time.name.as_str()).collect();
        let what = format!("{property} {} {unit_ms}", fields.join(","));
        if self.what != what {
            *self = Memory { what, ..Memory::default() };
        }
    }

    /// The number that is compared. `times`: of the records of its object that could be read; `None` where there are none.
    pub fn measure(
        &self,
        promise: Promise<'_>,
        times: Option<&Times>,
        closing: &Closing,
    ) -> Result<Measured, Unmeasured> {
        let Promise { sla, threshold, .. } = promise;
        hidden(sla).map_err(Unmeasured::Unknown)?;
        let total = times.map_or(0, Times::records);
        let of = |ms: i64| Measured { value: ms as f64 / sla.unit_ms, failed: 0, total };
        let unknown = |why: &str| Err(Unmeasured::Unknown(why.to_owned()));
        let ends = times.and_then(Times::ends_ms);
        let measured = match sla.level {
            Level::Latency => times.ok_or(Unmeasured::Skip)?.latency(sla).map_err(Unmeasured::Unknown)?,
            Level::Retention if promise.is_event_time() => return unknown(OWN_TIME),
            Level::Retention => match (times, ends) {
                (None, _) => return Err(Unmeasured::Skip),
                (_, None) => return Err(Unmeasured::Unknown(untold(sla))),
                (_, Some((oldest, _))) => of((closing.end_ms - oldest).max(0)),
            },
            Level::Freshness | Level::Frequency => {
                let Some(newest) = self.newest_ms.max(ends.map(|(_, newest)| newest)) else {
                    return Err(Unmeasured::Unknown(times.map_or(NO_RECORD.to_owned(), |_| untold(sla))));
                };
                let since = (closing.end_ms - newest).max(0);
                match (sla.level, times, ends) {
                    (Level::Frequency, Some(times), Some((oldest, _))) => {
                        let within = times.longest_pause_ms().map_err(Unmeasured::Unknown)?;
                        let before = self.newest_ms.filter(|_| !self.doubt).map_or(0, |newest| oldest - newest);
                        // One record has no pause within, and a steady stream's is told as what is not looked for.
                        of(if total > 1 { within } else { 0 }.max(before).max(since))
                    }
                    _ => of(since),
                }
            }
            Level::Throughput if sla.unit_ms <= closing.length_ms() as f64 => {
                let records = total as f64 / closing.windows.max(1) as f64;
                Measured { value: records * sla.unit_ms / closing.length_ms() as f64, failed: 0, total }
            }
            Level::Throughput => {
                let began = self.since_ms.unwrap_or(closing.start_ms);
                let passed = closing.end_ms - began;
                let bucket_ms = bucket_ms(sla, closing);
                if (passed as f64) < sla.unit_ms + bucket_ms as f64 {
                    let (passed, of) = (passed / 1_000, (sla.unit_ms as i64 + bucket_ms) / 1_000);
                    return unknown(&format!("{passed} s of {of} s have been measured: {LEARNS}"));
                }
                let mut counts = self.counts.clone();
                counts.add(last_ms(closing), bucket_ms, total, total);
                let before = (sla.unit_ms / bucket_ms as f64).ceil() as i64;
                let (records, _) = counts.sums(last_ms(closing), bucket_ms, before);
                let covered = closing.end_ms - (last_ms(closing).div_euclid(bucket_ms) - before) * bucket_ms;
                Measured { value: records as f64 * sla.unit_ms / covered as f64, failed: 0, total }
            }
            Level::Availability => {
                let mut counts = self.counts.clone();
                let came = total > 0;
                counts.add(last_ms(closing), DAY_MS, if came { closing.windows } else { 0 }, closing.windows);
                let (good, all) = counts.sums(last_ms(closing), DAY_MS, DAYS_BEFORE);
                let needed = windows_needed(threshold);
                if (all as f64) < needed {
                    return unknown(&format!("{all} of {needed} windows have been measured: {LEARNS}"));
                }
                Measured { value: good as f64 / all as f64 * 100.0, failed: all - good, total: all }
            }
        };
        let missed = self.doubt && ends.is_none() && !sla.level.worsens();
        if missed && !threshold.holds(measured.value) {
            return unknown("an earlier window was not complete, and there may be newer records");
        }
        Ok(measured)
    }

    /// Takes what the windows leave to later ones.
    pub fn learn(&mut self, promise: Promise<'_>, times: Option<&Times>, closing: &Closing) {
        let newest = times.and_then(Times::ends_ms).map(|(_, newest)| newest);
        let total = times.map_or(0, Times::records);
        let at = last_ms(closing);
        match promise.sla.level {
            Level::Latency | Level::Retention => {}
            Level::Freshness | Level::Frequency => {
                self.newest_ms = self.newest_ms.max(newest);
                self.doubt = !closing.complete || self.doubt && newest.is_none();
            }
            Level::Throughput if promise.sla.unit_ms <= closing.length_ms() as f64 => {}
            Level::Throughput if !closing.complete => {
                (self.since_ms, self.counts) = (None, Rolling::default());
            }
            Level::Throughput => {
                self.since_ms = self.since_ms.or(Some(closing.start_ms));
                self.counts.add(at, bucket_ms(promise.sla, closing), total, total);
            }
            // That nothing was read of a window that is not whole says nothing.
            Level::Availability if total == 0 && !closing.complete => {}
            Level::Availability => {
                let came = if total > 0 { closing.windows } else { 0 };
                self.counts.add(at, DAY_MS, came, closing.windows);
            }
        }
    }

    /// Takes what the verdict over the windows says of it.
    pub fn judged(&mut self, status: Status, closing: &Closing) {
        count(&mut self.kept, matches!(status, Status::Pass), status, closing);
    }

    /// An availability is an objective itself, and its windows are good where a record came that could be read.
    pub fn budget(&self, id: &str, promise: Promise<'_>, objective: f64, at_ms: i64) -> Budget {
        match (promise.sla.level, promise.threshold) {
            (Level::Availability, Threshold::GreaterOrEqualTo(percent)) => {
                Budget::of(id, percent / 100.0, &self.counts, at_ms)
            }
            _ => Budget::of(id, objective, &self.kept, at_ms),
        }
    }

    /// Records that came after their window had closed: how new they are counts all the same.
    pub fn late(&mut self, times: &Times) {
        self.newest_ms = self.newest_ms.max(times.ends_ms().map(|(_, newest)| newest));
    }

    /// Of windows of this length without records, from `first_ms` on: the start of the one by whose end the promise is broken.
    pub fn turn(&self, promise: Promise<'_>, first_ms: i64, size_ms: i64) -> Option<i64> {
        let Threshold::LessOrEqualTo(most) = promise.threshold else { return None };
        let newest = self.newest_ms.filter(|_| matches!(promise.sla.level, Level::Freshness | Level::Frequency))?;
        let limit_ms = newest.saturating_add((most * promise.sla.unit_ms) as i64);
        let windows = limit_ms.saturating_sub(first_ms).div_euclid(size_ms.max(1));
        Some(first_ms.saturating_add(windows.max(0).saturating_mul(size_ms)))
    }
}

const LEARNS: &str = "before that no number can be told";
const NO_RECORD: &str = "no record has been read yet";
const OWN_TIME: &str = "a window holds records of its own time alone: ask `steward contract test --topic`, or name an `element` that windows are not cut by";

impl Closing {
    /// Of one window.
    fn length_ms(&self) -> i64 {
        ((self.end_ms - self.start_ms) / self.windows.max(1) as i64).max(1)
    }
}

impl Promise<'_> {
    /// Whether it is about the very time that windows are cut by.
    fn is_event_time(&self) -> bool {
        match (self.sla.times.as_slice(), self.event_time) {
            ([], None) => true,
            ([one], Some(path)) => one.path == *path,
            _ => false,
        }
    }
}

/// Counts windows that were judged; what is unknown or was skipped is neither good nor bad.
pub fn count(windows: &mut Rolling, good: bool, status: Status, closing: &Closing) {
    if matches!(status, Status::Pass | Status::Warn | Status::Fail) {
        windows.add(last_ms(closing), DAY_MS, if good { closing.windows } else { 0 }, closing.windows);
    }
}

/// The last moment of the windows.
fn last_ms(closing: &Closing) -> i64 {
    closing.end_ms - 1
}

/// Of a throughput that is promised over a longer time than a window: no shorter than a window, whose records are in one.
fn bucket_ms(sla: &Sla, closing: &Closing) -> i64 {
    (sla.unit_ms as i64 / BUCKETS).max(closing.length_ms())
}

/// Windows after which a single one cannot break an availability any more: 1,000 for 99.9 %. One that is promised of all
/// windows is broken by any.
fn windows_needed(threshold: Threshold) -> f64 {
    match threshold {
        Threshold::GreaterOrEqualTo(percent) if percent < 100.0 => (100.0 / (100.0 - percent) - 1e-6).ceil(),
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests;
