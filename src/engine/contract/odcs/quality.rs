//! The rules of a `quality` list, each into a clause.

use crate::engine::contract::fields::{At, Fields};
use crate::engine::contract::mode;
use crate::engine::contract::model::{Clause, TEXT};
use crate::engine::contract::odcs::custom::{self, Custom, Level};
use crate::engine::contract::odcs::expression;
use crate::engine::contract::plan::{Check, Threshold, Unit};
use crate::engine::contract::problem::{Place, Problems};
use crate::engine::contract::text::pattern;
use crate::engine::contract::values::Values;
use crate::engine::decode::path::FieldPath;

/// What a rule speaks about.
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    /// A property: where it stands in a record.
    Property(&'a FieldPath, Tables<'a>),
    /// An object; finds a property of it by its name.
    Object(&'a dyn Fn(&str) -> Option<FieldPath>, Tables<'a>),
}

/// What queries may call the object: its name, and its topic.
pub type Tables<'a> = [&'a str; 2];

/// Exactly one stands in a rule.
pub const OPERATORS: [&str; 8] = [
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
];

/// The standard's words, and their synonyms.
const DIMENSIONS: [&str; 14] = [
    "accuracy",
    "completeness",
    "conformity",
    "consistency",
    "coverage",
    "timeliness",
    "uniqueness",
    "ac",
    "cp",
    "cf",
    "cs",
    "cv",
    "tm",
    "uq",
];

/// Says something about the rule, and asks nothing of the data.
const TEXT_KEYS: [&str; 6] =
    ["description", "method", "businessImpact", "scheduler", "schedule", "authoritativeDefinitions"];

/// Reads `quality` of an element. A rule of type `text` is documentation: its clause asks nothing.
pub fn read(element: &mut Fields<'_>, relates_to: &str, subject: Subject<'_>, problems: &Problems) -> Vec<Clause> {
    let rules = element.list("quality");
    rules.iter().enumerate().filter_map(|(i, rule)| one(rule, i, relates_to, subject, problems)).collect()
}

/// Why a rule is not measured; the problem, where it is one, is already told.
type Reason = String;

fn one(found: &At<'_>, index: usize, relates_to: &str, subject: Subject<'_>, problems: &Problems) -> Option<Clause> {
    let mut fields = Fields::of(found, problems)?;
    let id = fields.text("id");
    let name = fields.text("name");
    let dimension = fields.text("dimension");
    if let Some(word) = dimension.as_deref().filter(|d| !DIMENSIONS.contains(d)) {
        problems.schema(
            &fields.at,
            format!("dimension {word:?} is not the standard's"),
            format!("use one of {}", DIMENSIONS[..7].join(", ")),
        );
    }
    let severity = fields.text("severity");
    let custom = custom::read(&mut fields, Level::Rule, problems);
    let mode = custom.mode;
    fields.known(&TEXT_KEYS);
    let relates_to = format!("{relates_to}/quality/{}", id.clone().unwrap_or_else(|| index.to_string()));

    let at = Some(found.at.clone());
    let metric = metric(&mut fields, problems);
    if metric == TEXT {
        let clause = Clause::unmeasured(TEXT, &relates_to, "it is written for people");
        return Some(Clause { id, name, dimension, severity, mode, ..clause });
    }
    let (check, threshold, unit) = match asked(&mut fields, metric, subject, problems) {
        Ok(asked) => asked,
        Err(reason) => (Check::Unmeasured(reason), Threshold::MustBe(0.0), Unit::Rows),
    };
    mode::tell_idle(mode, &check, threshold, &fields, problems);
    Some(Clause {
        id,
        key: metric.to_owned(),
        name,
        about: None,
        field: None,
        metric,
        dimension,
        severity,
        mode,
        relates_to,
        horizon_ms: custom.horizon_ms.filter(|_| asks_uniqueness(&check, &custom, problems)),
        check,
        threshold,
        unit,
        at,
        elsewhere: None,
    })
}

