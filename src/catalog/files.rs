//! Contract files and folders: read, compiled, and read again when they change.
//!
//! Everything that can fail happens before new plans are given out. A file that became bad keeps its last good
//! version in force and is a finding; a file that is gone withdraws its contract.

use crate::catalog::folder::{self, Listing, Stamp};
use crate::catalog::published;
use crate::catalog::records;
use crate::catalog::referred;
use crate::catalog::subjects;
use crate::config::usable::Config;
use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::contract::plan::{Plan, Plans};
use crate::engine::contract::problem::{Level, Problem};
use crate::engine::contract::records::Policy;
use crate::engine::contract::yaml::{self, Value};
use crate::engine::contract::{compile, joined, odcs};
use crate::engine::published::change::Refusal;
use crate::engine::published::entry::Entry;
use crate::engine::published::odps;
use crate::registry::subjects::Said;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the files say together.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    pub plans: Arc<Plans>,
    /// Every contract in force, with its text.
    pub sources: Vec<Source>,
    /// ODPS documents among the files.
    pub products: Vec<(ProductName, serde_json::Value)>,
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

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

/// Looks at files and folders; whoever calls it decides when.
pub struct Watcher {
    paths: Vec<PathBuf>,
    excludes: Box<dyn Fn(&str) -> bool + Send>,
    /// What the last look saw; it is taken when the next one sees the same.
    seen: Option<Listing>,
    /// What `files` was read from.
    taken: Option<Listing>,
    files: BTreeMap<PathBuf, File>,
    /// Products of the API, and their contracts.
    entries: BTreeMap<ProductName, Entry>,
    published: Vec<Source>,
    /// By topic, what a schema registry asks of its records.
    subjects: Said,
    /// It is another since the last look.
    asks_anew: bool,
    /// What is done about bad records where a contract says nothing.
    policy: Policy,
    /// Every version that a delta may name, old ones too.
    known: BTreeMap<ContractHash, Arc<Plan>>,
}

/// One file as it was last read.
struct File {
    stamp: Stamp,
    /// The last good version.
    good: Option<Source>,
    /// It is no contract, but the product's own document.
    product: Option<(ProductName, serde_json::Value)>,
    findings: Vec<Finding>,
}

/// A contract above this is refused: as JSON text in the catalog it may be twice as long, and a message takes 1 MB.
/// The standard's own largest example has 20 kB.
pub const FILE_BYTES_MAX: u64 = 400 * 1024;

impl Watcher {
    pub fn new(paths: Vec<PathBuf>) -> Watcher {
        Watcher {
            paths,
            excludes: Box::new(|_| false),
            seen: None,
            taken: None,
            files: BTreeMap::new(),
            entries: BTreeMap::new(),
            published: Vec::new(),
            subjects: Said::default(),
            asks_anew: false,
            policy: Policy::default(),
            known: BTreeMap::new(),
        }
    }

    /// The files that the configuration names; topics that it excludes are never bound.
    pub fn of(config: &Config) -> Watcher {
        let excluding = config.clone();
        let excludes = Box::new(move |topic: &str| excluding.excludes(topic));
        let policy = records::of(&config.records);
        Watcher { excludes, policy, ..Watcher::new(config.contracts.paths.clone()) }
    }

    /// Looks elsewhere from now on: what lies there no more is withdrawn with the next look.
    pub fn turn_to(&mut self, paths: Vec<PathBuf>) {
        self.paths = paths;
    }

    /// Knows versions that the catalog holds and the files no longer do: deltas may still name them. Returns the hashes
    /// that this steward's compiler does not arrive at; windows of those stay `unknown`.
    pub fn learn(&mut self, bodies: impl IntoIterator<Item = (ContractHash, String)>) -> Vec<ContractHash> {
        let mut strange = Vec::new();
        for (hash, text) in bodies {
            match joined::parse(&text).contract.map(|contract| compile::compile(&contract).within(&self.policy)) {
                Some(plan) if plan.hash == hash => {
                    self.known.insert(hash, Arc::new(plan));
                }
                _ => strange.push(hash),
            }
        }
        strange
    }

    /// Every version that a delta may name: of the files, now and before, and of the catalog.
    pub fn known(&self) -> &BTreeMap<ContractHash, Arc<Plan>> {
        &self.known
    }

