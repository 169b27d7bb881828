//! A query, taken apart: what each record adds to, and the number that comes of it.

use crate::engine::decode::fields::{Fields, Place};
use crate::engine::decode::path::FieldPath;
use crate::engine::decode::tree::Value;
use crate::engine::expr::eval::{Context, Evaluation, TOO_MANY_STEPS};
use crate::engine::expr::program::{Expr, Literal, Program};
use crate::engine::expr::value::{Error, Val};

/// `SELECT` of one expression of aggregates, over the records for which `rows` is true.
#[derive(Clone, Debug)]
pub struct Query {
    pub rows: Option<Expr>,
    pub parts: Vec<Part>,
    /// The number, by the numbers of the parts.
    pub result: Expr,
    /// The fields of the record, by slot.
    pub slots: Vec<FieldPath>,
    /// No program of its own: what evaluations are told of slots.
    program: Program,
}

/// An aggregate.
#[derive(Clone, Debug)]
pub struct Part {
    pub what: What,
    /// `FILTER (WHERE …)`.
    pub when: Option<Expr>,
    /// What it is of; of `COUNT(*)` nothing, of `COUNT(DISTINCT a, b)` several.
    pub of: Vec<Expr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Rows, or values that are not null.
    Count,
    Distinct,
    Sum,
    Average,
    Min,
    Max,
}

/// What one record adds to one part.
#[derive(Clone, Debug)]
pub enum Added<'a> {
    Row,
    Number(Val<'a>),
    /// The values of a key, none of them null.
    Key(Vec<Val<'a>>),
}

impl Query {
    pub fn new(rows: Option<Expr>, parts: Vec<Part>, result: Expr, slots: Vec<FieldPath>) -> Query {
        let program =
            Program { guard: None, body: Expr::Literal(Literal::Null), slots: Vec::new(), doubles: Vec::new() };
        Query { rows, parts, result, slots, program }
    }

    /// Where its fields are in records that are read with a contract's fields.
    pub fn places(&self, fields: &Fields) -> Option<Box<[Place]>> {
        self.slots.iter().map(|path| Some(fields.route(path)?.place)).collect()
    }

    /// Whether the number is a count: one that only grows.
    pub fn grows(&self) -> bool {
        match &self.result {
            Expr::Part(part) => {
                let part = self.parts.get(*part as usize);
                part.is_some_and(|part| matches!(part.what, What::Count | What::Distinct))
            }
            _ => false,
        }
    }

    /// The slots whose values the number tells of, and not only how many there are.
    pub fn telling(&self) -> Vec<FieldPath> {
        let mut slots = Vec::new();
        for part in self.parts.iter().filter(|part| !matches!(part.what, What::Count | What::Distinct)) {
            part.of.iter().for_each(|of| of.slots(&mut slots));
        }
        slots.into_iter().filter_map(|slot| self.slots.get(slot as usize).cloned()).collect()
    }

    /// Tells what a record adds to each part, by number. The error says that it took too many steps, and then nothing counts.
    pub fn ask<'a>(
        &'a self,
        record: Value<'a>,
        fields: &'a Fields,
        places: &'a [Place],
        mut add: impl FnMut(usize, Added<'a>),
    ) -> Result<(), Error> {
        let context = Context { record: Some((record, fields)), places, ..Context::default() };
        let mut evaluation = Evaluation::new(&self.program, context);
        if !evaluation.is_true(self.rows.as_ref())? {
            return Ok(());
        }
        for (number, part) in self.parts.iter().enumerate() {
            if !evaluation.is_true(part.when.as_ref())? {
                continue;
            }
            let mut values = Vec::with_capacity(part.of.len());
            for of in &part.of {
                match evaluation.nullable(of)? {
                    Val::Null => break,
                    value => values.push(value),
                }
            }
            // An aggregate is of what is not null; of a key no part may be.
            if values.len() < part.of.len() {
                continue;
            }
            match (part.what, values.pop()) {
                (What::Count, _) => add(number, Added::Row),
                (What::Distinct, last) => add(number, Added::Key(values.into_iter().chain(last).collect())),
                (_, Some(number_of)) if number_of.is_number() => add(number, Added::Number(number_of)),
                // What is no number is nothing that can be added up.
                (_, _) => {}
            }
        }
        Ok(())
    }

    /// The number, where the parts are these; `None`: it is null.
    pub fn number(&self, parts: &[Val<'_>]) -> Result<Option<f64>, Error> {
        let mut evaluation = Evaluation::new(&self.program, Context { parts, ..Context::default() });
        let number = evaluation.nullable(&self.result)?;
        Ok(match number {
            Val::Bool(truth) => Some(f64::from(u8::from(truth))),
            number => number.as_f64().filter(|number| number.is_finite()),
        })
    }
}

impl<'a> Evaluation<'a> {
    /// A value of SQL's: what cannot be computed is null.
    pub fn nullable(&mut self, expr: &'a Expr) -> Result<Val<'a>, Error> {
        match self.value(expr) {
            Err(TOO_MANY_STEPS) => Err(TOO_MANY_STEPS),
            Err(_) => Ok(Val::Null),
            Ok(Val::Double(double)) if double.is_nan() => Ok(Val::Null),
            Ok(value) => Ok(value),
        }
    }

    /// Whether a condition is true: not false, and not null. No condition is.
    fn is_true(&mut self, condition: Option<&'a Expr>) -> Result<bool, Error> {
        match condition {
            None => Ok(true),
            Some(condition) => Ok(matches!(self.nullable(condition)?, Val::Bool(true))),
        }
    }
}
