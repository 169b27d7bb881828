//! Drift: what a contract's records look like against what they have looked like, field by field, and how many there are.
//!
//! Findings warn before rules fail; they are no results of rules, and change no verdict. `docs/drift.md` publishes every number.

use crate::engine::check::sampled;
use crate::engine::check::tally::Tally;
use crate::engine::check::verdict::{RuleResult, Status};
use crate::engine::contract::mode::Mode;
use crate::engine::contract::plan::Plan;
use crate::engine::profile::field::{Field, Kinds};
use crate::engine::trend::bins::{self, Bins};
use crate::engine::trend::level::Closing;
use crate::engine::trend::season::{self, Season, Seen};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Windows in which a field had values before anything is said of it; and after which what is new is usual.
pub const ENOUGH: u16 = 30;
/// By how much the share of places without a value may change.
pub const ABSENT: f64 = 0.1;
/// Of the values of a window, how many of a new type are a change.
pub const TYPE_SHARE: f64 = 0.05;
/// Fields that are remembered.
pub const FIELDS_MAX: usize = 500;
/// What a contract's record may weigh: 500 fields at 121 bytes with their bins, and two seasons of 1.8 kB.
#[cfg(test)]
const BYTES_MAX: usize = 64 * 1024;
/// What was usual is a mean of so many windows.
const MEMORY: u16 = 500;
/// Standard deviations beyond which a share is no chance.
const RARE: f64 = 5.0;
/// A field that had no value by chance: one of a million times.
const CHANCE: f64 = 1e-6;
/// Windows without records that are counted one by one; of more of them the last.
const IDLE_MAX: u64 = 512;

/// What a contract's windows have looked like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Windows with records, as far as that matters.
    windows: u16,
    /// Ascending by key.
    fields: Vec<(u32, Known)>,
    volume: Season,
    nulls: Season,
}

/// A field as it usually is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Known {
    /// Windows in which it had values.
    windows: u16,
    /// It appeared when the others were known, and is not usual yet.
    is_new: bool,
    /// The types of its values, a bit each.
    types: u8,
    /// Windows in a row with values of another type.
    strange: u16,
    /// The share of places without a value, and how many places stand behind it.
    absent: f32,
    weight: f32,
    bins: Option<Box<Bins>>,
}

