//! Arithmetic as CEL defines it: within one type, checked; nothing wraps (cel-spec, *Numeric Values*).

use crate::engine::expr::program::Operator;
use crate::engine::expr::time;
use crate::engine::expr::value::{Error, NO_OVERLOAD, OVERFLOW, Val};

const DIVIDED_BY_ZERO: Error = Error("division by zero");

pub fn negate<'a>(value: Val<'a>) -> Result<Val<'a>, Error> {
    match value.plain() {
        Val::Int(i) => i.checked_neg().map(Val::Int).ok_or(OVERFLOW),
        Val::Double(d) => Ok(Val::Double(-d)),
        Val::Duration(d) => d.checked_neg().map(Val::Duration).ok_or(OVERFLOW),
        _ => Err(NO_OVERLOAD),
    }
}

pub fn compute<'a>(operator: Operator, left: Val<'a>, right: Val<'a>) -> Result<Val<'a>, Error> {
    match (left.plain(), right.plain()) {
        (Val::Int(a), Val::Int(b)) => int(operator, a, b).map(Val::Int),
        (Val::Uint(a), Val::Uint(b)) => uint(operator, a, b).map(Val::Uint),
        (Val::Double(a), Val::Double(b)) => Ok(Val::Double(match operator {
            Operator::Add => a + b,
            Operator::Subtract => a - b,
            Operator::Multiply => a * b,
            Operator::Divide => a / b,
            Operator::Remainder => return Err(NO_OVERLOAD),
        })),
        (left, right) => match operator {
            Operator::Add => add(left, right),
            Operator::Subtract => subtract(left, right),
            _ => Err(NO_OVERLOAD),
        },
    }
}

fn int(operator: Operator, a: i64, b: i64) -> Result<i64, Error> {
    match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide | Operator::Remainder if b == 0 => return Err(DIVIDED_BY_ZERO),
        Operator::Divide => a.checked_div(b),
        Operator::Remainder => a.checked_rem(b),
    }
    .ok_or(OVERFLOW)
}

fn uint(operator: Operator, a: u64, b: u64) -> Result<u64, Error> {
    match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide | Operator::Remainder if b == 0 => return Err(DIVIDED_BY_ZERO),
        Operator::Divide => a.checked_div(b),
        Operator::Remainder => a.checked_rem(b),
    }
    .ok_or(OVERFLOW)
}

fn add<'a>(left: Val<'a>, right: Val<'a>) -> Result<Val<'a>, Error> {
    match (left, right) {
        (Val::Text(a), Val::Text(b)) => Ok(Val::text(a.into_owned() + &b)),
        (Val::Bytes(a), Val::Bytes(b)) => Ok(Val::Bytes([&*a, &*b].concat().into())),
        (Val::Timestamp(at), Val::Duration(by)) | (Val::Duration(by), Val::Timestamp(at)) => {
            time::timestamp(at + i128::from(by))
        }
        (Val::Duration(a), Val::Duration(b)) => a.checked_add(b).map(Val::Duration).ok_or(OVERFLOW),
        (a @ (Val::Items(_) | Val::List(_)), b @ (Val::Items(_) | Val::List(_))) => {
            Ok(Val::list(a.each().into_iter().flatten().chain(b.each().into_iter().flatten())))
        }
        _ => Err(NO_OVERLOAD),
    }
}

fn subtract<'a>(left: Val<'a>, right: Val<'a>) -> Result<Val<'a>, Error> {
    match (left, right) {
        (Val::Timestamp(a), Val::Timestamp(b)) => i64::try_from(a - b).map(Val::Duration).map_err(|_| OVERFLOW),
        (Val::Timestamp(at), Val::Duration(by)) => time::timestamp(at - i128::from(by)),
        (Val::Duration(a), Val::Duration(b)) => a.checked_sub(b).map(Val::Duration).ok_or(OVERFLOW),
        _ => Err(NO_OVERLOAD),
    }
}
