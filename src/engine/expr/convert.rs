//! From type to type: `int()`, `string()` … (cel-spec, *Standard Definitions*). What does not fit is an error.

use crate::engine::expr::time;
use crate::engine::expr::value::{BAD_ARGUMENT, Error, NO_OVERLOAD, OVERFLOW, Val};
use std::borrow::Cow;

/// 2^63 and 2^64.
const INT_END: f64 = 9_223_372_036_854_775_808.0;
const UINT_END: f64 = 18_446_744_073_709_551_616.0;

/// A fraction is cut off; of a timestamp the seconds since 1970.
pub fn int<'a>(value: Val<'a>) -> Result<Val<'a>, Error> {
    Ok(Val::Int(match value.plain() {
        Val::Int(i) => i,
        Val::Uint(u) => i64::try_from(u).map_err(|_| OVERFLOW)?,
        Val::Double(d) if -INT_END < d && d < INT_END => d as i64,
        Val::Double(_) => return Err(OVERFLOW),
        Val::Text(text) => text.parse().map_err(|_| BAD_ARGUMENT)?,
        Val::Timestamp(nanos) => i64::try_from(nanos.div_euclid(1_000_000_000)).map_err(|_| OVERFLOW)?,
        _ => return Err(NO_OVERLOAD),
    }))
}

pub fn uint<'a>(value: Val<'a>) -> Result<Val<'a>, Error> {
    Ok(Val::Uint(match value.plain() {
        Val::Uint(u) => u,
        Val::Int(i) => u64::try_from(i).map_err(|_| OVERFLOW)?,
        Val::Double(d) if -1.0 < d && d < UINT_END => d as u64,
        Val::Double(_) => return Err(OVERFLOW),
        Val::Text(text) => text.parse().map_err(|_| BAD_ARGUMENT)?,
        _ => return Err(NO_OVERLOAD),
    }))
}

pub fn double<'a>(value: Val<'a>) -> Result<Val<'a>, Error> {
    match &value {
        Val::Text(text) => text.parse().map(Val::Double).map_err(|_| BAD_ARGUMENT),
        Val::Decimal(decimal) => Ok(Val::Double(decimal.as_f64())),
        number => number.as_f64().map(Val::Double).ok_or(NO_OVERLOAD),
    }
}

pub fn string<'a>(value: Val<'a>) -> Result<Val<'a>, Error> {
    Ok(Val::Text(match value.plain() {
        Val::Text(text) => text,
        Val::Bool(b) => Cow::Borrowed(if b { "true" } else { "false" }),
        Val::Int(i) => i.to_string().into(),
        Val::Uint(u) => u.to_string().into(),
        Val::Double(d) => d.to_string().into(),
        Val::Decimal(decimal) => decimal.to_string().into(),
        Val::Bytes(bytes) => match bytes {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map_err(|_| BAD_ARGUMENT)?.into(),
            Cow::Owned(bytes) => String::from_utf8(bytes).map_err(|_| BAD_ARGUMENT)?.into(),
        },
        Val::Timestamp(nanos) => time::write_timestamp(nanos)?.into(),
        Val::Duration(nanos) => time::write_duration(nanos).into(),
        _ => return Err(NO_OVERLOAD),
    }))
}

pub fn bytes<'a>(value: Val<'a>) -> Result<Val<'a>, Error> {
    match value {
        Val::Bytes(_) => Ok(value),
        Val::Text(Cow::Borrowed(text)) => Ok(Val::Bytes(text.as_bytes().into())),
        Val::Text(Cow::Owned(text)) => Ok(Val::Bytes(text.into_bytes().into())),
        _ => Err(NO_OVERLOAD),
    }
}

pub fn boolean<'a>(value: Val<'a>) -> Result<Val<'a>, Error> {
    match &value {
        Val::Bool(_) => Ok(value),
        Val::Text(text) => match text.as_ref() {
            "1" | "t" | "true" | "TRUE" | "True" => Ok(Val::Bool(true)),
            "0" | "f" | "false" | "FALSE" | "False" => Ok(Val::Bool(false)),
            _ => Err(BAD_ARGUMENT),
        },
        _ => Err(NO_OVERLOAD),
    }
}

/// A number is seconds since 1970; with a precision, units of 10^-precision seconds.
pub fn timestamp<'a>(value: Val<'a>, precision: Option<Val<'a>>) -> Result<Val<'a>, Error> {
    match (value, precision) {
        (value @ Val::Timestamp(_), None) => Ok(value),
        (Val::Text(text), None) => time::read_timestamp(&text),
        (Val::Int(seconds), None) => time::of_epoch(seconds, 0),
        (Val::Int(count), Some(Val::Int(precision))) => time::of_epoch(count, precision),
        (Val::Int(count), Some(Val::Text(unit))) => {
            let units = [("seconds", 0), ("millis", 3), ("micros", 6), ("nanos", 9)];
            let known = units.iter().find(|(name, _)| *name == unit).ok_or(BAD_ARGUMENT)?;
            time::of_epoch(count, known.1)
        }
        _ => Err(NO_OVERLOAD),
    }
}

pub fn duration<'a>(value: Val<'a>) -> Result<Val<'a>, Error> {
    match value {
        Val::Duration(_) => Ok(value),
        Val::Text(text) => time::read_duration(&text).map(Val::Duration),
        Val::Int(seconds) => seconds.checked_mul(1_000_000_000).map(Val::Duration).ok_or(OVERFLOW),
        _ => Err(NO_OVERLOAD),
    }
}
