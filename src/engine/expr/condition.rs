//! A rule that an expression states: of which values it is asked, and what breaks it.

use crate::engine::decode::fields::{Fields, Place, Route};
use crate::engine::decode::path::FieldPath;
use crate::engine::decode::rows::{self, Row};
use crate::engine::decode::tree::Value;
use crate::engine::expr::eval::{Context, FieldNames, Outcome, run};
use crate::engine::expr::program::Program;
use crate::engine::expr::value::Val;

#[derive(Clone, Debug)]
pub struct Condition {
    pub program: Program,
    pub breaks: Breaks,
    pub about: About,
}

/// What it is asked of.
#[derive(Clone, Debug)]
pub enum About {
    Record,
    /// The rule's own field, and what it is told of it.
    Field(FieldNames),
    /// Each of these, in turn: a rule about fields by their tags.
    Fields(Vec<(FieldPath, FieldNames)>),
}

/// What breaks the rule, beside an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaks {
    /// Whatever is not true: ODCS.
    NotTrue,
    /// False, and nothing else: Confluent's conditions.
    False,
    /// False, and a text that says what is wrong: Confluent's inline rules. Null is not asked.
    FalseOrText,
}

/// Where the condition's fields are in records that are read with a contract's fields.
#[derive(Debug)]
pub struct Places {
    /// By slot of the program.
    pub slots: Box<[Place]>,
    /// By field that is asked.
    pub fields: Box<[Route]>,
}

/// The record that is asked.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub record: Value<'a>,
    pub fields: &'a Fields,
    pub key: Option<&'a [u8]>,
    pub now_ms: i64,
}

/// What a condition says of a record.
#[derive(Clone, Copy, Debug)]
pub enum Said<'a> {
    /// There is nothing that it could be asked of.
    Nothing,
    Holds,
    /// Of a field: the first value that breaks it.
    Broken(Fault, Value<'a>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    NotTrue,
    Error,
}

impl Condition {
    /// Where it looks: the paths that a decoder has to tell.
    pub fn paths(&self) -> impl Iterator<Item = &FieldPath> {
        self.program.slots.iter().chain(self.fields().iter().map(|(path, _)| path))
    }

    /// Of a rule about fields by their tags.
    pub fn fields(&self) -> &[(FieldPath, FieldNames)] {
        match &self.about {
            About::Fields(fields) => fields,
            About::Record | About::Field(_) => &[],
        }
    }

    /// `of`: the rule's own field. `None`: the fields were not made of this condition.
    pub fn places(&self, of: Option<&FieldPath>, fields: &Fields) -> Option<Places> {
        let slots = self.program.slots.iter().map(|path| Some(fields.route(path)?.place)).collect::<Option<_>>()?;
        let routes = self.fields().iter().map(|(path, _)| path).chain(of);
        Some(Places { slots, fields: routes.map(|path| fields.route(path)).collect::<Option<_>>()? })
    }

    /// Asks a record.
    pub fn ask<'a>(&'a self, places: &'a Places, subject: Subject<'a>) -> Said<'a> {
        let context = Context {
            record: Some((subject.record, subject.fields)),
            places: &places.slots,
            key: subject.key,
            now_ms: subject.now_ms,
            ..Context::default()
        };
        // A rule about fields by tags holds where the record has none of them.
        let mut said = match &self.about {
            About::Record => return self.one(context, subject.record),
            About::Field(_) => Said::Nothing,
            About::Fields(_) => Said::Holds,
        };
        for (i, route) in places.fields.iter().enumerate() {
            let field = match &self.about {
                About::Field(names) => Some(names),
                _ => self.fields().get(i).map(|(_, names)| names),
            };
            rows::each(subject.record, subject.fields, route, |row| {
                let Row::Value(value) = row else { return };
                if matches!(said, Said::Broken(..)) || value.is_null() && self.breaks == Breaks::FalseOrText {
                    return;
                }
                said = self.one(Context { value: Some(value), field, ..context }, value);
            });
        }
        said
    }

    fn one<'a>(&'a self, context: Context<'a>, shown: Value<'a>) -> Said<'a> {
        let broken = match (run(&self.program, context), self.breaks) {
            (Outcome::Fails(_), _) => return Said::Broken(Fault::Error, shown),
            (Outcome::Skipped, _) => false,
            (Outcome::Is(Val::Bool(truth)), _) => !truth,
            (Outcome::Is(_), Breaks::NotTrue) => true,
            (Outcome::Is(Val::Text(wrong)), Breaks::FalseOrText) => !wrong.is_empty(),
            (Outcome::Is(_), Breaks::False | Breaks::FalseOrText) => false,
        };
        if broken { Said::Broken(Fault::NotTrue, shown) } else { Said::Holds }
    }
}

impl Fault {
    pub fn word(self) -> &'static str {
        match self {
            Fault::NotTrue => "not_true",
            Fault::Error => "error",
        }
    }
}
