//! `steward contract diff`: what changed between two versions of a contract, and whom it breaks.

use crate::cli::contract::Format;
use crate::cli::{Exit, check::counted};
use crate::engine::contract::diff::{self, Advice, Change, Compared, Direction, How, Level};
use crate::printable::printable;
use anyhow::Context;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// For whom a change is breaking
    #[arg(long, value_enum, default_value_t)]
    pub perspective: Perspective,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// The version that was
    pub old: PathBuf,
    /// The version that is to be
    pub new: PathBuf,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Perspective {
    /// Who reads the data: breaking is what promises less
    #[default]
    Consumer,
    /// Who writes them: breaking is what asks more
    Producer,
}

pub fn diff(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let read = |path: &PathBuf| {
        let read = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        diff::document(&read).with_context(|| format!("{} does not parse", path.display()))
    };
    let (old, new) = (read(&args.old)?, read(&args.new)?);
    let compared = diff::compare(&old, &new)?;
    match args.format {
        Format::Text => text(args, &compared, out)?,
        Format::Json => json(args, &compared, out)?,
    }
    Ok(if breaking(args, &compared).next().is_some() { Exit::Bad } else { Exit::Good })
}

fn breaking<'c>(args: &Args, compared: &'c Compared) -> impl Iterator<Item = &'c Change> {
    let perspective = args.perspective.into();
    compared.changes.iter().filter(move |change| change.level(perspective) == Level::Breaking)
}

/// A line for each change, at its place in the file that has it, and one for all.
fn text(args: &Args, compared: &Compared, out: &mut impl Write) -> io::Result<()> {
    for change in &compared.changes {
        let file = if change.how == How::Removed { &args.old } else { &args.new };
        let level = change.level(args.perspective.into()).word();
        let message = change.message.replace(['\r', '\n'], " ");
        let told = format!("{message} ({})", change.path);
        writeln!(out, "{}:{}: {level}: {}", file.display(), change.line, printable(&told))?;
    }
    let count = counted(compared.changes.len(), "change");
    let who = perspective(args.perspective);
    let broken = breaking(args, compared).count();
    writeln!(out, "{count}, {broken} breaking for a {who}; {}", advised(args, compared))
}

fn advised(args: &Args, compared: &Compared) -> String {
    let (old, new) = (compared.old_version.as_deref(), compared.new_version.as_deref());
    let advice = diff::advice(&compared.changes, args.perspective.into());
    let words = match advice {
        Advice::None => return "the same contract".to_owned(),
        advice => format!("the next version is a {} one", semver(advice)),
    };
    match (old, new, diff::is_enough(advice, old, new)) {
        (Some(old), Some(new), Some(false)) => format!("{words}, and {old} to {new} is less"),
        (Some(old), Some(new), Some(true)) => format!("{words}, as {old} to {new} is"),
        _ => words,
    }
}

fn json(args: &Args, compared: &Compared, out: &mut impl Write) -> io::Result<()> {
    let perspective_ = args.perspective.into();
    let of_change = |change: &Change| {
        json!({
            "path": change.path,
            "change": change.how.word(),
            "old": change.old,
            "new": change.new,
            "direction": change.direction.map(Direction::word),
            "level": change.level(perspective_).word(),
            "message": change.message,
            "line": change.line,
        })
    };
    let advice = diff::advice(&compared.changes, perspective_);
    let (old, new) = (compared.old_version.as_deref(), compared.new_version.as_deref());
    let document = json!({
        "old": args.old.display().to_string(),
        "new": args.new.display().to_string(),
        "perspective": perspective(args.perspective),
        "breaking": breaking(args, compared).next().is_some(),
        "semver": {"advice": semver(advice), "old": old, "new": new, "enough": diff::is_enough(advice, old, new)},
        "changes": compared.changes.iter().map(of_change).collect::<Vec<Value>>(),
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn semver(advice: Advice) -> &'static str {
    match advice {
        Advice::None => "none",
        Advice::Patch => "patch",
        Advice::Minor => "minor",
        Advice::Major => "major",
    }
}

fn perspective(perspective: Perspective) -> &'static str {
    match perspective {
        Perspective::Consumer => "consumer",
        Perspective::Producer => "producer",
    }
}

impl From<Perspective> for diff::Perspective {
    fn from(perspective: Perspective) -> diff::Perspective {
        match perspective {
            Perspective::Consumer => diff::Perspective::Consumer,
            Perspective::Producer => diff::Perspective::Producer,
        }
    }
}
