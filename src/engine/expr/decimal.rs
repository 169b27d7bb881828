//! Confluent's decimals: numbers of any length in tens, as its Java client computes with them (`BuiltinDeclarations`,
//! `BuiltinOverload`, `DecimalUtils` of `schema-rules`, which stand on `java.math.BigDecimal`).

use crate::engine::expr::value::{BAD_ARGUMENT, Error, NO_OVERLOAD, OVERFLOW, Val};
use num_bigint::{BigInt, Sign};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::RangeInclusive;
use std::rc::Rc;

/// Digits of a number, and of its scale: three times the largest double. Java has no bound but its memory.
const DIGITS_MAX: u64 = 1_000;
/// Digits of a quotient and of a root (`MathContext(38, HALF_UP)`).
const PRECISION: usize = 38;

/// `unscaled` times ten to the `-scale`, as written: 2.0 and 2.00 are two texts of one number.
#[derive(Clone, Debug)]
pub struct Decimal {
    unscaled: BigInt,
    scale: i64,
}

/// A function of decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `decimal(x)`, `decimal(bytes, scale)`.
    Of,
    Compare(Compare),
    Add,
    Subtract,
    Multiply,
    Divide,
    Root,
    Negate,
    Absolute,
    Sign,
    Round,
    Truncate,
    Floor,
    Ceiling,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// By its name, with how many arguments it takes.
pub fn function(name: &str) -> Option<(Operation, RangeInclusive<usize>)> {
    let compare = |compare| Some((Operation::Compare(compare), 2..=2));
    Some(match name {
        "decimal" => (Operation::Of, 1..=2),
        "decimals.eq" => return compare(Compare::Equal),
        "decimals.lt" => return compare(Compare::Less),
        "decimals.le" => return compare(Compare::LessOrEqual),
        "decimals.gt" => return compare(Compare::Greater),
        "decimals.ge" => return compare(Compare::GreaterOrEqual),
        "decimals.add" => (Operation::Add, 2..=2),
        "decimals.sub" => (Operation::Subtract, 2..=2),
        "decimals.mul" => (Operation::Multiply, 2..=2),
        "decimals.div" => (Operation::Divide, 2..=2),
        "decimals.sqrt" => (Operation::Root, 1..=1),
        "decimals.neg" => (Operation::Negate, 1..=1),
        "decimals.abs" => (Operation::Absolute, 1..=1),
        "decimals.sign" => (Operation::Sign, 1..=1),
        "decimals.round" => (Operation::Round, 1..=2),
        "decimals.trunc" => (Operation::Truncate, 1..=2),
        "decimals.floor" => (Operation::Floor, 1..=1),
        "decimals.ceil" => (Operation::Ceiling, 1..=1),
        _ => return None,
    })
}

/// Calls a function. A number of a record is a decimal, as it is written there.
pub fn apply<'a>(operation: Operation, first: Val<'a>, second: Option<Val<'a>>) -> Result<Val<'a>, Error> {
    if operation == Operation::Of {
        return match (&first, second) {
            (Val::Text(text), None) => Decimal::read(text),
            (_, None) => of(&first).map(Cow::into_owned),
            (Val::Bytes(bytes), Some(Val::Int(scale))) => Decimal::within(BigInt::from_signed_bytes_be(bytes), scale),
            _ => Err(NO_OVERLOAD),
        }
        .map(val);
    }
    let a = of(&first)?;
    let b = || of(second.as_ref().ok_or(NO_OVERLOAD)?);
    let to_scale = |scale: i64| match &second {
        None => Ok(scale),
        Some(Val::Int(scale)) => Ok(*scale),
        Some(_) => Err(NO_OVERLOAD),
    };
    match operation {
        Operation::Of => Err(NO_OVERLOAD),
        Operation::Compare(compare) => {
            let order = a.order(&*b()?);
            Ok(Val::Bool(match compare {
                Compare::Equal => order == Ordering::Equal,
                Compare::Less => order == Ordering::Less,
                Compare::LessOrEqual => order != Ordering::Greater,
                Compare::Greater => order == Ordering::Greater,
                Compare::GreaterOrEqual => order != Ordering::Less,
            }))
        }
        Operation::Add => {
            let b = b()?;
            let (x, y, scale) = a.aligned(&b);
            Decimal::within(x + y, scale).map(val)
        }
        Operation::Subtract => {
            let b = b()?;
            let (x, y, scale) = a.aligned(&b);
            Decimal::within(x - y, scale).map(val)
        }
        Operation::Multiply => {
            let b = b()?;
            Decimal::within(&a.unscaled * &b.unscaled, a.scale + b.scale).map(val)
        }
        Operation::Divide => a.divided(&*b()?).map(val),
        Operation::Root => a.root().map(val),
        Operation::Negate => Ok(val(Decimal { unscaled: -&a.unscaled, scale: a.scale })),
        Operation::Absolute => Ok(val(Decimal { unscaled: a.unscaled.magnitude().clone().into(), scale: a.scale })),
        Operation::Sign => Ok(Val::Int(match a.unscaled.sign() {
            Sign::Minus => -1,
            Sign::NoSign => 0,
            Sign::Plus => 1,
        })),
        Operation::Round => a.rescaled(to_scale(0)?, Rounding::HalfUp).map(val),
        Operation::Truncate => {
            let scale = to_scale(0)?;
            if scale >= a.scale { Ok(val(a.into_owned())) } else { a.rescaled(scale, Rounding::Down).map(val) }
        }
        Operation::Floor => a.rescaled(0, Rounding::Floor).map(val),
        Operation::Ceiling => a.rescaled(0, Rounding::Ceiling).map(val),
    }
}

