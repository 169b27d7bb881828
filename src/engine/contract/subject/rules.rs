//! Rules into clauses. Conditions of every mode are observed; a transformation changes records, and is nothing to observe.

use crate::engine::contract::fields::{At, Fields};
use crate::engine::contract::model::Clause;
use crate::engine::contract::odcs::expression::does_not_compile;
use crate::engine::contract::plan::Check;
use crate::engine::contract::problem::{Place, Problems};
use crate::engine::contract::subject::shape::{Field, Shape};
use crate::engine::contract::subject::tags::Tags;
use crate::engine::decode::path::{FieldPath, Step};
use crate::engine::expr::cel::parse::{self, Scope};
use crate::engine::expr::cel::token::Mistake;
use crate::engine::expr::condition::{About, Breaks, Condition};
use crate::engine::expr::eval::FieldNames;
use crate::engine::expr::program::{Expr, Literal, Program, Variable};
use crate::engine::expr::regex::Dialect;
use std::sync::Arc;

/// What rules stand in.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    pub tags: &'a Tags,
    pub shape: &'a Shape,
    /// The object's.
    pub relates_to: &'a str,
    /// Where the schema stands.
    pub at: &'a Place,
    pub problems: &'a Problems,
}

const CEL: [(&str, Variable); 2] = [("message", Variable::Record), ("now", Variable::Now)];
const CEL_FIELD: [(&str, Variable); 7] = [
    ("value", Variable::Value),
    ("fullName", Variable::FullName),
    ("name", Variable::Name),
    ("typeName", Variable::TypeName),
    ("tags", Variable::Tags),
    ("message", Variable::Record),
    ("now", Variable::Now),
];
const INLINE_RECORD: [(&str, Variable); 2] = [("this", Variable::Record), ("now", Variable::Now)];
const INLINE_FIELD: [(&str, Variable); 2] = [("this", Variable::Value), ("now", Variable::Now)];