    /// What the files say, where it changed; the first look always finds something. A change counts when two looks in a
    /// row saw the same, so that no half-written file governs.
    pub fn look(&mut self) -> Option<Loaded> {
        let listing = folder::list(&self.paths);
        let settled = self.seen.as_ref().is_none_or(|seen| *seen == listing);
        let changed = settled && (self.asks_anew || self.taken.as_ref() != Some(&listing));
        self.seen = Some(listing.clone());
        if !changed {
            return None;
        }
        self.take(&listing);
        let loaded = self.assemble(&listing);
        self.taken = Some(listing);
        Some(loaded)
    }

    /// What the files say at this moment, changed or not.
    pub fn look_now(&mut self) -> Loaded {
        let listing = folder::list(&self.paths);
        self.take(&listing);
        let loaded = self.assemble(&listing);
        (self.seen, self.taken) = (Some(listing.clone()), Some(listing));
        loaded
    }

    /// What the registry asks of topics from now on; the next look puts it in force.
    pub fn observe(&mut self, subjects: Said) {
        self.asks_anew |= self.subjects != subjects;
        self.subjects = subjects;
    }

    /// What was published through the API; the next look puts it in force, where no file holds it.
    pub fn publish(&mut self, entries: BTreeMap<ProductName, Entry>) {
        if self.entries != entries {
            self.published = published::sources(&entries, &self.policy);
            self.entries = entries;
            self.asks_anew = true;
        }
    }

    /// Topics of contracts whose values a registry may have a subject for.
    pub fn framed_topics(&self) -> BTreeSet<String> {
        let sources = self.files.values().filter_map(|file| file.good.as_ref()).chain(&self.published);
        let objects = sources.flat_map(|source| &source.plan.objects);
        objects.filter(|object| joined::may_be_framed(&object.encoding)).map(|object| object.topic.clone()).collect()
    }

    fn take(&mut self, listing: &Listing) {
        let mut before = std::mem::take(&mut self.files);
        // A folder that cannot be read says nothing of its files: they stay.
        let unread = |path: &Path| listing.unreadable.iter().any(|(folder, _)| path.starts_with(folder));
        for (path, stamp) in &listing.files {
            let file = match before.remove(path) {
                Some(same) if same.stamp == *stamp => same,
                changed => read(path, *stamp, changed.and_then(|file| file.good), &self.policy),
            };
            self.files.insert(path.clone(), file);
        }
        self.files.extend(before.into_iter().filter(|(path, _)| unread(path)));
    }

    fn assemble(&mut self, listing: &Listing) -> Loaded {
        let mut findings: Vec<Finding> = self.files.values().flat_map(|file| file.findings.clone()).collect();
        for (path, reason) in &listing.unreadable {
            let problem = format!("cannot be read: {reason}; create it, or change contracts.paths");
            findings.push(finding(path, problem, true, None));
        }
        self.asks_anew = false;
        let mut sources: Vec<Source> = self.files.values().filter_map(|file| file.good.clone()).collect();
        sources.extend(published::beside(&self.published, &sources, &mut findings));
        let sources: Vec<Source> = sources
            .into_iter()
            .map(|source| subjects::joined(source, &self.subjects, &self.policy, &mut findings))
            .collect();
        let sources = referred::joined(sources, &self.policy, &mut findings);
        let (mut plans, problems) = Plans::build(sources.iter().map(|source| source.plan.clone()).collect());
        for problem in problems {
            findings.push(of_contracts(&sources, problem));
        }
        plans.by_topic.retain(|topic, bindings| {
            if !(self.excludes)(topic) {
                return true;
            }
            for binding in bindings {
                let problem = format!(
                    "the topic {topic} is never governed: it is Kafka's, steward's own, a quarantine, or named by \
                     topics.exclude; take it out of the contract, or out of topics.exclude"
                );
                let path =
                    sources.iter().find(|source| source.plan.hash == binding.plan.hash).map(|source| &source.path);
                let path = path.map(PathBuf::as_path).unwrap_or(Path::new(""));
                findings.push(finding(path, problem, true, Some(binding.plan.product.clone())));
            }
            false
        });
        self.known.append(&mut plans.by_hash);
        plans.by_hash = self.known.clone();
        findings.sort_by(|a, b| a.path.cmp(&b.path));
        let products = self.files.values().filter_map(|file| file.product.clone()).collect();
        Loaded { plans: Arc::new(plans), sources, products, findings }
    }
}

