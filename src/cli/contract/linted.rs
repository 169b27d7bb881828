//! What is told of linted files: text, JSON, GitHub's annotations, JUnit's XML.

use crate::cli::policies::Said;
use crate::engine::contract::problem::{Level, Problem, Source};
use crate::engine::contract::standard::lint::{Kind, Linted};
use crate::printable::printable;
use serde_json::{Value, json};
use std::fmt::Display;
use std::io::{self, Write};

pub struct File {
    /// As it was named on the command line.
    pub name: String,
    pub linted: Linted,
}

/// `FILE:LINE: error: what is wrong; what to do (path)`, a line for each.
pub fn text(files: &[File], out: &mut impl Write) -> io::Result<()> {
    each(files, |file, problem| {
        let Place { line, path, .. } = place(problem);
        let sentence = one_line(&sentence(problem));
        let told = format!("{sentence} ({path})");
        writeln!(out, "{}:{line}: {}: {}", file.name, level(problem), printable(&told))
    })
}

/// `policies`: where they were asked.
pub fn json(files: &[File], policies: Option<&Said>, out: &mut impl Write) -> io::Result<()> {
    let of_problem = |problem: &Problem| {
        json!({
            "severity": level(problem),
            "source": match problem.source {
                Source::Syntax => "syntax",
                Source::Schema => "schema",
                Source::Semantic => "semantic",
            },
            "path": problem.path,
            "line": problem.line,
            "column": problem.column,
            "code": problem.code,
            "message": problem.message,
            "remedy": problem.remedy,
        })
    };
    let of_file = |file: &File| {
        json!({
            "file": file.name,
            "kind": file.linted.kind.map(kind),
            "api_version": file.linted.api_version,
            "valid": file.linted.is_valid(),
            "problems": file.linted.problems.iter().map(of_problem).collect::<Vec<Value>>(),
        })
    };
    let mut document = json!({ "files": files.iter().map(of_file).collect::<Vec<Value>>() });
    if let Some(policies) = policies {
        document["policies"] = policies.json();
    }
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

/// Workflow commands: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
pub fn github(files: &[File], out: &mut impl Write) -> io::Result<()> {
    let message = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| message(text).replace(':', "%3A").replace(',', "%2C");
    each(files, |file, problem| {
        let Place { line, column, path } = place(problem);
        writeln!(
            out,
            "::{} file={},line={line},col={column},title={}::{} ({})",
            level(problem),
            property(&file.name),
            property(problem.code),
            message(&sentence(problem)),
            message(path),
        )
    })
}

/// A suite for each file. A problem is a case: an error one that failed, a warning one that passed and says something. A
/// file without any is one case that passed.
pub fn junit(files: &[File], out: &mut impl Write) -> io::Result<()> {
    let count = |file: &File| file.linted.problems.iter().filter(|p| p.level == Level::Error).count();
    let cases = |file: &File| file.linted.problems.len().max(1);
    let (tests, failures): (usize, usize) = (files.iter().map(cases).sum(), files.iter().map(count).sum());
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(out, r#"<testsuites name="steward contract lint" tests="{tests}" failures="{failures}" errors="0">"#)?;
    for file in files {
        let name = xml(&file.name);
        let (tests, failures) = (cases(file), count(file));
        writeln!(out, r#"  <testsuite name="{name}" tests="{tests}" failures="{failures}" errors="0" skipped="0">"#)?;
        if file.linted.problems.is_empty() {
            let of = file.linted.kind.map_or("file", kind);
            writeln!(out, r#"    <testcase classname="{name}" name="{of} has no problem"/>"#)?;
        }
        for problem in &file.linted.problems {
            let Place { line, column, path } = place(problem);
            let (code, sentence) = (xml(problem.code), xml(&sentence(problem)));
            let told = format!("{name}:{line}:{column}: {sentence} ({})", xml(path));
            writeln!(out, r#"    <testcase classname="{name}" name="{code} {}" line="{line}">"#, xml(path))?;
            match problem.level {
                Level::Error => writeln!(
                    out,
                    r#"      <failure type="{code}" message="{}">{told}</failure>"#,
                    xml(&one_line(&problem.message))
                )?,
                Level::Warning => writeln!(out, "      <system-out>{told}</system-out>")?,
            }
            writeln!(out, "    </testcase>")?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

struct Place<'p> {
    line: u64,
    column: u64,
    path: &'p str,
}

/// Without a place of its own, it stands for the whole: the first line, and `/`.
fn place(problem: &Problem) -> Place<'_> {
    let path = if problem.path.is_empty() { "/" } else { &problem.path };
    Place { line: problem.line.unwrap_or(1), column: problem.column.unwrap_or(1), path }
}

fn each(files: &[File], mut tell: impl FnMut(&File, &Problem) -> io::Result<()>) -> io::Result<()> {
    files.iter().try_for_each(|file| file.linted.problems.iter().try_for_each(|problem| tell(file, problem)))
}

fn sentence(problem: &Problem) -> String {
    format!("{}; {}", problem.message, problem.remedy)
}

fn level(problem: &Problem) -> &'static str {
    match problem.level {
        Level::Error => "error",
        Level::Warning => "warning",
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Odcs => "odcs",
        Kind::Odps => "odps",
        Kind::Registry => "registry",
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

/// Text as it stands in XML 1.0, inside an attribute too. What XML cannot hold becomes U+FFFD.
fn xml(text: &(impl Display + ?Sized)) -> String {
    let mut out = String::new();
    for c in text.to_string().chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", u32::from(c))),
            c if c < ' ' || c == '\u{fffe}' || c == '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