/// What a window says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drift {
    /// What is not known for long enough.
    pub learning: Vec<Learning>,
    pub findings: Vec<Finding>,
    /// Fields beyond `FIELDS_MAX`.
    pub left_out: usize,
    /// By `GROUPS`; `None`: nothing can be said.
    said: [Option<bool>; 4],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Learning {
    pub what: &'static str,
    pub windows: u16,
    pub of: u16,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Finding {
    pub what: What,
    /// `object.path`; `None`: it is about the records as a whole.
    pub field: Option<String>,
    pub value: f64,
    pub usual: Option<f64>,
    /// What `value`, or its distance from what is usual, exceeds.
    pub threshold: f64,
    /// Jensen and Shannon's, beside the index.
    pub divergence: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum What {
    Appeared,
    Vanished,
    Type,
    NullShare,
    Distribution,
    Volume,
    Nulls,
}

impl What {
    pub fn word(self) -> &'static str {
        match self {
            What::Appeared => "fieldAppeared",
            What::Vanished => "fieldVanished",
            What::Type => "typeChanged",
            What::NullShare => "nullShare",
            What::Distribution => "distribution",
            What::Volume => "volume",
            What::Nulls => "nullRate",
        }
    }

    fn group(self) -> usize {
        match self {
            What::Appeared | What::Vanished | What::Type | What::NullShare => 0,
            What::Distribution => 1,
            What::Volume => 2,
            What::Nulls => 3,
        }
    }
}

/// What incidents are opened for: their ids, which end with the kind, and what is measured.
pub const GROUPS: [(&str, &str); 4] = [
    ("steward.drift.schema", "schemaDrift"),
    ("steward.drift.distribution", "distributionDrift"),
    ("steward.anomaly.volume", "volumeAnomaly"),
    ("steward.anomaly.nulls", "nullRateAnomaly"),
];
/// Fields that the reason of an incident names.
const NAMED_MAX: usize = 5;

impl Drift {
    /// As results that open incidents and are in no verdict.
    pub fn results(&self) -> Vec<RuleResult> {
        let result = |(group, (id, metric)): (usize, &(&str, &str))| {
            let found: Vec<&Finding> = self.findings.iter().filter(|f| f.what.group() == group).collect();
            let name = |finding: &&Finding| match &finding.field {
                Some(field) => format!("{field}: {}", finding.what.word()),
                None => finding.what.word().to_owned(),
            };
            let mut named: Vec<String> = found.iter().take(NAMED_MAX).map(name).collect();
            named.extend((found.len() > NAMED_MAX).then(|| format!("{} more", found.len() - NAMED_MAX)));
            RuleResult {
                id: (*id).to_owned(),
                name: None,
                status: match self.said[group] {
                    None => Status::Unknown,
                    Some(false) => Status::Pass,
                    Some(true) => Status::Warn,
                },
                mode: Mode::Warn,
                severity: Some("warning".to_owned()),
                dimension: None,
                relates_to: String::new(),
                metric: (*metric).to_owned(),
                value: Some(found.len() as f64),
                bounds: None,
                sampled: None,
                unit: "rows",
                threshold: json!({"mustBe": 0}),
                asked: 0,
                failed: 0,
                reason: (!named.is_empty()).then(|| named.join("; ")),
                samples: Vec::new(),
            }
        };
        GROUPS.iter().enumerate().map(result).collect()
    }

    fn find(&mut self, what: What, field: Option<&str>, value: f64, usual: Option<f64>, threshold: f64) {
        let field = field.map(str::to_owned);
        self.findings.push(Finding { what, field, value, usual, threshold, divergence: None });
    }
}

impl Baseline {
    /// Compares windows that close with those before them, and takes them for the ones after them.
    pub fn see(&mut self, plan: &Plan, tally: &Tally, closing: &Closing) -> Drift {
        let mut drift = Drift::default();
        self.see_volume(tally.counts.records, closing, &mut drift);
        let decoded =
            tally.counts.records - (tally.counts.tombstones + tally.counts.undecodable).min(tally.counts.records);
        // Of so many records the fields are.
        let decoded = sampled::of(plan, tally).map_or(decoded, |sampled| sampled.records);
        if decoded == 0 || tally.counts.unmeasured > 0 {
            return drift;
        }
        let known = self.windows >= ENOUGH;
        let (mut absent, mut looked, mut compared) = (0, 0, false);
        let nothing = Field::default();
        for (number, planned) in plan.profile.fields.iter().enumerate() {
            let field = tally.profile.fields.get(number).and_then(Option::as_deref).unwrap_or(&nothing);
            let object = plan.objects.get(planned.object).map_or("", |object| object.name.as_str());
            absent += field.kinds.missing + field.kinds.null;
            looked += field.kinds.total();
            self.see_field(&format!("{object}.{}", planned.path), false, field, &mut drift, &mut compared);
        }
        for (path, field) in &tally.profile.extra {
            self.see_field(path, true, field, &mut drift, &mut compared);
        }
        self.see_nulls(absent, looked, decoded, closing, &mut drift);
        self.windows = self.windows.saturating_add(1).min(MEMORY);
        let found = |drift: &Drift, group| drift.findings.iter().any(|finding| finding.what.group() == group);
        drift.said[0] = known.then(|| found(&drift, 0));
        drift.said[1] = compared.then(|| found(&drift, 1));
        if !known {
            drift.learning.push(Learning { what: "schema", windows: self.windows, of: ENOUGH });
        }
        drift
    }

    fn see_volume(&mut self, records: u64, closing: &Closing, drift: &mut Drift) {
        // A tenth of it at most is noise of the clock; less than that, and records come at random (Poisson).
        let least = |usual: f64| (1.0 / usual.exp().sqrt()).max(0.05);
        let size_ms = (closing.end_ms - closing.start_ms) / closing.windows.max(1) as i64;
        let windows = closing.windows.clamp(1, IDLE_MAX);
        let mut seen = Seen::Usual;
        for before in (0..windows as i64).rev() {
            let at_ms = closing.end_ms - size_ms - before * size_ms;
            seen = self.volume.see(at_ms, (records as f64).ln_1p(), least);
        }
        let usual = |usual: f64| usual.exp_m1().max(0.0);
        say(drift, What::Volume, "volume", seen, records as f64, usual);
    }

    fn see_nulls(&mut self, absent: u64, looked: u64, records: u64, closing: &Closing, drift: &mut Drift) {
        if looked == 0 {
            return;
        }
        let share = absent as f64 / looked as f64;
        let least = |usual: f64| (usual * (1.0 - usual) / records as f64).max(0.0).sqrt().max(0.01);
        let seen = self.nulls.see(closing.start_ms, share, least);
        say(drift, What::Nulls, "nulls", seen, share, |usual| usual);
    }

    fn see_field(&mut self, name: &str, is_extra: bool, field: &Field, drift: &mut Drift, compared: &mut bool) {
        let (looked, present) = (field.kinds.total(), field.kinds.present());
        if looked == 0 {
            return;
        }
        let all_known = self.windows >= ENOUGH;
        let key = key(name, is_extra);
        let place = match self.fields.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(place) => place,
            Err(_) if self.fields.len() >= FIELDS_MAX => return drift.left_out += 1,
            Err(place) => {
                // One that the contract has begun to describe is no surprise.
                let known = Known {
                    is_new: is_extra && all_known,
                    windows: u16::from(!is_extra && all_known),
                    ..Known::default()
                };
                self.fields.insert(place, (key, known));
                place
            }
        };
        let known = &mut self.fields[place].1;
        let usual = f64::from(known.absent);
        let share = (looked - present) as f64 / looked as f64;
        let is_known = known.windows >= ENOUGH;
        if present > 0 {
            known.is_new |= known.windows == 0 && all_known;
            known.windows = known.windows.saturating_add(1).min(MEMORY);
            if known.is_new {
                drift.find(What::Appeared, Some(name), 1.0 - share, None, 0.0);
                known.is_new = known.windows < ENOUGH;
            }
            see_types(known, is_known, &field.kinds, name, drift);
        }
        if is_known && present == 0 && usual.powf(looked as f64) < CHANCE {
            drift.find(What::Vanished, Some(name), 0.0, Some(1.0 - usual), 0.0);
        } else if is_known && present > 0 && differs(share, looked as f64, usual, known.weight.into()) {
            drift.find(What::NullShare, Some(name), share, Some(usual), ABSENT);
        }
        let part = 1.0 / f64::from(known.windows.max(1));
        known.absent = (usual + (share - usual) * part) as f32;
        known.weight = known.weight * (1.0 - 1.0 / f32::from(MEMORY)) + looked as f32;
        if present == 0 {
            return;
        }
        match &mut known.bins {
            Some(bins) => bins.see(field),
            None => known.bins = Bins::of(field).map(Box::new),
        }
        let Some(bins) = known.bins.as_ref().filter(|bins| bins.is_known()) else { return };
        *compared = true;
        if let Some(bins::Shift { index, threshold, divergence }) = bins.shift() {
            drift.find(What::Distribution, Some(name), index.into(), None, threshold.into());
            if let Some(finding) = drift.findings.last_mut() {
                finding.divergence = Some(divergence.into());
            }
        }
    }
}

