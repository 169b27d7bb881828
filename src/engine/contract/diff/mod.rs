//! What changed between two versions of a contract, and whom each change breaks. The table stands in docs/contracts-diff.md.

pub mod walk; // both trees, side by side
pub mod pairs; // which element of one list is which of the other
pub mod contract; // what each part of an ODCS contract means: tables
pub mod property; // properties and their options: tables
pub mod rule; // quality rules
pub mod beside; // keys and headers, and other custom properties
pub mod sla; // service levels
pub mod subject; // versions of a registry's subject
pub mod product; // of a data product: tables
pub mod grade; // which way a value went

use crate::engine::contract::standard::lint::{self, Kind};
use crate::engine::contract::yaml::{Node, SyntaxError};

/// One difference. Of what was added or removed as a whole only the whole is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// By names: `schema.orders.properties.id.required`.
    pub path: String,
    pub how: How,
    /// A text as it is, anything else as JSON; `None` where there is none.
    pub old: Option<String>,
    pub new: Option<String>,
    /// `None`: no effect on data.
    pub direction: Option<Direction>,
    pub message: String,
    /// In the new document; in the old one for what was removed.
    pub line: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Added,
    Removed,
    Updated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Asks more of the producer.
    Tightens,
    /// Promises the consumer less.
    Loosens,
    /// One in some respect, the other in another.
    Both,
    /// Nobody can say without the data: a pattern, a query.
    Undetermined,
}

impl How {
    /// As answers spell it.
    pub fn word(self) -> &'static str {
        match self {
            How::Added => "added",
            How::Removed => "removed",
            How::Updated => "updated",
        }
    }
}

impl Direction {
    /// As answers spell it.
    pub fn word(self) -> &'static str {
        match self {
            Direction::Tightens => "tightens",
            Direction::Loosens => "loosens",
            Direction::Both => "both",
            Direction::Undetermined => "undetermined",
        }
    }
}

/// Who is asked whether it breaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Perspective {
    #[default]
    Consumer,
    Producer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Info,
    Warning,
    Breaking,
}

/// What the next version should be, as Semantic Versioning counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Advice {
    /// Nothing changed.
    None,
    Patch,
    Minor,
    Major,
}

/// What two documents have in common and what not.
#[derive(Clone, Debug)]
pub struct Compared {
    /// In the order of the documents; order and layout make none.
    pub changes: Vec<Change>,
    pub old_version: Option<String>,
    pub new_version: Option<String>,
}

/// Why two documents are not compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCompared {
    #[error("the old file is {0}, and the new one is {1}: name two versions of the same contract")]
    DifferentKinds(&'static str, &'static str),
}

/// Reads YAML or JSON.
pub fn document(text: &str) -> Result<Node, SyntaxError> {
    lint::read(text)
}

pub fn compare(old: &Node, new: &Node) -> Result<Compared, NotCompared> {
    let mut walk = walk::Walk::default();
    match (lint::kind(old), lint::kind(new)) {
        (Kind::Odcs, Kind::Odcs) => walk.mapping(&contract::CONTRACT, old, new, ""),
        (Kind::Registry, Kind::Registry) => subject::compare(&mut walk, old, new),
        (Kind::Odps, Kind::Odps) => walk.mapping(&product::PRODUCT, old, new, ""),
        (old, new) => return Err(NotCompared::DifferentKinds(words(old), words(new))),
    }
    let version = |node: &Node| walk::at(node, "version").map(walk::text);
    Ok(Compared { changes: walk.changes, old_version: version(old), new_version: version(new) })
}

fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Odcs => "an ODCS contract",
        Kind::Odps => "a data product",
        Kind::Registry => "a version of a registry's subject",
    }
}

impl Level {
    /// As answers spell it.
    pub fn word(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Breaking => "breaking",
        }
    }
}

impl Change {
    pub fn level(&self, perspective: Perspective) -> Level {
        match (self.direction, perspective) {
            (None, _) => Level::Info,
            (Some(Direction::Undetermined), _) => Level::Warning,
            (Some(Direction::Both), _)
            | (Some(Direction::Loosens), Perspective::Consumer)
            | (Some(Direction::Tightens), Perspective::Producer) => Level::Breaking,
            (Some(_), _) => Level::Info,
        }
    }
}

/// Major, where somebody breaks; minor, where data may be other than they were, or there are more of them; else patch.
pub fn advice(changes: &[Change], perspective: Perspective) -> Advice {
    let of = |change: &Change| match (change.level(perspective), change.direction, change.how) {
        (Level::Breaking, ..) => Advice::Major,
        (_, Some(_), _) => Advice::Minor,
        (_, None, How::Added) if change.path.starts_with("schema.") && is_of_data(&change.path) => Advice::Minor,
        _ => Advice::Patch,
    };
    // A version that was raised is no reason to raise it.
    changes.iter().filter(|change| change.path != "version").map(of).max().unwrap_or(Advice::None)
}

/// Whether the new version is raised by as much as the advice says. `None`: one of the two is no version of three numbers.
/// Below 1.0.0 anything may change with the second number.
pub fn is_enough(advice: Advice, old: Option<&str>, new: Option<&str>) -> Option<bool> {
    let (old, new) = (numbers(old?)?, numbers(new?)?);
    let raised = match () {
        () if new[0] > old[0] => Advice::Major,
        () if new[0] == 0 && old[0] == 0 && new[1] > old[1] => Advice::Major,
        () if new[0] == old[0] && new[1] > old[1] => Advice::Minor,
        () if new[..2] == old[..2] && new[2] > old[2] => Advice::Patch,
        () => Advice::None,
    };
    Some(raised >= advice)
}

fn numbers(version: &str) -> Option<[u64; 3]> {
    let core = version.trim_start_matches(['v', 'V']).split(['-', '+']).next()?;
    let parts: Vec<u64> = core.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    parts.try_into().ok()
}

/// An object or a property itself, and nothing that is said of it.
fn is_of_data(path: &str) -> bool {
    let steps: Vec<&str> = path.split('.').collect();
    steps.len() == 2 || steps.get(steps.len().saturating_sub(2)).is_some_and(|step| *step == "properties")
}

#[cfg(test)]
mod tests;
