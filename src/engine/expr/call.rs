//! Functions: by which names an expression calls them, with how many arguments, and what they give.

use crate::engine::contract::text::format::{self, TextFormat};
use crate::engine::expr::convert;
use crate::engine::expr::decimal::{self, Operation};
use crate::engine::expr::eval::{Evaluation, size_bytes};
use crate::engine::expr::program::Expr;
use crate::engine::expr::text;
use crate::engine::expr::time::{self, Part};
use crate::engine::expr::value::{Error, NO_OVERLOAD, Val};
use crate::engine::expr::variant;

/// A function; of a method the receiver is the first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    LowerAscii,
    UpperAscii,
    Trim,
    Reverse,
    Split,
    Replace,
    Substring,
    IndexOf,
    LastIndexOf,
    CharAt,
    Join,
    Int,
    Uint,
    Double,
    String,
    Bool,
    Bytes,
    Timestamp,
    Duration,
    Type,
    Dyn,
    Part(Part),
    Is(Form),
    /// Of Confluent's decimals.
    Decimal(Operation),
    /// Of its variants.
    Variant(variant::Operation),
}

/// What a text is asked to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Format(TextFormat),
    UriReference,
}

/// How many arguments it takes, the receiver of a method included.
type Arity = std::ops::RangeInclusive<usize>;

/// A function by the name that it is called by in front of its arguments.
pub fn function(name: &str) -> Option<(Function, Arity)> {
    Some(match name {
        "size" => (Function::Size, 1..=1),
        "int" => (Function::Int, 1..=1),
        "uint" => (Function::Uint, 1..=1),
        "double" => (Function::Double, 1..=1),
        "string" => (Function::String, 1..=1),
        "bool" => (Function::Bool, 1..=1),
        "bytes" => (Function::Bytes, 1..=1),
        "timestamp" | "timestamp.of" => (Function::Timestamp, 1..=2),
        "duration" => (Function::Duration, 1..=1),
        "type" => (Function::Type, 1..=1),
        "dyn" => (Function::Dyn, 1..=1),
        name => {
            let of_decimals = decimal::function(name).map(|(of, arity)| (Function::Decimal(of), arity));
            return of_decimals.or_else(|| variant::function(name).map(|(of, arity)| (Function::Variant(of), arity)));
        }
    })
}

/// A function by the name that it is called by behind its receiver.
pub fn method(name: &str) -> Option<(Function, Arity)> {
    Some(match name {
        "size" => (Function::Size, 1..=1),
        "contains" => (Function::Contains, 2..=2),
        "startsWith" => (Function::StartsWith, 2..=2),
        "endsWith" => (Function::EndsWith, 2..=2),
        "lowerAscii" => (Function::LowerAscii, 1..=1),
        "upperAscii" => (Function::UpperAscii, 1..=1),
        "trim" => (Function::Trim, 1..=1),
        "reverse" => (Function::Reverse, 1..=1),
        "split" => (Function::Split, 2..=3),
        "replace" => (Function::Replace, 3..=4),
        "substring" => (Function::Substring, 2..=3),
        "indexOf" => (Function::IndexOf, 2..=3),
        "lastIndexOf" => (Function::LastIndexOf, 2..=3),
        "charAt" => (Function::CharAt, 2..=2),
        "join" => (Function::Join, 1..=2),
        "isEmail" => (Function::Is(Form::Format(TextFormat::Email)), 1..=1),
        "isHostname" => (Function::Is(Form::Format(TextFormat::Hostname)), 1..=1),
        "isIpv4" => (Function::Is(Form::Format(TextFormat::Ipv4)), 1..=1),
        "isIpv6" => (Function::Is(Form::Format(TextFormat::Ipv6)), 1..=1),
        "isUri" => (Function::Is(Form::Format(TextFormat::Uri)), 1..=1),
        "isUriRef" => (Function::Is(Form::UriReference), 1..=1),
        "isUuid" => (Function::Is(Form::Format(TextFormat::Uuid)), 1..=1),
        "getFullYear" => (Function::Part(Part::FullYear), 1..=2),
        "getMonth" => (Function::Part(Part::Month), 1..=2),
        "getDate" => (Function::Part(Part::Date), 1..=2),
        "getDayOfMonth" => (Function::Part(Part::DayOfMonth), 1..=2),
        "getDayOfYear" => (Function::Part(Part::DayOfYear), 1..=2),
        "getDayOfWeek" => (Function::Part(Part::DayOfWeek), 1..=2),
        "getHours" => (Function::Part(Part::Hours), 1..=2),
        "getMinutes" => (Function::Part(Part::Minutes), 1..=2),
        "getSeconds" => (Function::Part(Part::Seconds), 1..=2),
        "getMilliseconds" => (Function::Part(Part::Milliseconds), 1..=2),
        _ => return None,
    })
}