fn val<'a>(decimal: Decimal) -> Val<'a> {
    Val::Decimal(Rc::new(decimal))
}

/// What a number is in tens; a double is the shortest decimal that reads back as it.
pub fn of<'v>(value: &'v Val<'_>) -> Result<Cow<'v, Decimal>, Error> {
    match value {
        Val::Decimal(decimal) => return Ok(Cow::Borrowed(decimal)),
        Val::Int(i) => Ok(Decimal { unscaled: (*i).into(), scale: 0 }),
        Val::Uint(u) => Ok(Decimal { unscaled: (*u).into(), scale: 0 }),
        Val::Fraction(text) => Decimal::read(text),
        // As Java writes a double: with a point in between these, 2.0 too.
        Val::Double(d) if (1e-3..1e7).contains(&d.abs()) || *d == 0.0 => Decimal::read(&format!("{d:?}")),
        Val::Double(d) => Decimal::read(&format!("{d:e}")),
        _ => Err(NO_OVERLOAD),
    }
    .map(Cow::Owned)
}

/// What becomes of digits that are left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rounding {
    /// A half goes away from zero.
    HalfUp,
    Down,
    Floor,
    Ceiling,
}

impl Decimal {
    /// Within the bounds; of zero the scale may be any.
    pub fn within(unscaled: BigInt, scale: i64) -> Result<Decimal, Error> {
        let bound = DIGITS_MAX as i64;
        let is_zero = unscaled.sign() == Sign::NoSign;
        let scale = if is_zero { scale.clamp(-bound, bound) } else { scale };
        // A digit takes 3.3 bits.
        let fits = unscaled.bits() <= DIGITS_MAX * 10 / 3 && (-bound..=bound).contains(&scale);
        if fits { Ok(Decimal { unscaled, scale }) } else { Err(OVERFLOW) }
    }

    /// As Java's `new BigDecimal(String)`: a sign, digits with or without a point, an exponent.
    pub fn read(text: &str) -> Result<Decimal, Error> {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (negative, digits) = match mantissa.as_bytes().first() {
            Some(b'-') => (true, &mantissa[1..]),
            Some(b'+') => (false, &mantissa[1..]),
            _ => (false, mantissa),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all = [whole, fraction].concat();
        if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(BAD_ARGUMENT);
        }
        let exponent: i64 = exponent.parse().map_err(|_| BAD_ARGUMENT)?;
        if all.trim_start_matches('0').len() as u64 > DIGITS_MAX {
            return Err(OVERFLOW);
        }
        let magnitude: BigInt = all.parse().map_err(|_| BAD_ARGUMENT)?;
        let scale = (fraction.len() as i64).saturating_sub(exponent);
        Decimal::within(if negative { -magnitude } else { magnitude }, scale)
    }

    pub fn order(&self, other: &Decimal) -> Ordering {
        let (a, b, _) = self.aligned(other);
        a.cmp(&b)
    }

    pub fn as_f64(&self) -> f64 {
        format!("{}e{}", self.unscaled, -self.scale).parse().unwrap_or(f64::NAN)
    }

    /// What has to be read of it.
    pub fn size_bytes(&self) -> usize {
        self.unscaled.bits().div_ceil(8) as usize
    }

    /// Both at the finer scale.
    fn aligned(&self, other: &Decimal) -> (BigInt, BigInt, i64) {
        let scale = self.scale.max(other.scale);
        (&self.unscaled * ten_to(scale - self.scale), &other.unscaled * ten_to(scale - other.scale), scale)
    }

