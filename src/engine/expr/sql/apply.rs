//! SQL's operations: with null, three truths, and numbers that are one kind (SQL:2016; where databases differ, as DuckDB has it).

use crate::engine::contract::text::moment::Moments;
use crate::engine::decode::moment::MomentKind;
use crate::engine::expr::convert;
use crate::engine::expr::eval::{Evaluation, size_bytes};
use crate::engine::expr::program::{Comparison, Expr, Operator};
use crate::engine::expr::value::{Error, Val};
use std::cmp::Ordering;

/// An operation on values that may be null.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sql {
    /// Of any number of conditions.
    And,
    Or,
    Not,
    Compare(Comparison),
    /// Null is equal to null, and to nothing else.
    Same,
    Compute(Operator),
    Negate,
    Concat,
    IsNull,
    /// True or false, and never null.
    Is(bool),
    /// The first among the others.
    In,
    /// Conditions and values in turn, the value of none of them last.
    Case,
    Coalesce,
    NullIf,
    Lower,
    Upper,
    Length,
    Trim,
    Substring,
    Replace,
    Abs,
    Round,
    Floor,
    Ceil,
    Integer,
    Double,
    Text,
    Boolean,
}

pub fn apply<'a>(on: &mut Evaluation<'a>, sql: Sql, arguments: &'a [Expr]) -> Result<Val<'a>, Error> {
    match sql {
        Sql::And => return several(on, arguments, false),
        Sql::Or => return several(on, arguments, true),
        Sql::Case => return case(on, arguments),
        Sql::Coalesce => {
            for argument in arguments {
                match on.nullable(argument)? {
                    Val::Null => {}
                    value => return Ok(value),
                }
            }
            return Ok(Val::Null);
        }
        Sql::In => return is_in(on, arguments),
        _ => {}
    }
    let mut given = [Val::Null, Val::Null, Val::Null];
    let mut bytes = 0;
    for (place, argument) in given.iter_mut().zip(arguments) {
        *place = on.nullable(argument)?;
        bytes += size_bytes(place);
    }
    on.charge(bytes)?;
    let [first, second, third] = given;
    match sql {
        Sql::IsNull => return Ok(Val::Bool(matches!(first, Val::Null))),
        Sql::Is(truth) => return Ok(Val::Bool(matches!(first, Val::Bool(is) if is == truth))),
        Sql::Same => {
            return Ok(Val::Bool(match (&first, &second) {
                (Val::Null, Val::Null) => true,
                (Val::Null, _) | (_, Val::Null) => false,
                (a, b) => order(a, b) == Some(Ordering::Equal),
            }));
        }
        _ if matches!(first, Val::Null) => return Ok(Val::Null),
        _ => {}
    }
    Ok(match (sql, first, second) {
        (Sql::Not, Val::Bool(truth), _) => Val::Bool(!truth),
        (Sql::Compare(comparison), a, b) => order(&a, &b).map_or(Val::Null, |order| Val::Bool(is(comparison, order))),
        (Sql::Compute(operator), a, b) => compute(operator, &a, &b),
        (Sql::Negate, a, _) => compute(Operator::Subtract, &Val::Int(0), &a),
        (Sql::Concat, _, Val::Null) => Val::Null,
        (Sql::Concat, a, b) => match (convert::string(a)?, convert::string(b)?) {
            (Val::Text(a), Val::Text(b)) => Val::text(a.into_owned() + &b),
            _ => Val::Null,
        },
        (Sql::NullIf, a, b) => {
            if order(&a, &b) == Some(Ordering::Equal) {
                Val::Null
            } else {
                a
            }
        }
        (Sql::Lower, Val::Text(text), _) => Val::text(text.to_lowercase()),
        (Sql::Upper, Val::Text(text), _) => Val::text(text.to_uppercase()),
        (Sql::Length, Val::Text(text), _) => Val::Int(text.chars().count() as i64),
        (Sql::Length, Val::Bytes(bytes), _) => Val::Int(bytes.len() as i64),
        (Sql::Trim, Val::Text(text), _) => Val::text(text.trim_matches(' ').to_owned()),
        (Sql::Substring, Val::Text(text), Val::Int(from)) => substring(&text, from, &third),
        (Sql::Replace, Val::Text(text), Val::Text(from)) => match third {
            Val::Text(to) if !from.is_empty() => {
                on.charge((text.len() / from.len() + 1).saturating_mul(to.len()))?;
                Val::text(text.replace(&*from, &to))
            }
            Val::Text(_) => Val::Text(text),
            _ => Val::Null,
        },
        (Sql::Abs, Val::Int(i), _) => i.checked_abs().map_or(Val::Double((i as f64).abs()), Val::Int),
        (Sql::Abs, a, _) => a.as_f64().map_or(Val::Null, |d| Val::Double(d.abs())),
        (Sql::Round, a, digits) => round(&a, &digits),
        (Sql::Floor, a, _) => a.as_f64().map_or(Val::Null, |d| Val::Double(d.floor())),
        (Sql::Ceil, a, _) => a.as_f64().map_or(Val::Null, |d| Val::Double(d.ceil())),
        (Sql::Integer, Val::Bool(truth), _) => Val::Int(truth.into()),
        (Sql::Integer, Val::Double(d), _) => convert::int(Val::Double(d.round_ties_even()))?,
        (Sql::Integer, Val::Text(text), _) => match text.trim().parse::<i64>() {
            Ok(i) => Val::Int(i),
            Err(_) => {
                text.trim().parse().map_or(Ok(Val::Null), |d: f64| convert::int(Val::Double(d.round_ties_even())))?
            }
        },
        (Sql::Integer, a, _) => convert::int(a)?,
        (Sql::Double, Val::Bool(truth), _) => Val::Double(f64::from(u8::from(truth))),
        (Sql::Double, Val::Text(text), _) => text.trim().parse().map_or(Val::Null, Val::Double),
        (Sql::Double, a, _) => convert::double(a)?,
        (Sql::Text, a, _) => convert::string(a)?,
        (Sql::Boolean, Val::Text(text), _) => convert::boolean(Val::text(text.trim().to_ascii_lowercase()))?,
        (Sql::Boolean, a @ Val::Bool(_), _) => a,
        (Sql::Boolean, a, _) => a.as_f64().map_or(Val::Null, |d| Val::Bool(d != 0.0)),
        _ => Val::Null,
    })
}

