//! Service levels: what `slaProperties` promise of the times of records, as one number to compare with.

use crate::engine::contract::plan::Threshold;
use crate::engine::contract::text::moment::Moments;
use crate::engine::decode::path::FieldPath;

/// One entry of `slaProperties`.
#[derive(Clone, Debug)]
pub struct Sla {
    /// The standard's name where it is one of its own, else as the contract writes it.
    pub property: String,
    pub level: Level,
    /// What the number counts, as the contract writes it: `d`, `min`, `records/s`.
    pub unit: String,
    /// Of a time: how long one of the unit is. Of a throughput: the time that it is counted per.
    pub unit_ms: f64,
    /// The fields that tell the time, as `element` names them; none: the record's own timestamp.
    pub times: Vec<TimeField>,
}

impl Sla {
    /// The unit as results say it, whatever its spelling in the contract.
    pub fn unit_word(&self) -> &'static str {
        const TIMES: [(f64, &str, &str); 8] = [
            (1.0, "ms", "records/ms"),
            (S, "s", "records/s"),
            (MIN, "min", "records/min"),
            (H, "h", "records/h"),
            (D, "d", "records/d"),
            (7.0 * D, "w", "records/w"),
            (30.0 * D, "mo", "records/mo"),
            (365.0 * D, "y", "records/y"),
        ];
        let (_, time, per) = TIMES.iter().find(|(ms, ..)| *ms == self.unit_ms).unwrap_or(&TIMES[0]);
        match self.level {
            Level::Availability => "percent",
            Level::Throughput => per,
            _ => time,
        }
    }
}

/// A field that tells a time.
#[derive(Clone, Debug)]
pub struct TimeField {
    /// By `name`s, for people.
    pub name: String,
    pub path: FieldPath,
    pub read: Moments,
    /// Nothing of its values may be told.
    pub classified: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// How old the newest record is.
    Freshness,
    /// How long a record is on its way: from one field to another, or to the record's timestamp.
    Latency,
    /// How old the oldest record is.
    Retention,
    /// How long there is no record.
    Frequency,
    /// How many records there are in a time.
    Throughput,
    /// In how many windows of a hundred records came and could be read.
    Availability,
}

impl Level {
    /// What is compared with the contract's number. Times are at most as long as promised; a throughput and an
    /// availability are at least so much.
    pub fn threshold(self, number: f64) -> Threshold {
        match self {
            Level::Throughput | Level::Availability => Threshold::GreaterOrEqualTo(number),
            _ => Threshold::LessOrEqualTo(number),
        }
    }

    /// Whether a record more can break what held: what is not whole may then hold, and what is broken stays so. Of all others
    /// it is the other way round.
    pub fn worsens(self) -> bool {
        matches!(self, Level::Latency | Level::Retention)
    }
}

/// The names of the standard and their synonyms; `freshness` and `timeOfAvailability` are used by its examples and tools.
const NAMES: [(&str, &str); 14] = [
    ("availability", "av"),
    ("throughput", "th"),
    ("errorRate", "er"),
    ("generalAvailability", "ga"),
    ("endOfSupport", "es"),
    ("endOfLife", "el"),
    ("retention", "re"),
    ("frequency", "fy"),
    ("latency", "ly"),
    ("timeToDetect", "td"),
    ("timeToNotify", "tn"),
    ("timeToRepair", "tr"),
    ("freshness", "freshness"),
    ("timeOfAvailability", "timeOfAvailability"),
];

/// The standard's name of an SLA property, by it or its synonym in any case; `None` for one that is not the standard's.
pub fn name(property: &str) -> Option<&'static str> {
    let is = |name: &&(&str, &str)| name.0.eq_ignore_ascii_case(property) || name.1.eq_ignore_ascii_case(property);
    NAMES.iter().find(is).map(|(name, _)| *name)
}

/// What the property of this name measures; the error says why nothing does.
pub fn level(name: &str) -> Result<Level, String> {
    Ok(match name {
        "freshness" => Level::Freshness,
        "latency" => Level::Latency,
        "retention" => Level::Retention,
        "frequency" => Level::Frequency,
        "throughput" => Level::Throughput,
        "availability" => Level::Availability,
        "errorRate" => return Err("errors are measured by the rules of the contract, each on its own".to_owned()),
        "timeToDetect" | "timeToNotify" | "timeToRepair" => {
            return Err(format!("{name} is about people, and no record tells it"));
        }
        "generalAvailability" | "endOfSupport" | "endOfLife" | "timeOfAvailability" => {
            return Err(format!("{name} is a date or a time of day, and no record tells it"));
        }
        _ => return Err(format!("the SLA {name} is not measured")),
    })
}

/// A day where no unit is given, as `datacontract-cli` has it.
pub const DEFAULT_UNIT: &str = "d";