/// Reads one file; what cannot be read leaves the last good version in force.
fn read(path: &Path, stamp: Stamp, last_good: Option<Source>, policy: &Policy) -> File {
    let known = last_good.as_ref().map(|source| source.plan.product.clone());
    let stays = match &last_good {
        Some(source) => format!("; version {} stays in force", source.plan.contract_version),
        None => String::new(),
    };
    if stamp.bytes > FILE_BYTES_MAX {
        let problem =
            format!("the file has {} bytes, more than the {FILE_BYTES_MAX} of a contract{stays}", stamp.bytes);
        return File { stamp, good: last_good, product: None, findings: vec![finding(path, problem, true, known)] };
    }
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let problem = format!("the file cannot be read: {error}{stays}");
            return File { stamp, good: last_good, product: None, findings: vec![finding(path, problem, true, known)] };
        }
    };
    if is_of_another_kind(&text) {
        return described(path, stamp, &text);
    }
    let parsed = odcs::parse(&text);
    let product = parsed.contract.as_ref().map(|contract| contract.product()).or(known);
    let usable = parsed.contract.is_some();
    let of_problem = |problem: &Problem| {
        let error = problem.level == Level::Error;
        let note = if error && !usable { stays.as_str() } else { "" };
        finding(path, format!("{problem}{note}"), error, product.clone())
    };
    let findings = parsed.problems.iter().map(of_problem).collect();
    let good = match parsed.contract {
        Some(contract) => {
            let plan = Arc::new(compile::compile(&contract).within(policy));
            Some(Source { path: path.into(), text, plan })
        }
        None => last_good,
    };
    File { stamp, good, product: None, findings }
}

/// A product's own document: what is wrong with it is told, and nothing is judged by it. Other kinds are nobody's affair.
fn described(path: &Path, stamp: Stamp, text: &str) -> File {
    let root = odps::json(text);
    let product = odps::product(&root).filter(|_| root["kind"] == "DataProduct");
    let findings = match (&product, odps::read(text)) {
        (Some(product), Err(Refusal::Invalid { problems, .. })) => {
            problems.iter().map(|problem| finding(path, problem.to_string(), false, Some(product.clone()))).collect()
        }
        _ => Vec::new(),
    };
    File { stamp, good: None, product: product.map(|product| (product, root)), findings }
}

/// What is wrong between contracts, at the files whose contract is there more than once.
fn of_contracts(sources: &[Source], problem: Problem) -> Finding {
    let shared =
        |source: &&Source| sources.iter().filter(|s| s.plan.contract_id == source.plan.contract_id).count() > 1;
    let paths: Vec<String> = sources.iter().filter(shared).map(|source| source.path.display().to_string()).collect();
    Finding {
        path: paths.join(", "),
        problem: problem.to_string(),
        error: problem.level == Level::Error,
        product: None,
    }
}

/// ODPS products and other documents may lie among the contracts. What has no kind at all is a contract gone wrong.
fn is_of_another_kind(text: &str) -> bool {
    let Ok(Value::Map(entries)) = yaml::parse(text).map(|root| root.value) else { return false };
    let kind = entries.into_iter().find(|(key, _)| key == "kind").map(|(_, node)| node.value);
    matches!(kind, Some(Value::Text(kind)) if kind != "DataContract")
}