fn asks_uniqueness(check: &Check, custom: &Custom, problems: &Problems) -> bool {
    let asks = matches!(check, Check::Unique(_) | Check::Unmeasured(_));
    if let Some(at) = custom.horizon_at.as_ref().filter(|_| !asks) {
        let remedy = "move it to a rule of the metric duplicateValues, or to the object for all of its keys";
        problems.beyond(at, "steward-property", "steward.uniquenessHorizon asks rules about duplicates alone", remedy);
    }
    asks
}

/// The word for what is measured: an ODCS metric, `sql`, `custom`, `text`, or `unknown`.
fn metric(fields: &mut Fields<'_>, problems: &Problems) -> &'static str {
    let kind = fields.text("type");
    let rule = fields.text("rule");
    let named = fields.text("metric").or_else(|| {
        let rule = rule.filter(|_| matches!(kind.as_deref(), None | Some("library")))?;
        problems.doubt(&fields.at, "deprecated", "`rule` is deprecated", "name it `metric`");
        Some(rule)
    });
    let library = ["nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"];
    match (kind.as_deref(), named.as_deref()) {
        (None | Some("library"), Some(name)) => match library.into_iter().find(|known| *known == name) {
            Some(known) => known,
            None => {
                problems.schema(
                    &fields.at,
                    format!("metric {name:?} is not known"),
                    format!("use one of {}", library.join(", ")),
                );
                "unknown"
            }
        },
        (Some("text"), None) => TEXT,
        (Some("sql"), None) => "sql",
        (Some("custom"), None) => "custom",
        (None, None) => {
            problems.doubt(
                &fields.at,
                "no-metric",
                "the rule has no metric",
                "give it a `metric`, or `type: text` if it is meant for people",
            );
            "unknown"
        }
        (Some("library"), None) => {
            problems.schema(&fields.at, "the rule has no metric", format!("give it one of {}", library.join(", ")));
            "unknown"
        }
        (Some(kind @ ("text" | "sql" | "custom")), Some(name)) => {
            problems.beyond(
                &fields.at,
                "contradiction",
                format!("type {kind} and metric {name:?} contradict each other"),
                "keep one of them",
            );
            "unknown"
        }
        (Some(kind), _) => {
            problems.schema(&fields.at, format!("type {kind:?} is not known"), "use library, text, sql or custom");
            "unknown"
        }
    }
}

fn asked(
    fields: &mut Fields<'_>,
    metric: &'static str,
    subject: Subject<'_>,
    problems: &Problems,
) -> Result<(Check, Threshold, Unit), Reason> {
    if metric == "unknown" {
        return Err("no metric that can be measured".to_owned());
    }
    if metric == "sql" || metric == "custom" {
        let needed: &[&str] = if metric == "sql" { &["query"] } else { &["engine", "implementation"] };
        for key in needed {
            if fields.get(key).is_none() {
                problems.schema(
                    &fields.at,
                    format!("a rule of type {metric} has no {key}"),
                    format!("give it a `{key}`"),
                );
            }
        }
        let engine = fields.text("engine").unwrap_or_default();
        match metric {
            "sql" => {}
            _ if engine.eq_ignore_ascii_case("cel") => {}
            _ => return Err(format!("rules of the engine {engine:?} are not measured")),
        }
    }
    // Each part is read even where another is already wrong, so that all mistakes are told at once.
    let (check, threshold) = match metric {
        "sql" => (expression::sql(fields, subject, problems), threshold(fields, problems)),
        "custom" => (expression::cel(fields, subject, problems), expression::threshold_or_none(fields, problems)),
        _ => (check(fields, metric, subject, problems), threshold(fields, problems)),
    };
    let unit = unit(fields, metric, problems);
    if let Some((key, at)) = fields.unknown().first() {
        problems.schema(
            at,
            format!("{key} is no key of a rule"),
            "remove it, or move it to `arguments` or `customProperties`",
        );
        return Err(format!("the rule has a key that is not understood: {key}"));
    }
    Ok((check?, threshold?, unit?))
}

fn check(
    fields: &mut Fields<'_>,
    metric: &'static str,
    subject: Subject<'_>,
    problems: &Problems,
) -> Result<Check, Reason> {
    let place = fields.at.clone();
    let mut arguments = match fields.get("arguments") {
        Some(found) => Fields::of(&found, problems),
        None => None,
    };
    let check = match (metric, subject) {
        ("rowCount", _) => Ok(Check::RowCount),
        ("nullValues", Subject::Property(..)) => Ok(Check::Null),
        ("missingValues", Subject::Property(..)) => {
            let given = arguments.as_mut().map(|a| a.list("missingValues")).unwrap_or_default();
            match given.is_empty() {
                false => Ok(Check::Missing(Values::new(given.iter().map(|v| v.node.json()).collect()))),
                true => {
                    problems.doubt(
                        &place,
                        "unmeasured",
                        "missingValues does not say which values are missing",
                        "list them in `arguments.missingValues`",
                    );
                    Err("no arguments.missingValues".to_owned())
                }
            }
        }
        ("invalidValues", Subject::Property(..)) => invalid(arguments.as_mut(), &place, problems),
        ("duplicateValues", Subject::Property(field, _)) => match field.is_many() {
            true => Err("duplicates among the items of arrays and maps are not measured".to_owned()),
            false => Ok(Check::Unique(vec![field.clone()])),
        },
        ("duplicateValues", Subject::Object(find, _)) => duplicates(arguments.as_mut(), &place, find, problems),
        (_, Subject::Object(..)) => {
            problems.beyond(
                &place,
                "wrong-place",
                format!("{metric} asks a property, and stands on an object"),
                "move it to the property it is meant for",
            );
            Err(format!("{metric} stands on an object"))
        }
        (_, Subject::Property(..)) => Err(format!("{metric} is not measured")),
    };
    let unknown = arguments.map(|mut a| a.unknown()).unwrap_or_default();
    match unknown.first() {
        Some((key, at)) => {
            problems.beyond(
                at,
                "unknown-argument",
                format!("{metric} has no argument {key}"),
                "remove it, or correct its name",
            );
            Err(format!("the argument {key} is not understood"))
        }
        None => check,
    }
}

fn invalid(arguments: Option<&mut Fields<'_>>, place: &Place, problems: &Problems) -> Result<Check, Reason> {
    let (values, text) = match arguments {
        Some(arguments) => (arguments.get("validValues"), arguments.get("pattern")),
        None => (None, None),
    };
    if values.is_none() && text.is_none() {
        problems.doubt(
            place,
            "unmeasured",
            "invalidValues does not say which values are valid",
            "give it `arguments.validValues` or `arguments.pattern`",
        );
        return Err("neither arguments.validValues nor arguments.pattern".to_owned());
    }
    let values = match values.map(|found| (found.items(), found)) {
        None => None,
        Some((Some(items), _)) if !items.is_empty() => Some(Values::new(items.iter().map(|v| v.node.json()).collect())),
        Some((_, found)) => {
            problems.beyond(&found.at, "bad-argument", "validValues is no list of values", "list at least one value");
            return Err("validValues is no list of values".to_owned());
        }
    };
    let pattern = match text.map(|found| (found.text().map(pattern::compile), found)) {
        None => None,
        Some((Some(Ok(pattern)), _)) => Some(pattern),
        Some((Some(Err(reason)), found)) => {
            problems.beyond(&found.at, "bad-pattern", &reason, "write it without what is not supported");
            return Err(reason);
        }
        Some((None, found)) => {
            problems.beyond(&found.at, "bad-argument", "pattern is no text", "put it in quotes");
            return Err("the pattern is no text".to_owned());
        }
    };
    Ok(Check::Invalid { values, pattern })
}

fn duplicates(
    arguments: Option<&mut Fields<'_>>,
    place: &Place,
    find: &dyn Fn(&str) -> Option<FieldPath>,
    problems: &Problems,
) -> Result<Check, Reason> {
    let names = arguments.and_then(|a| a.get("properties")).and_then(|p| p.texts()).unwrap_or_default();
    if names.is_empty() {
        problems.doubt(
            place,
            "unmeasured",
            "duplicateValues of an object does not say which properties",
            "list them in `arguments.properties`",
        );
        return Err("no arguments.properties".to_owned());
    }
    let mut fields = Vec::new();
    for name in names {
        match find(&name) {
            Some(field) if field.is_many() => {
                return Err(format!("duplicates among the items of arrays and maps are not measured: {name}"));
            }
            Some(field) => fields.push(field),
            None => {
                problems.beyond(
                    place,
                    "unknown-element",
                    format!("the object has no property {name}"),
                    "name properties as the schema does, nested ones by dots",
                );
                return Err(format!("the object has no property {name}"));
            }
        }
    }
    Ok(Check::Unique(fields))
}

pub fn threshold(fields: &mut Fields<'_>, problems: &Problems) -> Result<Threshold, Reason> {
    let given: Vec<_> = OPERATORS.iter().filter_map(|key| fields.get(key).map(|found| (*key, found))).collect();
    let (key, found) = match given.as_slice() {
        [one] => one,
        [] => {
            problems.schema(&fields.at, "the rule has no operator", format!("give it one of {}", OPERATORS.join(", ")));
            return Err("no operator".to_owned());
        }
        several => {
            let keys: Vec<_> = several.iter().map(|(key, _)| *key).collect();
            problems.schema(
                &fields.at,
                format!("the rule has several operators: {}", keys.join(", ")),
                "write a rule for each",
            );
            return Err(format!("several operators: {}", keys.join(", ")));
        }
    };
    let number = || {
        found.number().ok_or_else(|| {
            problems.schema(&found.at, format!("{key} is {}", found.node.kind()), "make it a number");
            format!("{key} is no number")
        })
    };
    let range = || {
        let ends: Option<Vec<f64>> = found.items().and_then(|items| items.iter().map(At::number).collect());
        match ends.as_deref() {
            Some([low, high]) if low < high => Ok((*low, *high)),
            _ => {
                problems.schema(&found.at, format!("{key} is no range"), "make it two numbers, the smaller first");
                Err(format!("{key} is no range"))
            }
        }
    };
    Ok(match *key {
        "mustBe" => Threshold::MustBe(number()?),
        "mustNotBe" => Threshold::MustNotBe(number()?),
        "mustBeGreaterThan" => Threshold::GreaterThan(number()?),
        "mustBeGreaterOrEqualTo" => Threshold::GreaterOrEqualTo(number()?),
        "mustBeLessThan" => Threshold::LessThan(number()?),
        "mustBeLessOrEqualTo" => Threshold::LessOrEqualTo(number()?),
        "mustBeBetween" => range().map(|(low, high)| Threshold::Between(low, high))?,
        _ => range().map(|(low, high)| Threshold::NotBetween(low, high))?,
    })
}

fn unit(fields: &mut Fields<'_>, metric: &str, problems: &Problems) -> Result<Unit, Reason> {
    match fields.text("unit").as_deref() {
        None | Some("rows") => Ok(Unit::Rows),
        Some("percent") if metric == "rowCount" => {
            problems.doubt(&fields.at, "unmeasured", "rowCount in percent has no whole", "use `unit: rows`");
            Err("rowCount in percent has no whole".to_owned())
        }
        Some("percent") => Ok(Unit::Percent),
        Some(other) => {
            problems.doubt(&fields.at, "unmeasured", format!("unit {other:?} is not measured"), "use rows or percent");
            Err(format!("unit {other:?} is not measured"))
        }
    }
}