/// `AND` where `absorbing` is false, `OR` where it is true: that value decides; else one null makes it null.
fn several<'a>(on: &mut Evaluation<'a>, conditions: &'a [Expr], absorbing: bool) -> Result<Val<'a>, Error> {
    let mut known = true;
    for condition in conditions {
        match on.nullable(condition)? {
            Val::Bool(truth) if truth == absorbing => return Ok(Val::Bool(absorbing)),
            Val::Bool(_) => {}
            _ => known = false,
        }
    }
    Ok(if known { Val::Bool(!absorbing) } else { Val::Null })
}

fn case<'a>(on: &mut Evaluation<'a>, arguments: &'a [Expr]) -> Result<Val<'a>, Error> {
    let mut rest = arguments;
    while let [condition, value, further @ ..] = rest {
        if matches!(on.nullable(condition)?, Val::Bool(true)) {
            return on.nullable(value);
        }
        rest = further;
    }
    rest.first().map_or(Ok(Val::Null), |otherwise| on.nullable(otherwise))
}

fn is_in<'a>(on: &mut Evaluation<'a>, arguments: &'a [Expr]) -> Result<Val<'a>, Error> {
    let [one, others @ ..] = arguments else { return Ok(Val::Null) };
    let one = on.nullable(one)?;
    let mut known = true;
    for other in others {
        let other = on.nullable(other)?;
        on.charge(size_bytes(&one).min(size_bytes(&other)))?;
        match order(&one, &other) {
            Some(Ordering::Equal) => return Ok(Val::Bool(true)),
            Some(_) => {}
            None => known = false,
        }
    }
    Ok(if known { Val::Bool(false) } else { Val::Null })
}

/// `None`: one of them is null, or they are nothing to each other. A text beside a number is read as one, beside a moment too.
fn order(a: &Val<'_>, b: &Val<'_>) -> Option<Ordering> {
    match (a, b) {
        (Val::Null, _) | (_, Val::Null) => None,
        (Val::Text(text), b) if b.is_number() => Val::Double(text.trim().parse().ok()?).order(b).ok()?,
        (a, Val::Text(text)) if a.is_number() => a.order(&Val::Double(text.trim().parse().ok()?)).ok()?,
        (Val::Text(text), Val::Timestamp(at)) => Some(moment(text)?.cmp(at)),
        (Val::Timestamp(at), Val::Text(text)) => Some(at.cmp(&moment(text)?)),
        (a, b) => a.order(b).ok()?,
    }
}

/// A date, or a timestamp; UTC where it names no offset.
fn moment(text: &str) -> Option<i128> {
    let read = |kind| Moments::iso(kind).read(text).map(|moment| moment.nanos);
    read(MomentKind::Timestamp).or_else(|| read(MomentKind::Date))
}

fn is(comparison: Comparison, order: Ordering) -> bool {
    match comparison {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
    }
}

/// Whole numbers stay whole as long as they fit; a quotient is no whole number, and one by zero is null.
fn compute<'a>(operator: Operator, a: &Val<'a>, b: &Val<'a>) -> Val<'a> {
    if let (Val::Int(a), Val::Int(b)) = (a, b) {
        let whole = match operator {
            Operator::Add => a.checked_add(*b),
            Operator::Subtract => a.checked_sub(*b),
            Operator::Multiply => a.checked_mul(*b),
            Operator::Remainder => a.checked_rem(*b),
            Operator::Divide => None,
        };
        if let Some(whole) = whole {
            return Val::Int(whole);
        }
    }
    let (Some(a), Some(b)) = (a.as_f64(), b.as_f64()) else { return Val::Null };
    match operator {
        Operator::Add => Val::Double(a + b),
        Operator::Subtract => Val::Double(a - b),
        Operator::Multiply => Val::Double(a * b),
        Operator::Divide | Operator::Remainder if b == 0.0 => Val::Null,
        Operator::Divide => Val::Double(a / b),
        Operator::Remainder => Val::Double(a % b),
    }
}

/// Half away from zero.
fn round<'a>(of: &Val<'a>, digits: &Val<'a>) -> Val<'a> {
    let digits = match digits {
        Val::Null => 0,
        Val::Int(digits) => i32::try_from(*digits).unwrap_or(0).clamp(-300, 300),
        _ => return Val::Null,
    };
    let scale = 10f64.powi(digits);
    match of {
        Val::Int(i) if digits >= 0 => Val::Int(*i),
        of => of.as_f64().map_or(Val::Null, |d| Val::Double((d * scale).round() / scale)),
    }
}

/// From a position on, which is counted from 1, so many characters.
fn substring<'a>(text: &str, from: i64, length: &Val<'_>) -> Val<'a> {
    let start = usize::try_from(from.saturating_sub(1).max(0)).unwrap_or(usize::MAX);
    // What stands before the first character counts as taken.
    let before = 1i64.saturating_sub(from).max(0);
    let take = match length {
        Val::Int(length) => usize::try_from(length.saturating_sub(before).max(0)).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    Val::text(text.chars().skip(start).take(take).collect::<String>())
}
