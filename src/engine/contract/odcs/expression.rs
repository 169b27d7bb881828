//! Rules that an expression states: `type: custom` with `engine: cel`, and `type: sql`.

use crate::engine::contract::fields::{At, Fields};
use crate::engine::contract::odcs::quality::{OPERATORS, Subject, threshold};
use crate::engine::contract::plan::{Check, Threshold};
use crate::engine::contract::problem::Problems;
use crate::engine::decode::path::{FieldPath, Step};
use crate::engine::expr::cel::parse::{self, Scope};
use crate::engine::expr::cel::token::Mistake;
use crate::engine::expr::condition::{About, Breaks, Condition};
use crate::engine::expr::eval::FieldNames;
use crate::engine::expr::program::Variable;
use crate::engine::expr::regex::Dialect;
use crate::engine::expr::sql::read::{self, Names, Refusal};
use std::sync::Arc;

const OF_OBJECT: [(&str, Variable); 4] =
    [("message", Variable::Record), ("record", Variable::Record), ("key", Variable::Key), ("now", Variable::Now)];
const OF_PROPERTY: [(&str, Variable); 5] = [
    ("message", Variable::Record),
    ("record", Variable::Record),
    ("key", Variable::Key),
    ("now", Variable::Now),
    ("value", Variable::Value),
];

/// The check of a rule of the engine CEL; the error says why there is none.
pub fn cel(fields: &mut Fields<'_>, subject: Subject<'_>, problems: &Problems) -> Result<Check, String> {
    let Some(found) = fields.get("implementation") else { return Err("no implementation".to_owned()) };
    let Some(text) = found.text() else {
        problems.beyond(
            &found.at,
            "no-expression",
            "the implementation is no text",
            "write one CEL expression, in quotes",
        );
        return Err("the implementation is no text".to_owned());
    };
    let dialect = Dialect::Pcre;
    let (scope, about) = match subject {
        Subject::Property(..) => {
            (Scope { variables: &OF_PROPERTY, fields: &|_| None, dialect }, About::Field(FieldNames::default()))
        }
        Subject::Object(find, _) => (Scope { variables: &OF_OBJECT, fields: find, dialect }, About::Record),
    };
    let program = parse::parse(text, &scope).map_err(|mistake| does_not_compile(text, &mistake, &found, problems))?;
    Ok(Check::Holds(Arc::new(Condition { program, breaks: Breaks::NotTrue, about })))
}

/// The check of a query; the error says why there is none.
pub fn sql(fields: &mut Fields<'_>, subject: Subject<'_>, problems: &Problems) -> Result<Check, String> {
    let Some(found) = fields.get("query") else { return Err("no query".to_owned()) };
    let Some(text) = found.text() else {
        problems.beyond(&found.at, "no-expression", "the query is no text", "write one SELECT, in quotes");
        return Err("the query is no text".to_owned());
    };
    let by_its_own_name = |name: &str| Ok(FieldPath(name.split('.').map(|n| Step::Name(n.to_owned())).collect()));
    let query = match subject {
        // Other columns than the property's own are called as the record has them.
        Subject::Property(field, tables) => {
            read::read(text, Names { tables, property: Some(field), columns: &by_its_own_name })
        }
        Subject::Object(find, tables) => {
            let columns = |name: &str| find(name).ok_or_else(|| format!("the object has no property {name}"));
            read::read(text, Names { tables, property: None, columns: &columns })
        }
    };
    match query {
        Ok(query) => Ok(Check::Query(Arc::new(query))),
        Err(Refusal::Wrong(reason)) => {
            problems.beyond(&found.at, "bad-query", &reason, "correct the query");
            Err(reason)
        }
        Err(Refusal::Beyond(reason)) => {
            let remedy =
                "write it as aggregates over the records of this one topic, or expect its verdict to be unknown";
            problems.doubt(&found.at, "unmeasured-query", &reason, remedy);
            Err(reason)
        }
    }
}

/// Of a rule that says nothing of how many rows may break it, none may.
pub fn threshold_or_none(fields: &mut Fields<'_>, problems: &Problems) -> Result<Threshold, String> {
    match OPERATORS.iter().any(|operator| fields.has(operator)) {
        true => threshold(fields, problems),
        false => Ok(Threshold::MustBe(0.0)),
    }
}

/// Tells where an expression is wrong, and gives the reason why its rule is unknown.
pub fn does_not_compile(text: &str, mistake: &Mistake, found: &At<'_>, problems: &Problems) -> String {
    let before = text.get(..mistake.at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let place =
        if text.contains('\n') { format!("line {line}, character {column}") } else { format!("character {column}") };
    let reason = format!("the expression does not compile: {} (at {place})", mistake.what);
    problems.beyond(&found.at, "bad-expression", &reason, "correct the expression");
    reason
}