fn say(drift: &mut Drift, what: What, word: &'static str, seen: Seen, value: f64, back: impl Fn(f64) -> f64) {
    match seen {
        Seen::Learning(windows) => drift.learning.push(Learning { what: word, windows, of: season::ENOUGH }),
        Seen::Usual => drift.said[what.group()] = Some(false),
        Seen::Unusual { usual, .. } => {
            drift.said[what.group()] = Some(true);
            drift.find(what, None, value, Some(back(usual)), season::BEYOND);
        }
    }
}

fn see_types(known: &mut Known, is_known: bool, kinds: &Kinds, name: &str, drift: &mut Drift) {
    let counts =
        [kinds.boolean, kinds.integer + kinds.number, kinds.text, kinds.bytes, kinds.moment, kinds.array, kinds.object];
    let bits = |least: f64| {
        let there = |(bit, count): (usize, &u64)| u8::from(*count > 0 && *count as f64 >= least) << bit;
        counts.iter().enumerate().map(there).sum::<u8>()
    };
    if !is_known {
        known.types |= bits(0.0);
        return;
    }
    let present = kinds.present() as f64;
    let strange = bits(present * TYPE_SHARE) & !known.types;
    if strange == 0 {
        known.strange = 0;
        return;
    }
    let others: u64 = counts.iter().enumerate().filter(|(bit, _)| strange >> bit & 1 == 1).map(|(_, n)| n).sum();
    drift.find(What::Type, Some(name), others as f64 / present, None, TYPE_SHARE);
    known.strange += 1;
    if known.strange >= ENOUGH {
        (known.types, known.strange) = (known.types | strange, 0);
    }
}

/// Whether two shares differ by more than is allowed, and by more than chance does (two proportions, pooled).
fn differs(share: f64, of: f64, usual: f64, weight: f64) -> bool {
    let pooled = (share * of + usual * weight) / (of + weight);
    let deviation = (pooled * (1.0 - pooled) * (1.0 / of + 1.0 / weight)).sqrt();
    let distance = (share - usual).abs();
    distance > ABSENT && distance > RARE * deviation
}

/// Fields by the first four bytes of a hash: of 500 two are alike once in 34,000 contracts.
fn key(name: &str, is_extra: bool) -> u32 {
    let digest = Sha256::new().chain_update([u8::from(is_extra)]).chain_update(name).finalize();
    u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]])
}

#[cfg(test)]
mod tests;
