//! The times that a record holds.

use crate::engine::check::sla::Told;
use crate::engine::contract::plan::{Check, Rule};
use crate::engine::contract::sla::TimeField;
use crate::engine::contract::text::moment::Moments;
use crate::engine::decode::fields::{Fields, Route};
use crate::engine::decode::moment::MomentKind;
use crate::engine::decode::number::Number;
use crate::engine::decode::rows::{self, Row};
use crate::engine::decode::tree::{Kind, Value};
use crate::engine::record::RawRecord;

/// What a service level is told; `None`: the rule is none.
#[inline(never)] // few rules ask, and their code would stand in the way of the many
pub fn told(rule: &Rule, routes: &[Route], record: Value<'_>, fields: &Fields, raw: &RawRecord<'_>) -> Option<Told> {
    let Check::Sla(sla) = &rule.check else { return None };
    let time = |(route, field): (&Route, &TimeField)| time_ms(&field.read, rows::single(record, fields, route));
    let mut told = routes.iter().zip(&sla.times).map(time);
    let (first_ms, second_ms) = (told.next().flatten(), told.next().flatten());
    let timestamp_ms = (raw.timestamp_ms >= 0).then_some(raw.timestamp_ms);
    Some(Told { first_ms, second_ms, timestamp_ms })
}

/// The years 1 to 9999, which RFC 3339 can write: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z.
const EVENT_TIMES_MS: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

/// A text as `texts` reads it, a timestamp or a date, or a whole number of milliseconds since 1970.
pub fn time_ms(texts: &Moments, row: Row<'_>) -> Option<i64> {
    let Row::Value(value) = row else { return None };
    let floor_ms = |nanos: i128| i64::try_from(nanos.div_euclid(1_000_000)).ok();
    let ms = match value.kind() {
        Kind::Text(text) => floor_ms(texts.read(text)?.nanos)?,
        Kind::Moment(moment) if moment.kind != MomentKind::Time => floor_ms(moment.nanos)?,
        Kind::Number(Number::Int(ms)) => ms,
        _ => return None,
    };
    EVENT_TIMES_MS.contains(&ms).then_some(ms)
}
