//! The end: planted against found, and the way from here to one's own topic.

use crate::table::Style;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

/// What was planted, what was found, and over how much.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// By `domain/product#rule`.
    pub planted: BTreeMap<String, u64>,
    pub found: BTreeMap<String, u64>,
    /// Judged, as the windows say.
    pub records: u64,
    pub windows: u64,
    /// No window says that something was counted twice, and nothing was left out.
    pub exact: bool,
    /// Why this is no good demo, beside differences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<String>,
}

impl Report {
    /// Everything that was planted was found, and nothing else.
    pub fn is_good(&self) -> bool {
        self.planted == self.found && self.troubles.is_empty()
    }

    pub fn json(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        writeln!(out)
    }

    /// `what`: what was planted under a key, in words.
    pub fn text(&self, out: &mut impl Write, style: Style, what: &BTreeMap<String, String>) -> io::Result<()> {
        let keys: BTreeSet<&String> = self.planted.keys().chain(self.found.keys()).collect();
        let width = keys.iter().map(|key| key.len()).max().unwrap_or(0).max("product#rule".len());
        let count = |of: &BTreeMap<String, u64>, key: &String| of.get(key).copied().unwrap_or(0);
        writeln!(out, "{}", style.bold(&format!("{:width$}  planted    found", "product#rule")))?;
        for key in keys {
            let (planted, found) = (count(&self.planted, key), count(&self.found, key));
            let remark = match what.get(key) {
                _ if planted != found => "<- they differ",
                Some(what) => what,
                None => "",
            };
            let line = format!("{key:width$}  {planted:>7}  {found:>7}   {remark}");
            writeln!(out, "{}", line.trim_end())?;
        }
        let (planted, found): (u64, u64) = (self.planted.values().sum(), self.found.values().sum());
        let exact = if self.exact { "every record counted once" } else { "not every record counted once" };
        writeln!(
            out,
            "\n{planted} faults planted, {found} found, in {} records and {} windows; {exact}.",
            self.records, self.windows
        )?;
        self.troubles.iter().try_for_each(|trouble| writeln!(out, "Trouble: {trouble}"))?;
        match self.is_good() {
            true => write!(out, "{NEXT}"),
            false => {
                writeln!(out, "Planted and found differ. That is a bug of steward: please report it with these lines.")
            }
        }
    }
}

const NEXT: &str = "
From here to your own topic, in a copy of the repository:

  1. $EDITOR config/contracts/orders.odcs.yaml       your topic, your domain, your fields
  2. STEWARD_KAFKA_BOOTSTRAP_SERVERS=HOST:9092 steward check --config config/steward.yaml --connect
  3. STEWARD_KAFKA_BOOTSTRAP_SERVERS=HOST:9092 steward run --config config/steward.yaml

Then look at http://127.0.0.1:8083/products and at the topic governance.events.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn report(planted: &[(&str, u64)], found: &[(&str, u64)]) -> Report {
        let map = |of: &[(&str, u64)]| of.iter().map(|(key, n)| (key.to_string(), *n)).collect();
        Report { planted: map(planted), found: map(found), records: 100, windows: 4, exact: true, troubles: Vec::new() }
    }

    fn check(report: &Report, good: bool, line: &str) {
        let mut text = Vec::new();
        report.text(&mut text, Style { colours: false }, &BTreeMap::new()).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(report.is_good(), good, "{text}");
        assert!(text.lines().any(|l| l == line), "no line {line:?} in\n{text}");
    }

    #[test]
    fn only_what_was_planted_and_all_of_it_makes_a_good_demo() {
        check(&report(&[("a/b#c", 2)], &[("a/b#c", 2)]), true, "a/b#c               2        2");
        check(&report(&[("a/b#c", 2)], &[("a/b#c", 1)]), false, "a/b#c               2        1   <- they differ");
        check(&report(&[("a/b#c", 2)], &[]), false, "a/b#c               2        0   <- they differ");
        check(&report(&[], &[("a/b#c", 1)]), false, "a/b#c               0        1   <- they differ");
        let troubled = Report { troubles: vec!["the daemon ended".into()], ..report(&[("a/b#c", 2)], &[("a/b#c", 2)]) };
        check(&troubled, false, "Trouble: the daemon ended");
    }

    #[test]
    fn the_json_has_what_a_script_asks_for_and_nothing_else() {
        let mut json = Vec::new();
        report(&[("a/b#c", 2)], &[("a/b#c", 2)]).json(&mut json).unwrap();
        let expected =
            "{\"planted\":{\"a/b#c\":2},\"found\":{\"a/b#c\":2},\"records\":100,\"windows\":4,\"exact\":true}\n";
        assert_eq!(String::from_utf8(json).unwrap(), expected);
    }
}