/// Calls a function. What it reads is paid for before.
pub fn call<'a>(evaluation: &mut Evaluation<'a>, function: Function, arguments: &'a [Expr]) -> Result<Val<'a>, Error> {
    let mut given: [Option<Val<'a>>; 4] = [None, None, None, None];
    let mut bytes = 0;
    for (place, argument) in given.iter_mut().zip(arguments) {
        let value = evaluation.value(argument)?;
        bytes += size_bytes(&value);
        *place = Some(value);
    }
    evaluation.charge(match function {
        // Digits are multiplied and divided each by each.
        Function::Decimal(_) => bytes * 16,
        // A tree is made of the text.
        Function::Variant(_) => (bytes + given[0].as_ref().map_or(0, variant::held_bytes)) * 4,
        _ => bytes,
    })?;
    let [first, second, third, fourth] = given;
    let first = first.ok_or(NO_OVERLOAD)?;
    if let (Function::Replace, Val::Text(text), Some(Val::Text(from)), Some(Val::Text(to))) =
        (function, &first, &second, &third)
    {
        // Each place where it is found may become as long as what replaces it.
        let found = if to.len() > from.len() { text.len() / from.len().max(1) + 1 } else { 0 };
        evaluation.charge(found.saturating_mul(to.len()))?;
    }
    apply(function, first, second, third, fourth)
}

fn apply<'a>(
    function: Function,
    first: Val<'a>,
    second: Option<Val<'a>>,
    third: Option<Val<'a>>,
    fourth: Option<Val<'a>>,
) -> Result<Val<'a>, Error> {
    match function {
        Function::Int => return convert::int(first),
        Function::Uint => return convert::uint(first),
        Function::Double => return convert::double(first),
        Function::String => return convert::string(first),
        Function::Bool => return convert::boolean(first),
        Function::Bytes => return convert::bytes(first),
        Function::Timestamp => return convert::timestamp(first, second),
        Function::Duration => return convert::duration(first),
        Function::Type => return Ok(Val::Type(first.type_name())),
        Function::Dyn => return Ok(first),
        Function::Decimal(operation) => return decimal::apply(operation, first, second),
        Function::Variant(operation) => return variant::apply(operation, first, second),
        Function::Part(part) => return time::part(part, &first, second.as_ref()),
        Function::Size => return size(&first).map(Val::Int),
        Function::Join => {
            let separator = match &second {
                None => "",
                Some(Val::Text(separator)) => separator,
                Some(_) => return Err(NO_OVERLOAD),
            };
            return text::join(&first, separator).map(Val::text);
        }
        _ => {}
    }
    let Val::Text(of) = first else { return Err(NO_OVERLOAD) };
    let argument = match &second {
        Some(Val::Text(argument)) => argument.as_ref(),
        _ => "",
    };
    Ok(match (function, &second, &third, &fourth) {
        (Function::Contains, Some(Val::Text(_)), ..) => Val::Bool(of.contains(argument)),
        (Function::StartsWith, Some(Val::Text(_)), ..) => Val::Bool(of.starts_with(argument)),
        (Function::EndsWith, Some(Val::Text(_)), ..) => Val::Bool(of.ends_with(argument)),
        (Function::LowerAscii, ..) => Val::text(of.to_ascii_lowercase()),
        (Function::UpperAscii, ..) => Val::text(of.to_ascii_uppercase()),
        (Function::Trim, ..) => Val::text(of.trim().to_owned()),
        (Function::Reverse, ..) => Val::text(of.chars().rev().collect::<String>()),
        (Function::Is(form), ..) => Val::Bool(form.holds(&of)),
        (Function::Split, Some(Val::Text(_)), None, _) => text::split(&of, argument, -1),
        (Function::Split, Some(Val::Text(_)), Some(Val::Int(limit)), _) => text::split(&of, argument, *limit),
        (Function::Replace, Some(Val::Text(_)), Some(Val::Text(to)), None) => {
            Val::text(text::replace(&of, argument, to, -1))
        }
        (Function::Replace, Some(Val::Text(_)), Some(Val::Text(to)), Some(Val::Int(limit))) => {
            Val::text(text::replace(&of, argument, to, *limit))
        }
        (Function::Substring, Some(Val::Int(from)), None, _) => Val::Text(text::substring(of, *from, None)?),
        (Function::Substring, Some(Val::Int(from)), Some(Val::Int(to)), _) => {
            Val::Text(text::substring(of, *from, Some(*to))?)
        }
        (Function::CharAt, Some(Val::Int(at)), ..) => Val::Text(text::char_at(of, *at)?),
        (Function::IndexOf, Some(Val::Text(_)), None, _) => Val::Int(text::index_of(&of, argument, 0)?),
        (Function::IndexOf, Some(Val::Text(_)), Some(Val::Int(from)), _) => {
            Val::Int(text::index_of(&of, argument, *from)?)
        }
        (Function::LastIndexOf, Some(Val::Text(_)), None, _) => Val::Int(text::last_index_of(&of, argument, None)?),
        (Function::LastIndexOf, Some(Val::Text(_)), Some(Val::Int(until)), _) => {
            Val::Int(text::last_index_of(&of, argument, Some(*until))?)
        }
        _ => return Err(NO_OVERLOAD),
    })
}

fn size(of: &Val<'_>) -> Result<i64, Error> {
    match of {
        Val::Text(of) => Ok(text::count(of)),
        Val::Bytes(bytes) => Ok(bytes.len() as i64),
        other => other.count().map(|len| len as i64).ok_or(NO_OVERLOAD),
    }
}

impl Form {
    /// The empty text is none of them, as in Confluent's client.
    fn holds(self, text: &str) -> bool {
        !text.is_empty()
            && match self {
                Form::Format(format) => format.holds(text),
                Form::UriReference => format::uri_reference(text),
            }
    }
}
