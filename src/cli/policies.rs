//! What the mesh's policies say of contracts at a desk: of `steward check` and of `steward contract lint`.

use crate::catalog::files::{Finding, Source};
use crate::catalog::policies::{Judgement, PolicyFiles, Standing};
use crate::printable::printable;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;

pub struct Said {
    standing: Standing,
    /// What is wrong with the files of policies.
    findings: Vec<Finding>,
    /// A file of policies is wrong, or a contract breaks one that is enforced.
    pub is_bad: bool,
}

/// Versions before are the catalog's, which is not asked: nothing has changed here.
pub fn ask(paths: Vec<PathBuf>, sources: &[Source]) -> Said {
    let mut files = PolicyFiles::new(paths);
    files.look(true);
    let (standing, findings) = (files.judge(sources, Vec::new), files.findings().to_vec());
    let is_bad = !findings.is_empty() || !standing.refused(sources).is_empty();
    Said { standing, findings, is_bad }
}

impl Said {
    pub fn text(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "policies: {} in force", self.standing.policies.len())?;
        self.findings.iter().try_for_each(|finding| writeln!(out, "  {}", printable(&finding.to_string())))?;
        for broken in self.broken() {
            let (policy, mode, word) = (&broken.policy, broken.mode.word(), broken.verdict.word());
            let said = |text: &str| if text.is_empty() { String::new() } else { format!("; {text}") };
            let (title, remedy) = self.words(broken);
            let contract = broken.contract.as_ref().map_or(String::new(), |id| format!(" by its contract {id}"));
            let (reason, remedy) = (said(broken.verdict.reason()), said(remedy));
            let told = format!("{policy} ({mode}): {word} for {}{contract}: {title}{reason}{remedy}", broken.product);
            writeln!(out, "  {}", printable(&told))?;
        }
        Ok(())
    }

    pub fn json(&self) -> Value {
        let broken = |broken: &Judgement| {
            let (title, remedy) = self.words(broken);
            json!({
                "policy": broken.policy,
                "mode": broken.mode.word(),
                "status": broken.verdict.word(),
                "product": broken.product.to_string(),
                "contract": broken.contract,
                "title": title,
                "reason": broken.verdict.reason(),
                "remedy": remedy,
            })
        };
        json!({
            "in_force": self.standing.policies.len(),
            "findings": self.findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "broken": self.broken().map(broken).collect::<Vec<_>>(),
        })
    }

    fn broken(&self) -> impl Iterator<Item = &Judgement> {
        self.standing.judgements.iter().filter(|judgement| judgement.verdict.is_against())
    }

    /// Title and remedy.
    fn words(&self, broken: &Judgement) -> (&str, &str) {
        let facts = self.standing.policies.iter().find(|facts| facts.id == broken.policy);
        facts.map_or(("", ""), |facts| (facts.title.as_str(), facts.remedy.as_str()))
    }
}