    fn divided(&self, by: &Decimal) -> Result<Decimal, Error> {
        if by.unscaled.sign() == Sign::NoSign {
            return Err(Error("division by zero"));
        }
        let preferred = self.scale - by.scale;
        if self.unscaled.sign() == Sign::NoSign {
            return Decimal::within(BigInt::ZERO, preferred);
        }
        // One digit more than are kept, at least: it alone says which way is nearer.
        let shift = (PRECISION + 1 + digits(&by.unscaled)).saturating_sub(digits(&self.unscaled)) as i64;
        let dividend = &self.unscaled * ten_to(shift);
        let quotient = &dividend / &by.unscaled;
        let is_exact = &quotient * &by.unscaled == dividend;
        precise(quotient, preferred + shift, is_exact, preferred)
    }

    fn root(&self) -> Result<Decimal, Error> {
        if self.unscaled.sign() == Sign::Minus {
            return Err(Error("square root of a negative number"));
        }
        let preferred = self.scale / 2;
        if self.unscaled.sign() == Sign::NoSign {
            return Decimal::within(BigInt::ZERO, preferred);
        }
        let mut shift = (2 * (PRECISION + 1)).saturating_sub(digits(&self.unscaled)) as i64;
        shift += (self.scale + shift).rem_euclid(2);
        let square = &self.unscaled * ten_to(shift);
        let root = square.sqrt();
        let is_exact = &root * &root == square;
        precise(root, (self.scale + shift) / 2, is_exact, preferred)
    }

    /// With so many digits behind the point.
    fn rescaled(&self, scale: i64, rounding: Rounding) -> Result<Decimal, Error> {
        if !(-(DIGITS_MAX as i64)..=DIGITS_MAX as i64).contains(&scale) {
            return Err(OVERFLOW);
        }
        if scale >= self.scale {
            return Decimal::within(&self.unscaled * ten_to(scale - self.scale), scale);
        }
        Decimal::within(without(&self.unscaled, self.scale - scale, rounding), scale)
    }
}

/// Without trailing zeros beyond what is asked, where nothing was left out; at most `PRECISION` digits.
fn precise(unscaled: BigInt, scale: i64, is_exact: bool, preferred: i64) -> Result<Decimal, Error> {
    let (mut unscaled, mut scale, mut is_exact) = (unscaled, scale, is_exact);
    // A second time where rounding up made one digit more.
    while digits(&unscaled) > PRECISION {
        let dropped = (digits(&unscaled) - PRECISION) as i64;
        let kept = without(&unscaled, dropped, Rounding::HalfUp);
        is_exact &= &kept * ten_to(dropped) == unscaled;
        (unscaled, scale) = (kept, scale - dropped);
    }
    let ten = BigInt::from(10);
    while is_exact && scale > preferred && (&unscaled % &ten).sign() == Sign::NoSign {
        (unscaled, scale) = (unscaled / &ten, scale - 1);
    }
    Decimal::within(unscaled, scale)
}

/// Without its last digits.
fn without(unscaled: &BigInt, last: i64, rounding: Rounding) -> BigInt {
    let unit = ten_to(last);
    let (kept, rest) = (unscaled / &unit, unscaled % &unit);
    let away = match rounding {
        Rounding::HalfUp => rest.magnitude() * 2u32 >= *unit.magnitude(),
        Rounding::Down => false,
        Rounding::Floor => rest.sign() == Sign::Minus,
        Rounding::Ceiling => rest.sign() == Sign::Plus,
    };
    match (away, unscaled.sign()) {
        (false, _) => kept,
        (true, Sign::Minus) => kept - 1,
        (true, _) => kept + 1,
    }
}

/// `power` is a difference of scales, and not negative: three thousand at most.
fn ten_to(power: i64) -> BigInt {
    BigInt::from(10).pow(u32::try_from(power).unwrap_or(0))
}

fn digits(of: &BigInt) -> usize {
    of.magnitude().to_string().len()
}

/// Without an exponent, as Java's `toPlainString`.
impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, digits) = (if self.unscaled.sign() == Sign::Minus { "-" } else { "" }, self.unscaled.magnitude());
        match usize::try_from(self.scale) {
            Err(_) if self.unscaled.sign() == Sign::NoSign => out.write_str("0"),
            Err(_) => write!(out, "{sign}{digits}{}", "0".repeat(self.scale.unsigned_abs() as usize)),
            Ok(0) => write!(out, "{sign}{digits}"),
            Ok(scale) => {
                let digits = format!("{:0>width$}", digits.to_string(), width = scale + 1);
                let (whole, fraction) = digits.split_at(digits.len() - scale);
                write!(out, "{sign}{whole}.{fraction}")
            }
        }
    }
}
