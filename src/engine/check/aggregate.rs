//! What the aggregates of a query have come to in a window: states that merge in any order.

use crate::engine::check::key::Hashes;
use crate::engine::check::keys::{KEY_BYTES, Keys, Rows};
use crate::engine::check::sum::Sum;
use crate::engine::expr::sql::query::{Added, Query, What};
use crate::engine::expr::value::Val;
use serde::{Deserialize, Serialize};

/// The state of one aggregate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Aggregate {
    Count(u64),
    /// The keyed hashes of what was seen.
    Distinct(Keys),
    /// Of SUM and AVG.
    Sum(Sum),
    Min(Option<f64>),
    Max(Option<f64>),
}

/// What a record adds, told apart from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Addend {
    Row,
    Whole(i128),
    Double(f64),
    Key(u64),
}

impl Addend {
    pub fn of(added: &Added<'_>, hashes: &Hashes) -> Addend {
        match added {
            Added::Row => Addend::Row,
            Added::Number(Val::Int(i)) => Addend::Whole((*i).into()),
            Added::Number(Val::Uint(u)) => Addend::Whole((*u).into()),
            Added::Number(other) => Addend::Double(other.as_f64().unwrap_or(f64::NAN)),
            Added::Key(values) => Addend::Key(hashes.values(values)),
        }
    }
}

/// What the aggregates of a query are before anything was seen.
pub fn none_of(query: &Query) -> Vec<Aggregate> {
    let none = |what| match what {
        What::Count => Aggregate::Count(0),
        What::Distinct => Aggregate::Distinct(Keys::default()),
        What::Sum | What::Average => Aggregate::Sum(Sum::default()),
        What::Min => Aggregate::Min(None),
        What::Max => Aggregate::Max(None),
    };
    query.parts.iter().map(|part| none(part.what)).collect()
}

/// The number that a query comes to, with its bounds where it is an estimate; `None`: it is null. The error says why nobody knows.
pub fn number(query: &Query, aggregates: &[Aggregate]) -> Result<Option<Rows>, String> {
    let none = none_of(query);
    let aggregates = if aggregates.is_empty() { &none } else { aggregates };
    let mut parts = Vec::with_capacity(aggregates.len());
    let mut estimated = None;
    for (part, aggregate) in query.parts.iter().zip(aggregates) {
        parts.push(match aggregate {
            Aggregate::Count(count) => i64::try_from(*count).map_or(Val::Double(*count as f64), Val::Int),
            Aggregate::Distinct(keys) => {
                let rows = keys.distinct()?;
                estimated = estimated.or(Some(rows).filter(|rows| !rows.is_exact()));
                Val::Int(rows.value as i64)
            }
            Aggregate::Sum(sum) => match (part.what, sum.total()) {
                (_, None) => Val::Null,
                (What::Average, Some(total)) => Val::Double(total / sum.count as f64),
                (_, Some(total)) => Val::Double(total),
            },
            Aggregate::Min(number) | Aggregate::Max(number) => number.map_or(Val::Null, Val::Double),
        });
    }
    if let (Some(rows), true) = (estimated, query.grows()) {
        return Ok(Some(rows));
    }
    if estimated.is_some() {
        return Err("of so many distinct keys their number is an estimate, and the query computes with it".to_owned());
    }
    let exact = |number| Rows { value: number, low: number, high: number };
    query.number(&parts).map(|number| number.map(exact)).map_err(|error| error.0.to_owned())
}

/// Adds the states of other records; nothing on one side is the other.
pub fn merge(all: &mut Vec<Aggregate>, other: Vec<Aggregate>) {
    if all.is_empty() {
        *all = other;
        return;
    }
    all.iter_mut().zip(other).for_each(|(aggregate, other)| aggregate.merge(other));
}

impl Aggregate {
    pub fn add(&mut self, addend: Addend) {
        let number = match addend {
            Addend::Whole(whole) => whole as f64,
            Addend::Double(double) => double,
            Addend::Row | Addend::Key(_) => f64::NAN,
        };
        match (self, addend) {
            (Aggregate::Count(count), Addend::Row) => *count += 1,
            (Aggregate::Distinct(keys), Addend::Key(key)) => drop(keys.insert(key)),
            (Aggregate::Sum(sum), Addend::Whole(whole)) => sum.add_whole(whole),
            (Aggregate::Sum(sum), Addend::Double(double)) => sum.add_double(double),
            (Aggregate::Min(min), _) => *min = least(*min, number),
            (Aggregate::Max(max), _) => *max = least(max.map(|max| -max), -number).map(|max| -max),
            // No query adds a number to a count.
            _ => {}
        }
    }

    fn merge(&mut self, other: Aggregate) {
        match (self, other) {
            (Aggregate::Count(a), Aggregate::Count(b)) => *a += b,
            (Aggregate::Distinct(a), Aggregate::Distinct(b)) => *a = std::mem::take(a).merged(b),
            (Aggregate::Sum(a), Aggregate::Sum(b)) => a.merge(&b),
            (Aggregate::Min(a), Aggregate::Min(Some(b))) => *a = least(*a, b),
            (Aggregate::Max(a), Aggregate::Max(Some(b))) => *a = least(a.map(|a| -a), -b).map(|a| -a),
            // Of one contract's rule both are of one kind.
            _ => {}
        }
    }

    /// Its keys, where there are any, for a delta that they do not fit.
    pub fn take_keys(&mut self) -> Vec<u64> {
        match self {
            Aggregate::Distinct(keys) => keys.take(),
            _ => Vec::new(),
        }
    }

    /// The same kind, of nothing.
    pub fn none(&self) -> Aggregate {
        match self {
            Aggregate::Count(_) => Aggregate::Count(0),
            Aggregate::Distinct(_) => Aggregate::Distinct(Keys::default()),
            Aggregate::Sum(_) => Aggregate::Sum(Sum::default()),
            Aggregate::Min(_) => Aggregate::Min(None),
            Aggregate::Max(_) => Aggregate::Max(None),
        }
    }

    pub fn weight_bytes(&self) -> usize {
        match self {
            Aggregate::Count(_) => 6,
            Aggregate::Distinct(keys) => 2 + keys.weight_bytes(),
            Aggregate::Sum(sum) => sum.weight_bytes(),
            Aggregate::Min(_) | Aggregate::Max(_) => KEY_BYTES + 1,
        }
    }
}

/// What is no number is passed over.
fn least(known: Option<f64>, number: f64) -> Option<f64> {
    match known {
        _ if number.is_nan() => known,
        Some(known) if known <= number => Some(known),
        _ => Some(number),
    }
}
