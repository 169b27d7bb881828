//! Timestamps and durations: their texts, and what can be asked of them.

use crate::engine::contract::text::moment::Moments;
use crate::engine::decode::moment::{Moment, MomentKind};
use crate::engine::expr::value::{BAD_ARGUMENT, Error, NO_OVERLOAD, OVERFLOW, Val};
use jiff::tz::Offset;

const NANOS_PER_S: i128 = 1_000_000_000;

/// A timestamp within the years 1 to 9999 (cel-spec, *Timestamp*).
pub fn timestamp<'a>(nanos: i128) -> Result<Val<'a>, Error> {
    let moment = Moment { kind: MomentKind::Timestamp, nanos, zoned: true };
    if moment.is_real() { Ok(Val::Timestamp(nanos)) } else { Err(Error("timestamp out of range")) }
}

/// An RFC 3339 text.
pub fn read_timestamp<'a>(text: &str) -> Result<Val<'a>, Error> {
    match Moments::iso(MomentKind::Timestamp).read(text) {
        Some(moment) if moment.zoned => timestamp(moment.nanos),
        _ => Err(Error("no RFC 3339 timestamp")),
    }
}

/// A count since 1970, of 10^-`precision` seconds each: 0, 3, 6 or 9, as Confluent's client has it.
pub fn of_epoch<'a>(count: i64, precision: i64) -> Result<Val<'a>, Error> {
    let unit_nanos = match precision {
        0 => NANOS_PER_S,
        3 => 1_000_000,
        6 => 1_000,
        9 => 1,
        _ => return Err(Error("unknown precision of a timestamp")),
    };
    timestamp(i128::from(count) * unit_nanos)
}

/// `1h30m`, `-1.5s`, `300ms`: numbers with units (cel-spec, *Duration*).
pub fn read_duration(text: &str) -> Result<i64, Error> {
    let wrong = Error("no duration");
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(wrong);
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(|b| !b.is_ascii_digit() && *b != b'.').count();
        let (unit, tail) = tail.split_at(letters);
        let unit_nanos: i128 = match unit {
            "h" => 3600 * NANOS_PER_S,
            "m" => 60 * NANOS_PER_S,
            "s" => NANOS_PER_S,
            "ms" => 1_000_000,
            "us" | "µs" => 1_000,
            "ns" => 1,
            _ => return Err(wrong),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || whole.len() > 18 || fraction.contains('.') {
            return Err(wrong);
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| wrong)? };
        total += whole * unit_nanos;
        // Digits beyond the nanosecond are cut off; of an hour the thirteenth digit is below one.
        let (mut part, mut scale) = (0i128, 1i128);
        for digit in fraction.bytes().take(15) {
            part = part * 10 + i128::from(digit - b'0');
            scale *= 10;
        }
        total += part * unit_nanos / scale;
        rest = tail;
    }
    i64::try_from(if negative { -total } else { total }).map_err(|_| OVERFLOW)
}

/// `2026-01-31T12:00:00.5Z`.
pub fn write_timestamp(nanos: i128) -> Result<String, Error> {
    jiff::Timestamp::from_nanosecond(nanos).map(|at| at.to_string()).map_err(|_| BAD_ARGUMENT)
}

/// Seconds, with a fraction where there is one: `5400s`, `0.25s`.
pub fn write_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let (seconds, rest) = (nanos.unsigned_abs() / 1_000_000_000, nanos.unsigned_abs() % 1_000_000_000);
    match rest {
        0 => format!("{sign}{seconds}s"),
        rest => format!("{sign}{seconds}.{}s", format!("{rest:09}").trim_end_matches('0')),
    }
}

/// What is asked of a timestamp in a time zone, or of a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    FullYear,
    /// From 0.
    Month,
    /// From 1.
    Date,
    /// From 0.
    DayOfMonth,
    /// From 0.
    DayOfYear,
    /// Sunday is 0.
    DayOfWeek,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

/// A part of a timestamp in UTC or the zone that is named; of a duration the whole of it in that unit.
pub fn part<'a>(part: Part, of: &Val<'a>, zone: Option<&Val<'a>>) -> Result<Val<'a>, Error> {
    let nanos = match (of, zone) {
        (Val::Timestamp(nanos), _) => *nanos,
        (Val::Duration(nanos), None) => return of_duration(part, *nanos).map(Val::Int),
        _ => return Err(NO_OVERLOAD),
    };
    let offset = match zone {
        None => Offset::UTC,
        Some(Val::Text(name)) => offset_named(name)?,
        Some(_) => return Err(NO_OVERLOAD),
    };
    let at = offset.to_datetime(jiff::Timestamp::from_nanosecond(nanos).map_err(|_| BAD_ARGUMENT)?);
    Ok(Val::Int(match part {
        Part::FullYear => at.year().into(),
        Part::Month => i64::from(at.month()) - 1,
        Part::Date => at.day().into(),
        Part::DayOfMonth => i64::from(at.day()) - 1,
        Part::DayOfYear => i64::from(at.day_of_year()) - 1,
        Part::DayOfWeek => at.weekday().to_sunday_zero_offset().into(),
        Part::Hours => at.hour().into(),
        Part::Minutes => at.minute().into(),
        Part::Seconds => at.second().into(),
        Part::Milliseconds => at.millisecond().into(),
    }))
}

fn of_duration(part: Part, nanos: i64) -> Result<i64, Error> {
    Ok(match part {
        Part::Hours => nanos / 3_600_000_000_000,
        Part::Minutes => nanos / 60_000_000_000,
        Part::Seconds => nanos / 1_000_000_000,
        Part::Milliseconds => nanos / 1_000_000,
        _ => return Err(NO_OVERLOAD),
    })
}

/// `UTC`, or an offset such as `+02:00`. Names of places need the system's database, which the engine does not read.
fn offset_named(name: &str) -> Result<Offset, Error> {
    let unknown = Error("unknown time zone");
    if matches!(name, "UTC" | "Z" | "Etc/UTC" | "GMT") {
        return Ok(Offset::UTC);
    }
    let (negative, rest) = match name.as_bytes().first() {
        Some(b'-') => (true, &name[1..]),
        Some(b'+') => (false, &name[1..]),
        _ => (false, name),
    };
    let (hours, minutes) = rest.split_once(':').ok_or(unknown)?;
    let (hours, minutes) = (hours.parse::<u8>().map_err(|_| unknown)?, minutes.parse::<u8>().map_err(|_| unknown)?);
    if hours > 18 || minutes > 59 {
        return Err(unknown);
    }
    let seconds = i32::from(hours) * 3600 + i32::from(minutes) * 60;
    Offset::from_seconds(if negative { -seconds } else { seconds }).map_err(|_| unknown)
}
