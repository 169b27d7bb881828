//! Contract files and folders: read, compiled, and read again when they change.
//!
//! Everything that can fail happens before new plans are given out. A file that became bad keeps its last good
//! version in force and is a finding; a file that is gone withdraws its contract.

use crate::engine::contract::name::ProductName;
use crate::engine::contract::plan::{Plan, Plans};
use crate::engine::contract::{compile, odcs};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// What the files say together.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    pub plans: Arc<Plans>,
    /// Every contract in force, with its text.
    pub sources: Vec<Source>,
    pub findings: Vec<Finding>,
}

/// A contract as its file has it.
#[derive(Clone, Debug)]
pub struct Source {
    pub path: PathBuf,
    pub text: String,
    pub plan: Arc<Plan>,
}

/// What is wrong with a file, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub path: String,
    pub problem: String,
    /// Part of the contract cannot be used; without it, it is only worth knowing.
    pub error: bool,
    /// `None` where the file does not even tell its product.
    pub product: Option<ProductName>,
}

/// Looks at files and folders; whoever calls it decides when.
pub struct Watcher {
    paths: Vec<PathBuf>,
    seen: Option<BTreeMap<PathBuf, Stamp>>,
    /// The last good version of each file.
    good: BTreeMap<PathBuf, Source>,
}

/// What tells a changed file from the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
}

/// A contract above this is refused: the standard's own largest example has 20 kB.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

impl Watcher {
    pub fn new(paths: Vec<PathBuf>) -> Watcher {
        Watcher { paths, seen: None, good: BTreeMap::new() }
    }

    /// What the files say, where any changed since the last look; the first look always finds something.
    pub fn look(&mut self) -> Option<Loaded> {
        let mut findings = Vec::new();
        let mut files = BTreeMap::new();
        for path in &self.paths {
            list(path, true, &mut files, &mut findings);
        }
        if self.seen.as_ref() == Some(&files) {
            return None;
        }
        self.good.retain(|path, _| files.contains_key(path));
        for (path, stamp) in &files {
            self.read(path, *stamp, &mut findings);
        }
        self.seen = Some(files);
        let sources: Vec<Source> = self.good.values().cloned().collect();
        let (plans, problems) = Plans::build(sources.iter().map(|s| s.plan.clone()).collect());
        for problem in problems {
            let path = self.paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
            let error = problem.level == crate::engine::contract::problem::Level::Error;
            findings.push(Finding { path, problem: problem.to_string(), error, product: None });
        }
        Some(Loaded { plans: Arc::new(plans), sources, findings })
    }

    fn read(&mut self, path: &Path, stamp: Stamp, findings: &mut Vec<Finding>) {
        let mut finding = |problem: String, error: bool, product: Option<ProductName>| {
            findings.push(Finding { path: path.display().to_string(), problem, error, product });
        };
        let known = self.good.get(path).map(|s| s.plan.product.clone());
        if stamp.bytes > FILE_BYTES_MAX {
            let problem = format!("the file has {} bytes, more than the {FILE_BYTES_MAX} of a contract", stamp.bytes);
            return finding(problem, true, known);
        }
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return finding(format!("the file cannot be read: {error}"), true, known),
        };
        if self.good.get(path).is_some_and(|s| s.text == text) {
            // Touched, not changed; what was wrong with it is still wrong.
            for problem in odcs::parse(&text).problems {
                let error = problem.level == crate::engine::contract::problem::Level::Error;
                finding(problem.to_string(), error, known.clone());
            }
            return;
        }
        let parsed = odcs::parse(&text);
        let product = parsed.contract.as_ref().map(|c| c.product()).or(known);
        for problem in &parsed.problems {
            let error = problem.level == crate::engine::contract::problem::Level::Error;
            finding(problem.to_string(), error, product.clone());
        }
        if let Some(contract) = parsed.contract {
            let plan = Arc::new(compile::compile(&contract));
            self.good.insert(path.to_path_buf(), Source { path: path.to_path_buf(), text, plan });
        }
    }
}

/// YAML files, in folders recursively; names that begin with a dot are left out.
fn list(path: &Path, named: bool, files: &mut BTreeMap<PathBuf, Stamp>, findings: &mut Vec<Finding>) {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => {
            // What was listed a moment ago may be gone by now; what the configuration names should be there.
            if named {
                let problem = format!("cannot be read: {error}; create it, or change contracts.paths");
                findings.push(Finding { path: path.display().to_string(), problem, error: true, product: None });
            }
            return;
        }
    };
    if metadata.is_dir() {
        let Ok(entries) = std::fs::read_dir(path) else { return };
        for entry in entries.flatten() {
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if !hidden {
                list(&entry.path(), false, files, findings);
            }
        }
        return;
    }
    let yaml = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
    if named || yaml {
        files.insert(path.to_path_buf(), Stamp { modified: metadata.modified().ok(), bytes: metadata.len() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract(id: &str, version: &str, topic: &str) -> String {
        format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: {id}\nversion: {version}\nstatus: active\nname: {id}\nschema:\n  - name: {topic}\n    physicalType: topic\n    properties:\n      - name: a\n        logicalType: string\n        required: true\n"
        )
    }

    fn topics(loaded: &Loaded) -> Vec<&str> {
        loaded.plans.by_topic.keys().map(String::as_str).collect()
    }

    #[test]
    fn files_are_read_when_they_change_and_only_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("a.yaml"), contract("a", "1.0.0", "orders")).unwrap();
        std::fs::create_dir(path("sub")).unwrap();
        std::fs::write(path("sub/b.yml"), contract("b", "1.0.0", "payments")).unwrap();
        std::fs::write(path(".hidden.yaml"), "nonsense").unwrap();
        std::fs::write(path("notes.txt"), "nonsense").unwrap();
        let mut watcher = Watcher::new(vec![folder.path().to_path_buf()]);
        let first = watcher.look().unwrap();
        assert_eq!(topics(&first), ["orders", "payments"]);
        assert!(first.findings.iter().all(|f| !f.error), "{:?}", first.findings);
        assert!(watcher.look().is_none());

        std::fs::write(path("a.yaml"), "kind: [broken").unwrap();
        let broken = watcher.look().unwrap();
        assert_eq!(topics(&broken), ["orders", "payments"], "the last good version stays in force");
        assert!(broken.findings.iter().any(|f| f.error && f.product.is_some()));

        std::fs::remove_file(path("sub/b.yml")).unwrap();
        assert_eq!(topics(&watcher.look().unwrap()), ["orders"], "a file that is gone withdraws its contract");
    }

    #[test]
    fn a_path_that_does_not_exist_is_a_finding() {
        let mut watcher = Watcher::new(vec!["/nowhere/contracts".into()]);
        let loaded = watcher.look().unwrap();
        assert_eq!(loaded.findings.len(), 1);
        assert!(topics(&loaded).is_empty());
    }
}