fn finding(path: &Path, problem: String, error: bool, product: Option<ProductName>) -> Finding {
    Finding { path: path.display().to_string(), problem, error, product }
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

    /// A folder with files, and a watcher that looked once.
    fn watched(files: &[(&str, String)]) -> (tempfile::TempDir, Watcher, Loaded) {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| write(&folder, name, text));
        let mut watcher = Watcher::new(vec![folder.path().to_path_buf()]);
        let first = watcher.look().unwrap();
        (folder, watcher, first)
    }

    fn write(folder: &tempfile::TempDir, name: &str, text: &str) {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The second look takes what the first one saw.
    fn settled(watcher: &mut Watcher) -> Loaded {
        assert!(watcher.look().is_none(), "a change counts when it was seen twice");
        watcher.look().unwrap()
    }

    #[test]
    fn files_are_read_when_they_change_and_only_then() {
        let files = [("a.yaml", contract("a", "1.0.0", "orders")), ("sub/b.yml", contract("b", "1.0.0", "payments"))];
        let (folder, mut watcher, first) = watched(&files);
        assert_eq!(topics(&first), ["orders", "payments"]);
        assert!(first.findings.iter().all(|f| !f.error), "{:?}", first.findings);
        assert!(watcher.look().is_none());

        write(&folder, "a.yaml", "kind: [broken");
        let broken = settled(&mut watcher);
        assert_eq!(topics(&broken), ["orders", "payments"], "the last good version stays in force");
        let found = broken.findings.iter().find(|f| f.error).unwrap();
        assert!(found.product.is_some() && found.problem.ends_with("version 1.0.0 stays in force"), "{found}");

        std::fs::remove_file(folder.path().join("sub/b.yml")).unwrap();
        let gone = settled(&mut watcher);
        assert_eq!(topics(&gone), ["orders"], "a file that is gone withdraws its contract");
        assert!(gone.findings.iter().any(|f| f.error), "what was wrong with another file is still wrong");
    }

    #[test]
    fn a_file_that_is_still_being_written_waits() {
        let (folder, mut watcher, _) = watched(&[("a.yaml", contract("a", "1.0.0", "orders"))]);
        for bytes in [100, 120, 140] {
            write(&folder, "a.yaml", &contract("a", "1.1.0", "orders")[..bytes]);
            assert!(watcher.look().is_none());
        }
        write(&folder, "a.yaml", &contract("a", "1.1.0", "orders"));
        assert_eq!(settled(&mut watcher).sources[0].plan.contract_version, "1.1.0");
    }

    #[test]
    fn old_versions_stay_known_by_their_hash() {
        let (folder, mut watcher, first) = watched(&[("a.yaml", contract("a", "1.0.0", "orders"))]);
        write(&folder, "a.yaml", &contract("a", "1.10.0", "orders"));
        let second = settled(&mut watcher);
        let (old, new) = (first.sources[0].plan.hash, second.sources[0].plan.hash);
        assert!(old != new && second.plans.by_hash.contains_key(&old) && second.plans.by_hash.contains_key(&new));
        assert_eq!(second.plans.by_topic["orders"].len(), 1);

        let mut restarted = Watcher::new(vec![folder.path().to_path_buf()]);
        let foreign = ContractHash([7; 16]);
        let bodies = [(old, contract("a", "1.0.0", "orders")), (foreign, contract("c", "1.0.0", "c"))];
        assert_eq!(restarted.learn(bodies), [foreign]);
        assert!(restarted.look().unwrap().plans.by_hash.contains_key(&old));
    }

    #[test]
    fn products_and_other_documents_are_no_bad_contracts() {
        let product = "kind: DataProduct\napiVersion: v1.0.0\nid: p\n".to_string();
        let (_folder, _, loaded) = watched(&[("p.yaml", product), ("x.yaml", "id: nobody-knows".into())]);
        let bad: Vec<_> = loaded.findings.iter().filter(|f| f.error).map(|f| f.path.as_str()).collect();
        assert!(!bad.is_empty() && bad.iter().all(|path| path.ends_with("x.yaml")), "{bad:?}");
    }

    #[test]
    fn a_bad_file_stops_no_other_and_two_wordings_are_told_at_their_files() {
        let other = contract("a", "1.0.0", "elsewhere");
        let files = [
            ("1.yaml", contract("a", "1.0.0", "orders")),
            ("2.yaml", other),
            ("3.yaml", "- x".into()),
            ("4.yaml", contract("d", "1", "d")),
        ];
        let (_folder, _, loaded) = watched(&files);
        assert_eq!(topics(&loaded), ["d", "orders"]);
        let told = loaded.findings.iter().find(|f| f.error && f.problem.contains("two wordings")).unwrap();
        assert!(told.path.contains("1.yaml, ") && told.path.ends_with("2.yaml"), "{told}");
    }

    #[test]
    fn excluded_topics_are_never_bound() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder, "contracts/a.yaml", &contract("a", "1.0.0", "governance.events"));
        write(&folder, "contracts/b.yaml", &contract("b", "1.0.0", "orders"));
        write(&folder, "steward.yaml", "worker.id: w");
        let config = Config::load_with(&folder.path().join("steward.yaml"), &BTreeMap::new()).unwrap();
        let loaded = Watcher::of(&config).look().unwrap();
        assert_eq!(topics(&loaded), ["orders"]);
        let told = loaded.findings.iter().find(|f| f.error).unwrap();
        assert!(
            told.path.ends_with("a.yaml") && told.problem.contains("governance.events is never governed"),
            "{told}"
        );
    }

    #[test]
    fn a_path_that_is_not_there_is_a_finding_and_withdraws_nothing() {
        let (folder, mut watcher, _) = watched(&[("a.yaml", contract("a", "1.0.0", "orders"))]);
        std::fs::rename(folder.path(), folder.path().with_extension("away")).unwrap();
        let away = settled(&mut watcher);
        std::fs::rename(folder.path().with_extension("away"), folder.path()).unwrap();
        assert_eq!(topics(&away), ["orders"]);
        assert_eq!(away.findings.iter().filter(|f| f.error).count(), 1);
        assert_eq!(settled(&mut watcher).findings.iter().filter(|f| f.error).count(), 0);
    }
}