impl Rules<'_> {
    /// `ruleSet.domainRules`.
    pub fn domain(&self, subject: &mut Fields<'_>) -> Vec<Clause> {
        let Some(mut set) = subject.get("ruleSet").and_then(|found| Fields::of(&found, self.problems)) else {
            return Vec::new();
        };
        // A rule set that nobody executes says nothing of records.
        if set.text("enableAt").as_deref() == Some("NONE") {
            return Vec::new();
        }
        set.list("domainRules").iter().filter_map(|rule| self.one(rule)).collect()
    }

    /// `None`: nothing to observe. What the registry itself would refuse is for lint to tell.
    fn one(&self, found: &At<'_>) -> Option<Clause> {
        let mut rule = Fields::of(found, self.problems)?;
        let name = rule.text("name").unwrap_or_default();
        match rule.text("kind").as_deref() {
            Some("CONDITION") => {}
            _ => return None,
        }
        if rule.flag("disabled") == Some(true) {
            return None;
        }
        // On a pair the first action is for writing, the second for reading; one of them that fails is a failure.
        let actions = rule.text("onFailure").unwrap_or_default();
        let ignored = !actions.is_empty() && actions.split(',').all(|action| action.trim() == "NONE");
        let kind = rule.text("type").unwrap_or_default();
        let check = self.check(&mut rule, &kind).map_or_else(Check::Unmeasured, |c| Check::Holds(Arc::new(c)));
        let relates_to = format!("{}/ruleSet/{name}", self.relates_to);
        Some(Clause {
            key: name.clone(),
            name: Some(name),
            at: Some(found.at.clone()),
            dimension: None,
            severity: ignored.then(|| "warning".to_owned()),
            ..Clause::schema(metric(&kind), "", &relates_to, check)
        })
    }

    fn check(&self, rule: &mut Fields<'_>, kind: &str) -> Result<Condition, String> {
        let problems = self.problems;
        if kind != "CEL" && kind != "CEL_FIELD" {
            problems.doubt(
                &rule.at,
                "unmeasured-type",
                format!("rules of type {kind:?} are not measured"),
                "use CEL or CEL_FIELD",
            );
            return Err(format!("rules of type {kind:?} are not measured"));
        }
        let mut params = rule.get("params").and_then(|found| Fields::of(&found, problems));
        let mut param = |key: &str| params.as_mut().and_then(|p| p.get(key)).map(|found| super::word(found.node));
        let dialect = match param("cel.regex.engine").as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("" | "pcre") => Dialect::Pcre,
            Some("re2") => Dialect::Re2,
            Some(other) => {
                problems.beyond(
                    &rule.at,
                    "unknown-engine",
                    format!("cel.regex.engine {other:?} is not known"),
                    "use pcre or re2",
                );
                return Err(format!("the regex engine {other:?} is not known"));
            }
        };
        let guarded = !param("cel.ignore.guard.separator").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let tags = rule.get("tags").and_then(|found| found.texts()).unwrap_or_default();
        let Some(found) = rule.get("expr").filter(|found| found.text().is_some()) else {
            problems.beyond(&rule.at, "no-expression", "the rule has no expression", "give it an `expr`");
            return Err("the rule has no expression".to_owned());
        };
        let text = found.text().unwrap_or_default();
        let (variables, about) = match kind {
            "CEL" => (&CEL[..], About::Record),
            _ => (&CEL_FIELD[..], About::Fields(self.tagged(&tags))),
        };
        if matches!(&about, About::Fields(fields) if fields.is_empty()) {
            problems.doubt(
                &rule.at,
                "idle-rule",
                "the rule asks no field of the schema",
                "tag a field with one of the rule's tags, or correct them",
            );
        }
        let scope = Scope { variables, fields: &|_| None, dialect };
        let program = program(text, guarded, &scope)
            .map_err(|mistake| does_not_compile(text, &mistake, &found, problems))
            .map(|program| self.typed(program))?;
        Ok(Condition { program, breaks: Breaks::False, about })
    }

    /// Primitive fields that have one of these tags; all where none is named.
    fn tagged(&self, tags: &[String]) -> Vec<(FieldPath, FieldNames)> {
        let mut fields = self.shape.primitives(&|field| self.tags.of(field));
        fields.retain(|(_, names)| tags.is_empty() || names.tags.iter().any(|tag| tags.contains(tag)));
        fields
    }

    /// `confluent:rules` of the record.
    pub fn of_record(&self, rules: &[serde_json::Value]) -> Vec<Clause> {
        self.inline(rules, &INLINE_RECORD, &About::Record, self.relates_to)
    }

    /// `confluent:rules` of a field; null is not asked.
    pub fn of_field(&self, field: &Field, relates_to: &str) -> Vec<Clause> {
        let type_name = field.type_name.unwrap_or_default();
        let about = About::Field(FieldNames { type_name, ..FieldNames::default() });
        self.inline(&field.rules, &INLINE_FIELD, &about, relates_to)
    }

    fn inline(
        &self,
        rules: &[serde_json::Value],
        variables: &[(&str, Variable)],
        about: &About,
        relates_to: &str,
    ) -> Vec<Clause> {
        let text = |rule: &serde_json::Value, key: &str| rule.get(key).and_then(|t| t.as_str()).map(str::to_owned);
        let one = |(i, rule): (usize, &serde_json::Value)| {
            let name = text(rule, "name").unwrap_or_else(|| format!("rule{i}"));
            let check = match text(rule, "expr").filter(|expr| !expr.is_empty()) {
                None => {
                    self.problems.beyond(
                        self.at,
                        "no-expression",
                        format!("the rule {name} has no expression"),
                        "give it an `expr`",
                    );
                    Check::Unmeasured("the rule has no expression".to_owned())
                }
                Some(expr) => {
                    let scope = Scope { variables, fields: &|_| None, dialect: Dialect::Re2 };
                    match parse::parse(&expr, &scope) {
                        Ok(program) => Check::Holds(Arc::new(Condition {
                            program: self.typed(program),
                            breaks: Breaks::FalseOrText,
                            about: about.clone(),
                        })),
                        Err(mistake) => self.inline_mistake(&name, &mistake),
                    }
                }
            };
            let relates_to = format!("{relates_to}/quality/{name}");
            Clause {
                key: name.clone(),
                name: Some(name),
                dimension: None,
                ..Clause::schema("CEL", "", &relates_to, check)
            }
        };
        rules.iter().enumerate().map(one).collect()
    }

    fn inline_mistake(&self, name: &str, mistake: &Mistake) -> Check {
        let reason = format!("the rule {name} does not compile: {} (at {})", mistake.what, mistake.at + 1);
        self.problems.beyond(self.at, "bad-expression", &reason, "correct its expression");
        Check::Unmeasured(reason)
    }

    /// Whole numbers in fields of doubles are doubles.
    fn typed(&self, mut program: Program) -> Program {
        let is_double = |slot: &FieldPath| {
            let mut fields = &self.shape.fields;
            let mut found = None;
            for step in &slot.0 {
                let Step::Name(name) = step else { return false };
                let Some(field) = fields.iter().find(|field| field.name == *name) else { return false };
                found = field.type_name;
                fields = &field.fields;
            }
            matches!(found, Some("FLOAT" | "DOUBLE"))
        };
        program.doubles = program.slots.iter().map(is_double).collect();
        program
    }
}

/// What a rule of a rule set is called: by its type, where Confluent's clients have it.
pub const METRICS: [&str; 4] = ["CEL", "CEL_FIELD", "JSONATA", "ruleSet"];

fn metric(kind: &str) -> &'static str {
    METRICS.into_iter().find(|known| *known == kind).unwrap_or("ruleSet")
}

/// What stands before the first `;` is the guard, as Confluent's clients cut it, be it within a text.
fn program(text: &str, guarded: bool, scope: &Scope<'_>) -> Result<Program, Mistake> {
    let (guard, body, from) = match text.find(';').filter(|_| guarded) {
        Some(at) => (Some(&text[..at]).filter(|guard| !guard.trim().is_empty()), &text[at + 1..], at + 1),
        None => (None, text, 0),
    };
    let mut program =
        Program { guard: None, body: Expr::Literal(Literal::Null), slots: Vec::new(), doubles: Vec::new() };
    program.guard = guard.map(|guard| parse::expression(guard, scope, &mut program.slots)).transpose()?;
    let behind = |mistake: Mistake| Mistake { at: mistake.at + from, ..mistake };
    program.body = parse::expression(body, scope, &mut program.slots).map_err(behind)?;
    Ok(program)
}
