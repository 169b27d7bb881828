//! The part of JSONPath that Confluent's variants know: `$`, `.name`, `[0]`, `["any name"]`.

use crate::engine::expr::value::{BAD_ARGUMENT, Error};
use crate::engine::expr::variant::Variant;
use std::rc::Rc;

#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    Field(String),
    Element(usize),
}

/// The error: it is no path.
pub fn parse(text: &str) -> Result<Vec<Step>, Error> {
    let mut rest = text.strip_prefix('$').ok_or(BAD_ARGUMENT)?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(named) = rest.strip_prefix('.') {
            let len = named.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(named.len());
            let (name, behind) = named.split_at(len);
            if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
                return Err(BAD_ARGUMENT);
            }
            steps.push(Step::Field(name.to_owned()));
            rest = behind;
            continue;
        }
        let inner = rest.strip_prefix('[').ok_or(BAD_ARGUMENT)?;
        let (step, behind) = match inner.chars().next() {
            Some(quote @ ('"' | '\'')) => quoted(&inner[1..], quote)?,
            _ => {
                let len = inner.find(|c: char| !c.is_ascii_digit()).unwrap_or(inner.len());
                let (digits, behind) = inner.split_at(len);
                let at: i32 = digits.parse().map_err(|_| BAD_ARGUMENT)?;
                (Step::Element(usize::try_from(at).map_err(|_| BAD_ARGUMENT)?), behind)
            }
        };
        steps.push(step);
        rest = behind.strip_prefix(']').ok_or(BAD_ARGUMENT)?;
    }
    Ok(steps)
}

/// A name up to its closing quote, and what follows that. A backslash takes the next character as it is.
fn quoted(text: &str, quote: char) -> Result<(Step, &str), Error> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => name.extend(chars.next().map_or(Some('\\'), |(_, next)| Some(next))),
            c if c == quote => return Ok((Step::Field(name), &text[at + c.len_utf8()..])),
            c => name.push(c),
        }
    }
    Err(BAD_ARGUMENT)
}

/// What stands at the end of a path.
pub fn walk(from: Rc<Variant>, steps: &[Step]) -> Option<Rc<Variant>> {
    steps.iter().try_fold(from, |at, step| match step {
        Step::Field(name) => at.field(name),
        Step::Element(index) => at.element(*index),
    })
}
