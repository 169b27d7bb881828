//! A file: which standard it is written by, and all that is wrong with it.

use crate::engine::contract;
use crate::engine::contract::model::{Clause, Contract, Property};
use crate::engine::contract::odcs;
use crate::engine::contract::plan::Check;
use crate::engine::contract::problem::{Level, Place, Problem, Problems, Source};
use crate::engine::contract::standard::odcs::CONTRACT;
use crate::engine::contract::standard::odps::PRODUCT;
use crate::engine::contract::standard::shape::{self, get};
use crate::engine::contract::standard::{Edition, references, subject, variables};
use crate::engine::contract::yaml::{self, Node, Value};

/// What is known of a file.
#[derive(Clone, Debug)]
pub struct Linted {
    /// `None`: it does not parse.
    pub kind: Option<Kind>,
    /// As the file says it.
    pub api_version: Option<String>,
    /// In the order of the document.
    pub problems: Vec<Problem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Odcs,
    Odps,
    /// A version of a subject, as a schema registry gives it.
    Registry,
}

impl Linted {
    pub fn is_valid(&self) -> bool {
        self.problems.iter().all(|problem| problem.level != Level::Error)
    }
}

/// Reads a file and tells everything that is wrong with it. `known` says whether an environment variable is set, for
/// the `${NAME}` of ODCS v3.2.
pub fn lint(text: &str, known: &dyn Fn(&str) -> bool) -> Linted {
    let root = match read(text) {
        Ok(root) => root,
        Err(error) => {
            let problems = Problems::default();
            problems.syntax(error);
            return Linted { kind: None, api_version: None, problems: problems.into_vec() };
        }
    };
    let api_version = text_at(&root, "apiVersion").map(str::to_owned);
    let kind = kind(&root);
    let problems = match kind {
        Kind::Registry => merged(subject::check(&root), of_subject(&root)),
        Kind::Odps => structure(&root, edition(kind, api_version.as_deref())),
        Kind::Odcs => {
            let edition = edition(kind, api_version.as_deref());
            merged(structure(&root, edition), meaning(&root, edition, known))
        }
    };
    Linted { kind: Some(kind), api_version, problems }
}

/// What is said of bytes that are no UTF-8, and where they cease to be.
pub fn not_text(bytes: &[u8], at: usize) -> Linted {
    let before = bytes.get(..at).unwrap_or_default();
    let line_begins = before.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
    let line = 1 + before.iter().filter(|b| **b == b'\n').count() as u64;
    let column = 1 + String::from_utf8_lossy(&before[line_begins..]).chars().count() as u64;
    let problems = Problems::default();
    problems.syntax(yaml::SyntaxError {
        line: Some(line),
        column: Some(column),
        message: "the file is no UTF-8".to_owned(),
    });
    Linted { kind: None, api_version: None, problems: problems.into_vec() }
}

/// Everything in which a document is not what the standard's schema of this edition allows: none, where that schema
/// takes it.
pub fn structure(root: &Node, edition: Edition) -> Vec<Problem> {
    let shape = match edition {
        Edition::Odcs31 | Edition::Odcs32 => &CONTRACT,
        Edition::Odps10 | Edition::Odps11 => &PRODUCT,
    };
    let problems = Problems::default();
    shape::check(shape, root, &Place::root(root), edition, &problems);
    problems.into_vec()
}

/// A document as a tree. JSON is YAML but for some escapes of characters beyond 16 bits: a text that only JSON's reader
/// takes has no lines.
pub fn read(text: &str) -> Result<Node, yaml::SyntaxError> {
    yaml::parse(text).or_else(|error| match serde_json::from_str(text) {
        Ok(json) => Ok(Node::of(json)),
        Err(_) => Err(error),
    })
}

fn text_at<'n>(root: &'n Node, key: &str) -> Option<&'n str> {
    let Value::Map(entries) = &root.value else { return None };
    match &get(entries, key)?.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// Which standard a document is written by: by the version that it names, for the standards share none; else by its kind;
