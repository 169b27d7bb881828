//! The value of an expression for one record.
//!
//! Errors are CEL's (cel-spec, *Evaluation*): `&&` and `||` do not mind one where the other side decides, whatever the order;
//! everything else passes it on. Each operation is a step, and long texts are several: an expression that takes more than
//! `STEPS_MAX` ends in an error, so that no contract holds up the records of another.

use crate::engine::decode::fields::{Fields, Place};
use crate::engine::decode::tree::Value;
use crate::engine::expr::arithmetic;
use crate::engine::expr::call;
use crate::engine::expr::program::{Comparison, Expr, Fold, Literal, Macro, Program, Variable};
use crate::engine::expr::sql::apply;
use crate::engine::expr::value::{BAD_ARGUMENT, Error, NO_KEY, NO_OVERLOAD, Val};
use std::borrow::Cow;
use std::cmp::Ordering;

/// Steps of one evaluation: some 10 ns each, so 0.7 ms at most. A check of every item of an array of a thousand takes ten
/// thousand.
pub const STEPS_MAX: u32 = 1 << 16;
/// Bytes of text or of a list that cost as much as one operation.
const BYTES_PER_STEP: usize = 16;

pub const TOO_MANY_STEPS: Error = Error("too many steps");

/// What an expression is asked of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// With these fields it was read. `None`: the expression is about the parts of a query.
    pub record: Option<(Value<'a>, &'a Fields)>,
    /// By slot of the program.
    pub places: &'a [Place],
    /// The field, where the rule is asked of one; `None`: it is missing.
    pub value: Option<Value<'a>>,
    pub field: Option<&'a FieldNames>,
    /// The record's key.
    pub key: Option<&'a [u8]>,
    /// CEL's `now`: when the record was written, in milliseconds since 1970.
    pub now_ms: i64,
    /// What the aggregates of a query came to.
    pub parts: &'a [Val<'a>],
}

/// What a rule about fields is told of one: `fullName`, `name`, `typeName`, `tags`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldNames {
    pub full_name: String,
    pub name: String,
    /// STRING, BYTES, INT, LONG, FLOAT, DOUBLE, BOOLEAN; of null it is NULL.
    pub type_name: &'static str,
    pub tags: Vec<String>,
}

/// What a program says of a record.
#[derive(Clone, Debug)]
pub enum Outcome<'a> {
    /// The guard does not hold: the rule is not asked.
    Skipped,
    Is(Val<'a>),
    Fails(Error),
}

/// Evaluates a program.
pub fn run<'a>(program: &'a Program, context: Context<'a>) -> Outcome<'a> {
    let mut evaluation = Evaluation::new(program, context);
    if let Some(guard) = &program.guard
        && !matches!(evaluation.value(guard), Ok(Val::Bool(true)))
    {
        return Outcome::Skipped;
    }
    evaluation.steps = 0;
    match evaluation.value(&program.body) {
        Ok(value) => Outcome::Is(value),
        Err(error) => Outcome::Fails(error),
    }
}

/// One evaluation under way.
#[derive(Debug)]
pub struct Evaluation<'a> {
    program: &'a Program,
    context: Context<'a>,
    /// Of the macros that are open, the outermost first.
    locals: Vec<Val<'a>>,
    steps: u32,
}

