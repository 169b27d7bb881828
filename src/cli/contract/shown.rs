//! A dry run as people read it: a line for each rule, records that broke it, and the answer in one line.

use crate::engine::check::own;
use crate::engine::decode::reason::Reason;
use crate::engine::trial::report::{CheckLine, Report, Shown};
use crate::printable::printable;
use crate::table::Style;
use std::io::{self, Write};

/// `contract`: how the file was called.
pub fn text(report: &Report, contract: &str, style: Style, out: &mut impl Write) -> io::Result<()> {
    let records = &report.records;
    writeln!(
        out,
        "{} {}: {} read, {} decoded, {} undecodable, {}",
        printable(&report.contract.id),
        printable(&report.contract.version),
        counted(records.read, "record"),
        records.decoded,
        records.undecodable,
        counted(records.tombstones, "tombstone")
    )?;
    if let (Some(share), Some(sampled)) = (report.sampled, records.sampled) {
        writeln!(out, "of a sample of {} %: {} asked the rules", share * 100.0, counted(sampled, "record"))?;
    }
    let width = |of: fn(&CheckLine) -> usize| report.checks.iter().map(of).max().unwrap_or(0);
    let (place, rule) = (width(|c| place(c).chars().count()), width(|c| printable(&c.rule).chars().count()));
    for check in &report.checks {
        let word = format!("{} {:7}", mark(check.verdict), check.verdict);
        let word = style.paint(check.verdict, &word);
        writeln!(
            out,
            "  {word}  {:place$}  {:rule$}  {}",
            self::place(check),
            printable(&check.rule),
            printable(&found(check))
        )?;
        samples(&check.samples, out)?;
    }
    for check in report.own.iter().filter(|check| check.failed > 0) {
        // What is observed moves nothing, and neither does what is ignored.
        let verdict = if check.mode == "observe" { "ignored" } else { check.verdict };
        let word = style.paint(verdict, &format!("{} {verdict:7}", mark(verdict)));
        let records = counted(check.failed, "record");
        let what = match check.id.as_deref() {
            Some(own::DECODABLE) => format!("{records} cannot be decoded: {}", reasons(report)),
            Some(own::SCHEMA) => format!("{records} of a schema that the registry does not have"),
            Some(own::SIZE) => format!("{records} larger than steward.records allows"),
            _ => format!("{records}: {}", check.rule),
        };
        writeln!(out, "  {word}  {what}")?;
        samples(&check.samples, out)?;
    }
    let of = |verdict: &str| report.checks.iter().filter(|check| check.verdict == verdict).count();
    let told = ["pass", "warn", "fail", "unknown", "skip"].map(|word| (word, of(word)));
    let told: Vec<String> =
        told.into_iter().filter(|(_, count)| *count > 0).map(|(word, count)| format!("{count} {word}")).collect();
    let told = if told.is_empty() { "no rule".to_owned() } else { told.join(", ") };
    writeln!(out, "{contract}: {} ({told})", style.paint(report.verdict, report.verdict))
}

/// Why records cannot be decoded. Unknown schemas have a line of their own where the contract tells them apart.
fn reasons(report: &Report) -> String {
    let apart = report.own.iter().any(|check| check.id.as_deref() == Some(own::SCHEMA));
    let here = |reason: &str| !(apart && reason == Reason::UnknownSchema.word());
    let reasons = report.undecodable.iter().filter(|(reason, _)| here(reason));
    reasons.map(|(reason, count)| format!("{reason} {count}")).collect::<Vec<_>>().join(", ")
}

fn place(check: &CheckLine) -> String {
    let place = match &check.property {
        Some(property) => format!("{}.{property}", check.schema),
        None => check.schema.clone(),
    };
    printable(&place).into_owned()
}

/// What was measured, what was expected, and what the contract calls it.
fn found(check: &CheckLine) -> String {
    let called = check.name.as_ref().or(check.id.as_ref()).map(|name| format!("  ({name})")).unwrap_or_default();
    let Some(measured) = check.measured else {
        return format!("{}{called}", check.reason.as_deref().unwrap_or_default());
    };
    // That no row may break it is what all clauses of a schema ask.
    let expected = check.expected.as_deref().filter(|expected| *expected != "= 0" || check.rule == "sql");
    let expected = expected.map(|expected| format!(", expected {expected}")).unwrap_or_default();
    let reason = check.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let measured = match (check.unit, check.rule.as_str()) {
        (Some("percent"), _) => format!("{} of {}: {measured:.2} %", check.failed, counted(check.total, "row")),
        // The number itself is what its query is about.
        (_, "sql") => format!("{} over {}", (measured * 1_000.0).round() / 1_000.0, counted(check.total, "row")),
        (_, "rowCount") => counted(check.total, "row"),
        (Some("rows"), _) => format!("{} of {}", check.failed, counted(check.total, "row")),
        _ => format!("{measured:.3} {}", check.measured_in.as_deref().unwrap_or_default()),
    };
    format!("{measured}{expected}{reason}{called}")
}

fn samples(samples: &[Shown], out: &mut impl Write) -> io::Result<()> {
    for sample in samples {
        let at = match (sample.line, sample.partition, sample.offset) {
            (Some(line), _, _) => format!("line {line}"),
            (_, Some(partition), Some(offset)) => format!("partition {partition} offset {offset}"),
            _ => String::new(),
        };
        let value = if sample.value.is_empty() || sample.value == sample.reason {
            String::new()
        } else {
            format!(", {}", sample.value)
        };
        writeln!(out, "             {at}: {}{}", sample.reason, printable(&value))?;
    }
    Ok(())
}

fn mark(verdict: &str) -> &'static str {
    match verdict {
        "pass" => "✔",
        "warn" => "!",
        "fail" => "✘",
        "unknown" => "?",
        _ => "-",
    }
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