const S: f64 = 1_000.0;
const MIN: f64 = 60.0 * S;
const H: f64 = 60.0 * MIN;
const D: f64 = 24.0 * H;

/// Milliseconds of one unit of time, by its ODCS or common name in any case. A month is 30 days and a year 365.
pub fn unit_ms(unit: &str) -> Option<f64> {
    Some(match unit.trim().to_ascii_lowercase().as_str() {
        "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => 1.0,
        "s" | "sec" | "secs" | "second" | "seconds" => S,
        "m" | "min" | "mins" | "minute" | "minutes" => MIN,
        "h" | "hr" | "hrs" | "hour" | "hours" => H,
        "d" | "day" | "days" => D,
        "w" | "wk" | "week" | "weeks" => 7.0 * D,
        "mo" | "mon" | "month" | "months" => 30.0 * D,
        "y" | "yr" | "yrs" | "year" | "years" => 365.0 * D,
        _ => return None,
    })
}

/// Milliseconds of the time that a throughput is counted per: `records/s`, `messages per minute`, `rps`; a unit of time
/// alone is meant per. The error says why it is none.
pub fn per_ms(unit: &str) -> Result<f64, String> {
    let unit = unit.trim().to_ascii_lowercase();
    let (what, per) = match unit.split_once('/').or_else(|| unit.split_once(" per ")) {
        Some((what, per)) => (what.trim(), per.trim()),
        None if matches!(unit.as_str(), "rps" | "mps" | "tps") => ("records", "s"),
        None => ("records", unit.strip_prefix("per ").unwrap_or(&unit)),
    };
    let records = ["", "record", "records", "row", "rows", "message", "messages", "msg", "msgs", "event", "events"];
    if !records.contains(&what) {
        return Err(format!("a throughput in {what} is not measured, only in records"));
    }
    unit_ms(per).ok_or_else(|| format!("the unit {unit:?} is not understood"))
}

/// Milliseconds of an ISO 8601 duration such as `PT4H` or `P1Y6M`; a month is 30 days and a year 365.
pub fn duration_ms(text: &str) -> Option<f64> {
    let span = text.starts_with('P').then(|| text.parse::<jiff::Span>().ok())??;
    let parts = [
        (f64::from(span.get_years()), 365.0 * D),
        (f64::from(span.get_months()), 30.0 * D),
        (f64::from(span.get_weeks()), 7.0 * D),
        (f64::from(span.get_days()), D),
        (f64::from(span.get_hours()), H),
        (span.get_minutes() as f64, MIN),
        (span.get_seconds() as f64, S),
        (span.get_milliseconds() as f64, 1.0),
    ];
    Some(parts.iter().map(|(count, unit)| count * unit).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_named_in_any_case_and_by_their_synonyms() {
        for (written, expected) in [
            ("latency", Some("latency")),
            ("LATENCY", Some("latency")),
            ("Ly", Some("latency")),
            ("errorrate", Some("errorRate")),
            ("Freshness", Some("freshness")),
            ("uptime", None),
        ] {
            assert_eq!(name(written), expected, "{written}");
        }
    }

    #[test]
    fn times_are_read_in_units_of_the_standard_and_as_iso_8601() {
        for (unit, expected) in [
            ("d", Some(86_400_000.0)),
            ("Days", Some(86_400_000.0)),
            ("yr", Some(31_536_000_000.0)),
            ("y", Some(31_536_000_000.0)),
            ("mo", Some(2_592_000_000.0)),
            ("m", Some(60_000.0)),
            ("h", Some(3_600_000.0)),
            ("S", Some(1_000.0)),
            ("ms", Some(1.0)),
            ("fortnight", None),
        ] {
            assert_eq!(unit_ms(unit), expected, "{unit}");
        }
        for (text, expected) in [
            ("PT4H", Some(14_400_000.0)),
            ("P1Y", Some(31_536_000_000.0)),
            ("P1DT30M", Some(88_200_000.0)),
            ("PT1.5S", Some(1_500.0)),
            ("4h", None),
            ("P", None),
        ] {
            assert_eq!(duration_ms(text), expected, "{text}");
        }
    }

    #[test]
    fn a_throughput_is_records_per_time() {
        for (unit, expected) in [
            ("records/s", Ok(1_000.0)),
            ("rps", Ok(1_000.0)),
            ("messages per minute", Ok(60_000.0)),
            ("per hour", Ok(3_600_000.0)),
            ("/d", Ok(86_400_000.0)),
            ("s", Ok(1_000.0)),
        ] {
            assert_eq!(per_ms(unit), expected, "{unit}");
        }
        assert!(per_ms("MB/s").is_err_and(|why| why.contains("mb")));
        assert!(per_ms("percent").is_err());
    }
}