impl<'a> Evaluation<'a> {
    pub fn new(program: &'a Program, context: Context<'a>) -> Evaluation<'a> {
        Evaluation { program, context, locals: Vec::new(), steps: 0 }
    }

    /// Counts what so many bytes cost.
    pub fn charge(&mut self, bytes: usize) -> Result<(), Error> {
        let steps = u32::try_from(1 + bytes / BYTES_PER_STEP).unwrap_or(u32::MAX);
        self.steps = self.steps.saturating_add(steps);
        if self.steps > STEPS_MAX { Err(TOO_MANY_STEPS) } else { Ok(()) }
    }

    /// Recursion goes as deep as the expression does, which its compiler bounds.
    pub fn value(&mut self, expr: &'a Expr) -> Result<Val<'a>, Error> {
        self.charge(0)?;
        Ok(match expr {
            Expr::Literal(literal) => of_literal(literal),
            Expr::Field(slot) => self.field(*slot)?,
            Expr::Nullable(slot) => self.field(*slot).unwrap_or(Val::Null).plain(),
            Expr::Part(part) => self.context.parts.get(*part as usize).cloned().unwrap_or(Val::Null),
            Expr::Sql(sql, arguments) => apply::apply(self, *sql, arguments)?,
            Expr::HasField(slot) => Val::Bool(self.has_field(*slot)?),
            Expr::Variable(variable) => self.variable(*variable)?,
            Expr::Local(index) => self.locals.get(*index as usize).cloned().ok_or(BAD_ARGUMENT)?,
            Expr::Select(of, name) => self.member(of, name)?.ok_or(NO_KEY)?,
            Expr::Has(of, name) => Val::Bool(self.member(of, name)?.is_some()),
            Expr::Index(of, at) => self.index(of, at)?,
            Expr::Not(of) => Val::Bool(!self.truth(of)?),
            Expr::Negate(of) => arithmetic::negate(self.value(of)?)?,
            Expr::And(sides) => Val::Bool(self.decide(&sides.0, &sides.1, false)?),
            Expr::Or(sides) => Val::Bool(self.decide(&sides.0, &sides.1, true)?),
            Expr::If(parts) => match self.truth(&parts.0)? {
                true => self.value(&parts.1)?,
                false => self.value(&parts.2)?,
            },
            Expr::Compare(comparison, sides) => {
                let (left, right) = (self.value(&sides.0)?, self.value(&sides.1)?);
                Val::Bool(self.compare(*comparison, &left, &right)?)
            }
            Expr::Compute(operator, sides) => {
                let (left, right) = (self.value(&sides.0)?, self.value(&sides.1)?);
                self.charge(size_bytes(&left) + size_bytes(&right))?;
                arithmetic::compute(*operator, left, right)?
            }
            Expr::In(sides) => Val::Bool(self.is_in(&sides.0, &sides.1)?),
            Expr::List(items) => {
                let items: Result<Vec<_>, Error> = items.iter().map(|item| self.value(item)).collect();
                Val::List(items?.into())
            }
            Expr::Map(pairs) => self.map(pairs)?,
            Expr::Fold(fold) => self.fold(fold)?,
            Expr::Matches(of, regex) => match self.value(of)? {
                Val::Text(text) => {
                    self.charge(text.len())?;
                    Val::Bool(regex.is_match(&text)?)
                }
                _ => return Err(NO_OVERLOAD),
            },
            Expr::Call(function, arguments) => call::call(self, *function, arguments)?,
        })
    }

    pub fn truth(&mut self, expr: &'a Expr) -> Result<bool, Error> {
        match self.value(expr)? {
            Val::Bool(truth) => Ok(truth),
            _ => Err(NO_OVERLOAD),
        }
    }

    fn variable(&mut self, variable: Variable) -> Result<Val<'a>, Error> {
        let names = self.context.field;
        Ok(match variable {
            Variable::Record => Val::of(self.context.record.ok_or(NO_KEY)?.0),
            Variable::Value => match self.context.value {
                Some(value) => self.widened(Val::of(value)),
                None => return Err(NO_KEY),
            },
            Variable::Now => match self.context.now_ms {
                // A record without a timestamp was written at no time that is known.
                ms if ms < 0 => return Err(Error("no timestamp")),
                ms => Val::Timestamp(i128::from(ms) * 1_000_000),
            },
            Variable::Key => match self.context.key.map(std::str::from_utf8) {
                Some(Ok(key)) => Val::text(key),
                Some(Err(_)) => return Err(Error("the key is no text")),
                None => Val::Null,
            },
            Variable::FullName => Val::text(names.map_or("", |names| names.full_name.as_str())),
            Variable::Name => Val::text(names.map_or("", |names| names.name.as_str())),
            Variable::TypeName => match self.context.value {
                Some(value) if value.is_null() => Val::text("NULL"),
                _ => Val::text(names.map_or("", |names| names.type_name)),
            },
            Variable::Tags => Val::list(names.iter().flat_map(|names| &names.tags).map(|tag| Val::text(tag.as_str()))),
        })
    }

    /// A whole number in a field of doubles.
    fn widened(&self, value: Val<'a>) -> Val<'a> {
        match (value, self.context.field.map(|names| names.type_name)) {
            (Val::Int(i), Some("DOUBLE" | "FLOAT")) => Val::Double(i as f64),
            (value, _) => value,
        }
    }

    fn field(&mut self, slot: u32) -> Result<Val<'a>, Error> {
        let place = self.context.places.get(slot as usize).copied().ok_or(NO_KEY)?;
        let (record, _) = self.context.record.ok_or(NO_KEY)?;
        let value = Val::of(record.at(place).ok_or(NO_KEY)?);
        Ok(match value {
            Val::Int(i) if self.program.doubles.get(slot as usize) == Some(&true) => Val::Double(i as f64),
            value => value,
        })
    }

    fn has_field(&mut self, slot: u32) -> Result<bool, Error> {
        let place = self.context.places.get(slot as usize).copied().ok_or(NO_KEY)?;
        let (record, fields) = self.context.record.ok_or(NO_KEY)?;
        if record.at(place).is_some() {
            return Ok(true);
        }
        match record.at(fields.parent(place)) {
            Some(parent) if parent.is_object() => Ok(false),
            Some(_) => Err(NO_OVERLOAD),
            None => Err(NO_KEY),
        }
    }

    /// A member of a map; the error says that it is none.
    fn member(&mut self, of: &'a Expr, name: &str) -> Result<Option<Val<'a>>, Error> {
        match self.value(of)? {
            Val::Members(members) => {
                self.charge(members.len())?;
                Ok(members.get(name).map(Val::of))
            }
            Val::Map(pairs) => {
                let is = |(key, _): &&(Val<'a>, Val<'a>)| matches!(key, Val::Text(key) if key == name);
                Ok(pairs.iter().find(is).map(|(_, value)| value.clone()))
            }
            _ => Err(NO_OVERLOAD),
        }
    }

    fn index(&mut self, of: &'a Expr, at: &'a Expr) -> Result<Val<'a>, Error> {
        let (of, at) = (self.value(of)?, self.value(at)?.plain());
        match (&of, &at) {
            (Val::Items(_) | Val::List(_), Val::Int(_) | Val::Uint(_) | Val::Double(_)) => {
                let index = match at {
                    Val::Int(i) => usize::try_from(i).ok(),
                    Val::Uint(u) => usize::try_from(u).ok(),
                    Val::Double(d) if d.fract() == 0.0 && d >= 0.0 => Some(d as usize),
                    _ => None,
                };
                self.charge(of.count().unwrap_or(0))?;
                let item = index.and_then(|index| of.each()?.nth(index));
                item.ok_or(Error("index out of bounds"))
            }
            (Val::Members(_) | Val::Map(_), key) => {
                self.charge(of.count().unwrap_or(0))?;
                match key {
                    Val::Text(_) | Val::Int(_) | Val::Uint(_) | Val::Double(_) | Val::Bool(_) => {
                        of.member(key).ok_or(NO_KEY)
                    }
                    _ => Err(NO_OVERLOAD),
                }
            }
            _ => Err(NO_OVERLOAD),
        }
    }

    /// `&&` where `absorbing` is false, `||` where it is true: that value on either side decides.
    fn decide(&mut self, left: &'a Expr, right: &'a Expr, absorbing: bool) -> Result<bool, Error> {
        let left = self.truth(left);
        if left == Ok(absorbing) {
            return left;
        }
        let right = self.truth(right);
        match (left, right) {
            (_, Ok(right)) if right == absorbing => Ok(right),
            (Err(error), _) => Err(error),
            (Ok(_), right) => right,
        }
    }

    pub fn compare(&mut self, comparison: Comparison, left: &Val<'a>, right: &Val<'a>) -> Result<bool, Error> {
        match comparison {
            Comparison::Equal | Comparison::NotEqual => {
                Ok(self.same(left, right)? == (comparison == Comparison::Equal))
            }
            _ => {
                let order = left.order(right)?;
                Ok(order.is_some_and(|order| match comparison {
                    Comparison::Less => order == Ordering::Less,
                    Comparison::LessOrEqual => order != Ordering::Greater,
                    Comparison::Greater => order == Ordering::Greater,
                    _ => order != Ordering::Less,
                }))
            }
        }
    }

    /// CEL's equality.
    pub fn same(&mut self, left: &Val<'a>, right: &Val<'a>) -> Result<bool, Error> {
        self.charge(size_bytes(left).min(size_bytes(right)))?;
        let mut fuel = STEPS_MAX - self.steps;
        let same = left.equals(right, &mut fuel);
        self.steps = STEPS_MAX - fuel;
        if fuel == 0 { Err(TOO_MANY_STEPS) } else { Ok(same) }
    }

    /// Of a list that stands in the expression no list is made.
    fn is_in(&mut self, one: &'a Expr, all: &'a Expr) -> Result<bool, Error> {
        let one = self.value(one)?;
        if let Expr::List(items) = all {
            let (mut found, mut error) = (false, None);
            for item in items {
                match self.value(item) {
                    Ok(item) => found = found || self.same(&one, &item)?,
                    Err(wrong) => error = error.or(Some(wrong)),
                }
            }
            return error.map_or(Ok(found), Err);
        }
        match self.value(all)? {
            Val::Members(members) => match &one {
                Val::Text(name) => {
                    self.charge(members.len())?;
                    Ok(members.get(name).is_some())
                }
                _ => Ok(false),
            },
            all => {
                for item in all.each().ok_or(NO_OVERLOAD)? {
                    if self.same(&item, &one)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    fn map(&mut self, pairs: &'a [(Expr, Expr)]) -> Result<Val<'a>, Error> {
        let mut made: Vec<(Val<'a>, Val<'a>)> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let key = self.value(key)?;
            if !matches!(key, Val::Text(_) | Val::Int(_) | Val::Uint(_) | Val::Bool(_)) {
                return Err(Error("unsupported key type"));
            }
            for (known, _) in &made {
                if self.same(known, &key)? {
                    return Err(Error("repeated key"));
                }
            }
            made.push((key, self.value(value)?));
        }
        Ok(Val::Map(made.into()))
    }

    fn fold(&mut self, fold: &'a Fold) -> Result<Val<'a>, Error> {
        let Some(each) = self.value(&fold.over)?.each() else { return Err(NO_OVERLOAD) };
        let (mut error, mut count, mut made) = (None, 0u32, Vec::new());
        let depth = self.locals.len();
        for item in each {
            self.locals.push(item);
            let said = self.fold_one(fold);
            let item = self.locals.pop().unwrap_or(Val::Null);
            self.locals.truncate(depth);
            if self.steps > STEPS_MAX {
                return Err(TOO_MANY_STEPS);
            }
            match (fold.how, said) {
                (Macro::All, Ok(Some(Val::Bool(false)))) => return Ok(Val::Bool(false)),
                (Macro::Exists, Ok(Some(Val::Bool(true)))) => return Ok(Val::Bool(true)),
                (Macro::All | Macro::Exists, Ok(Some(Val::Bool(_)))) => {}
                (Macro::All | Macro::Exists, said) => error = error.or(Some(said.err().unwrap_or(NO_OVERLOAD))),
                (Macro::ExistsOne, Ok(Some(Val::Bool(is)))) => count += u32::from(is),
                (Macro::Filter, Ok(Some(Val::Bool(is)))) => made.extend(is.then_some(item)),
                (Macro::Map, Ok(value)) => made.extend(value),
                (_, Err(error)) => return Err(error),
                (_, Ok(_)) => return Err(NO_OVERLOAD),
            }
        }
        match (fold.how, error) {
            (Macro::All | Macro::Exists, Some(error)) => Err(error),
            (Macro::All, None) => Ok(Val::Bool(true)),
            (Macro::Exists, None) => Ok(Val::Bool(false)),
            (Macro::ExistsOne, _) => Ok(Val::Bool(count == 1)),
            (Macro::Map | Macro::Filter, _) => Ok(Val::List(made.into())),
        }
    }

    /// `None`: the item is not taken.
    fn fold_one(&mut self, fold: &'a Fold) -> Result<Option<Val<'a>>, Error> {
        if let Some(keep) = &fold.keep
            && !self.truth(keep)?
        {
            return Ok(None);
        }
        self.value(&fold.body).map(Some)
    }
}

fn of_literal(literal: &Literal) -> Val<'_> {
    match literal {
        Literal::Null => Val::Null,
        Literal::Bool(b) => Val::Bool(*b),
        Literal::Int(i) => Val::Int(*i),
        Literal::Uint(u) => Val::Uint(*u),
        Literal::Double(d) => Val::Double(*d),
        Literal::Text(text) => Val::Text(Cow::Borrowed(text)),
        Literal::Bytes(bytes) => Val::Bytes(Cow::Borrowed(bytes)),
        Literal::Type(name) => Val::Type(name),
    }
}

/// Roughly what has to be read to compare or copy it. Of a container each item counts as the bytes of one step, and
/// what is nested in it as little: the decoder bounds it.
pub fn size_bytes(value: &Val<'_>) -> usize {
    match value {
        Val::Text(text) => text.len(),
        Val::Bytes(bytes) => bytes.len(),
        Val::Fraction(text) => text.len(),
        Val::Decimal(decimal) => decimal.size_bytes(),
        other => other.count().unwrap_or(0) * BYTES_PER_STEP,
    }
}

#[cfg(test)]
mod tests;