/// else by what it holds.
pub fn kind(root: &Node) -> Kind {
    let Value::Map(entries) = &root.value else { return Kind::Odcs };
    match (text_at(root, "apiVersion"), text_at(root, "kind")) {
        (Some(version), _) if version.starts_with("v0.") || version.starts_with("v1.") => Kind::Odps,
        (Some(version), _) if version.starts_with("v2.") || version.starts_with("v3.") => Kind::Odcs,
        (_, Some("DataProduct")) => Kind::Odps,
        (None, None) if text_at(root, "schema").is_some() => Kind::Registry,
        (None, None) if get(entries, "inputPorts").or(get(entries, "outputPorts")).is_some() => Kind::Odps,
        _ => Kind::Odcs,
    }
}

/// The edition that judges a document; the newest where nobody can say.
fn edition(kind: Kind, api_version: Option<&str>) -> Edition {
    match (kind, api_version) {
        (Kind::Odps, Some("v0.9.0" | "v1.0.0")) => Edition::Odps10,
        (Kind::Odps, _) => Edition::Odps11,
        (_, Some(version)) if version.starts_with("v2.") || version.starts_with("v3.0.") || version == "v3.1.0" => {
            Edition::Odcs31
        }
        _ => Edition::Odcs32,
    }
}

/// What is beyond the schema of a contract.
fn meaning(root: &Node, edition: Edition, known: &dyn Fn(&str) -> bool) -> Vec<Problem> {
    let problems = Problems::default();
    references::check(root, &problems);
    let contract = odcs::read(root, &problems);
    if edition == Edition::Odcs32 {
        variables::check(root, known, &problems);
    }
    let mut told = problems.into_vec();
    told.extend(unmeasured(&contract, &told));
    told
}

/// What is beyond the shape of a subject version: expressions that do not compile, rules that ask nothing.
fn of_subject(root: &Node) -> Vec<Problem> {
    let problems = Problems::default();
    let contract = contract::subject::read(root, &problems);
    let mut told = problems.into_vec();
    told.extend(unmeasured(&contract, &told));
    told
}

/// The rules that no record will ever decide, but for those of which something is told already.
fn unmeasured(contract: &Option<Contract>, told: &[Problem]) -> Vec<Problem> {
    let problems = Problems::default();
    let objects = contract.iter().flat_map(|contract| &contract.objects);
    for clause in objects.flat_map(|object| object.clauses.iter().chain(clauses(&object.properties))) {
        if let (Check::Unmeasured(reason), Some(at), None) = (&clause.check, &clause.at, &clause.elsewhere)
            && !told.iter().any(|problem| is_in(&problem.path, &at.path))
        {
            problems.doubt(
                at,
                "unmeasured",
                format!("the rule cannot be measured: {reason}"),
                "expect its verdict to be unknown, or write it in a way that is measured",
            );
        }
    }
    problems.into_vec()
}

fn is_in(path: &str, whole: &str) -> bool {
    path.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn clauses(properties: &[Property]) -> Vec<&Clause> {
    properties.iter().flat_map(|p| p.clauses.iter().chain(clauses(&p.children))).collect()
}

/// Both lists as one, and a thing that both tell once. What the reader of contracts takes for a breach of the schema and
/// the schema does not, is a matter of meaning.
fn merged(structure: Vec<Problem>, meaning: Vec<Problem>) -> Vec<Problem> {
    let parent = |path: &str| path.rsplit_once('/').map_or(String::new(), |(parent, _)| parent.to_owned());
    let near = |a: &str, b: &str| a == b || parent(a) == b || parent(b) == a;
    let again = |problem: &Problem| {
        structure.iter().any(|told| match problem.source {
            Source::Schema => near(&told.path, &problem.path),
            _ => told.path == problem.path,
        })
    };
    let beyond: Vec<Problem> = meaning.into_iter().filter(|problem| !again(problem)).collect();
    let mut all: Vec<Problem> = structure;
    all.extend(beyond.into_iter().map(|problem| match problem.source {
        Source::Schema if problem.code == "schema" => {
            Problem { source: Source::Semantic, code: "not-understood", ..problem }
        }
        Source::Schema => Problem { source: Source::Semantic, ..problem },
        _ => problem,
    }));
    all.sort_by_key(|problem| (problem.line, problem.column));
    all
}
