//! Files of policies, read again when they change, and what the policies in force say of the contracts in force.
//!
//! A file that became bad keeps its last good version in force, whole, and is a finding; of a file that was never good what is right
//! in it counts.

use crate::catalog::files::{FILE_BYTES_MAX, Finding, Source};
use crate::catalog::folder::{self, Listing, Stamp};
use crate::catalog::ordered;
use crate::engine::contract::mode::Mode;
use crate::engine::contract::name::{ContractHash, ProductName, compare_versions};
use crate::engine::contract::yaml::{self, Node, Value};
use crate::engine::contract::{compile, joined, odcs};
use crate::engine::policy::rule::{self, About, Policy};
use crate::engine::policy::subject::{self, Product};
use crate::engine::policy::verdict::{Policies, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Policies in force and what they say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub policies: Vec<Facts>,
    /// In the order of their products.
    pub judgements: Vec<Judgement>,
}

/// A policy as people read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub id: String,
    pub title: String,
    pub about: About,
    pub mode: Mode,
    pub when: String,
    pub rule: String,
    pub remedy: String,
    pub path: String,
}

/// What one policy says of one contract, or of a product as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Judgement {
    pub policy: String,
    pub mode: Mode,
    pub product: ProductName,
    /// `None`: the product.
    pub contract: Option<String>,
    pub verdict: Verdict,
}

/// Looks at files and folders; whoever calls it decides when.
#[derive(Debug, Default)]
pub struct PolicyFiles {
    paths: Vec<PathBuf>,
    /// What the last look saw; it is taken when the next one sees the same.
    seen: Option<Listing>,
    taken: Option<Listing>,
    files: BTreeMap<PathBuf, File>,
    facts: Vec<Facts>,
    policies: Policies,
    findings: Vec<Finding>,
}

#[derive(Debug)]
struct File {
    stamp: Stamp,
    policies: Vec<Policy>,
    /// Problems, each with its line.
    wrong: Vec<String>,
}

impl PolicyFiles {
    pub fn new(paths: Vec<PathBuf>) -> PolicyFiles {
        PolicyFiles { paths, ..PolicyFiles::default() }
    }

    /// Whether other policies are in force than before; the first look always says so. A change counts when two looks in a row
    /// saw the same; `now`: it counts at once.
    pub fn look(&mut self, now: bool) -> bool {
        let listing = folder::list(&self.paths);
        let settled = now || self.seen.as_ref().is_none_or(|seen| *seen == listing);
        let changed = settled && (now || self.taken.as_ref() != Some(&listing));
        self.seen = Some(listing.clone());
        if changed {
            self.take(&listing);
            self.taken = Some(listing);
        }
        changed
    }

    /// Looks elsewhere from now on.
    pub fn turn_to(&mut self, paths: Vec<PathBuf>) {
        self.paths = paths;
    }

    /// What is wrong with the files.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    fn take(&mut self, listing: &Listing) {
        let mut before = std::mem::take(&mut self.files);
        for (path, stamp) in &listing.files {
            let file = match before.remove(path) {
                Some(same) if same.stamp == *stamp => same,
                changed => read(path, *stamp, changed),
            };
            self.files.insert(path.clone(), file);
        }
        // A folder that cannot be read says nothing of its files: they stay.
        let unread = |path: &Path| listing.unreadable.iter().any(|(folder, _)| path.starts_with(folder));
        self.files.extend(before.into_iter().filter(|(path, _)| unread(path)));

        (self.facts, self.findings) = (Vec::new(), Vec::new());
        let (mut all, mut ids) = (Vec::new(), BTreeSet::new());
        for (path, reason) in &listing.unreadable {
            let problem = format!("cannot be read: {reason}; create it, or change policies.paths");
            self.findings.push(finding(path, problem));
        }
        for (path, file) in &self.files {
            self.findings.extend(file.wrong.iter().map(|wrong| finding(path, wrong.clone())));
            for policy in &file.policies {
                if ids.insert(policy.id.clone()) {
                    self.facts.push(facts(path, policy));
                    all.push(policy.clone());
                } else {
                    let problem = format!(
                        "another file has a policy {}, which counts; give this one an id of its own",
                        policy.id
                    );
                    self.findings.push(finding(path, problem));
                }
            }
        }
        self.policies = Policies::new(all);
    }

    /// Which enforced policies stand against publishing these contracts as a product, in the place of those before; each with its
    /// remedy.
    pub fn against(&self, name: &ProductName, contracts: &[String], before: &[String]) -> Vec<String> {
        let read = |texts: &[String]| -> Vec<Node> { texts.iter().filter_map(|text| yaml::parse(text).ok()).collect() };
        let (contracts, before) = (read(contracts), read(before));
        let mut product = Product { domain: name.domain.clone(), name: name.name.clone(), ..Product::default() };
        for contract in contracts.iter().filter_map(|contract| odcs::parse(&contract.json().to_string()).contract) {
            let plan = compile::compile(&contract);
            if product.owner.is_empty() {
                product.owner.clone_from(&plan.owner);
            }
            product.topics.extend(plan.governed().map(|object| object.topic.clone()));
        }
        let mut refusals = Vec::new();
        for contract in &contracts {
            let older = before.iter().find(|older| text(older, "id") == text(contract, "id"));
            let subject = subject::of_contract(contract, older, &product);
            refusals.extend(self.policies.refusals(About::Contract, &subject));
        }
        refusals.extend(self.policies.refusals(About::Product, &subject::of_product(&product, &contracts)));
        let said = |(policy, verdict): (&Policy, Verdict)| broken(&policy.id, &policy.title, &policy.remedy, &verdict);
        refusals.into_iter().map(said).collect()
    }

    /// What they say of the contracts and their products. `known`: bodies of all versions there have been, asked for where a policy
    /// looks at changes.
    pub fn judge(&self, sources: &[Source], known: impl FnOnce() -> Vec<(ContractHash, String)>) -> Standing {
        if self.policies.all.is_empty() {
            return Standing::default();
        }
        let before = if self.policies.ask_changes() { versions(known()) } else { BTreeMap::new() };
        let mut products: BTreeMap<&ProductName, (Product, Vec<Node>)> = BTreeMap::new();
        for source in sources {
            let Ok(node) = yaml::parse(joined::own(&source.text)) else { continue };
            let plan = &source.plan;
            let (product, contracts) = products.entry(&plan.product).or_default();
            (product.domain, product.name) = (plan.product.domain.clone(), plan.product.name.clone());
            if product.owner.is_empty() {
                product.owner.clone_from(&plan.owner);
            }
            product.topics.extend(plan.governed().map(|object| object.topic.clone()));
            contracts.push(node);
        }
        let mut judgements = Vec::new();
        for (name, (product, contracts)) in products {
            let mut take = |contract: Option<&str>, judged: Vec<(&Policy, Verdict)>| {
                judgements.extend(judged.into_iter().map(|(policy, verdict)| Judgement {
                    policy: policy.id.clone(),
                    mode: policy.mode,
                    product: name.clone(),
                    contract: contract.map(str::to_owned),
                    verdict,
                }));
            };
            for contract in &contracts {
                let (id, version) = (text(contract, "id"), text(contract, "version"));
                let older = before.get(id).and_then(|all| {
                    let older = all.iter().filter(|(other, _)| compare_versions(other, version).is_lt());
                    older.max_by(|(a, _), (b, _)| compare_versions(a, b)).map(|(_, node)| node)
                });
                let subject = subject::of_contract(contract, older, &product);
                take(Some(id), self.policies.judge(About::Contract, &subject));
            }
            take(None, self.policies.judge(About::Product, &subject::of_product(&product, &contracts)));
        }
        Standing { policies: self.facts.clone(), judgements }
    }
}

impl Standing {
    /// What they say of one product and its contracts.
    pub fn of_product(&self, product: &ProductName) -> &[Judgement] {
        ordered::of(&self.judgements, product, |judgement| &judgement.product)
    }

    /// What stands against an enforced policy, at the file of the contract that it is about.
    pub fn refused(&self, sources: &[Source]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for judgement in self.judgements.iter().filter(|j| j.mode == Mode::Enforce && j.verdict.is_against()) {
            let Some(facts) = self.policies.iter().find(|facts| facts.id == judgement.policy) else { continue };
            let about = |source: &&Source| match &judgement.contract {
                Some(id) => source.plan.contract_id == *id && source.plan.product == judgement.product,
                None => source.plan.product == judgement.product,
            };
            let Some(source) = sources.iter().find(about) else { continue };
            let problem = broken(&facts.id, &facts.title, &facts.remedy, &judgement.verdict);
            let (path, product) = (source.path.display().to_string(), Some(judgement.product.clone()));
            findings.push(Finding { path, problem, error: true, product });
        }
        findings
    }

    /// What is broken and was not before.
    pub fn newly_broken<'s>(&'s self, before: &Standing) -> impl Iterator<Item = &'s Judgement> {
        let known: BTreeSet<&Judgement> = before.judgements.iter().filter(|j| j.verdict.is_against()).collect();
        let known: BTreeSet<_> = known.into_iter().map(|j| (&j.policy, &j.product, &j.contract)).collect();
        let broken = self.judgements.iter().filter(|j| j.verdict.is_against());
        let news: Vec<&Judgement> = broken.filter(|j| !known.contains(&(&j.policy, &j.product, &j.contract))).collect();
        news.into_iter()
    }
}

/// `the policy owned is broken: it has an owner: REASON; REMEDY`.
fn broken(id: &str, title: &str, remedy: &str, verdict: &Verdict) -> String {
    let said = |mark: &str, text: &str| if text.is_empty() { String::new() } else { format!("{mark}{text}") };
    format!("the policy {id} is broken: {title}{}{}", said(": ", verdict.reason()), said("; ", remedy))
}

/// Every version that the bodies hold, by contract.
fn versions(bodies: Vec<(ContractHash, String)>) -> BTreeMap<String, Vec<(String, Node)>> {
    let mut found: BTreeMap<String, Vec<(String, Node)>> = BTreeMap::new();
    for (_, body) in bodies {
        if let Ok(node) = yaml::parse(joined::own(&body)) {
            let (id, version) = (text(&node, "id").to_owned(), text(&node, "version").to_owned());
            found.entry(id).or_default().push((version, node));
        }
    }
    found
}

fn text<'n>(node: &'n Node, key: &str) -> &'n str {
    let found = node.entries().unwrap_or_default().iter().find(|(name, _)| name == key);
    match found.map(|(_, node)| &node.value) {
        Some(Value::Text(text)) => text,
        _ => "",
    }
}

fn read(path: &Path, stamp: Stamp, before: Option<File>) -> File {
    let text = match stamp.bytes > FILE_BYTES_MAX {
        true => Err(format!(
            "the file has {} bytes, more than {FILE_BYTES_MAX}; put its policies into several",
            stamp.bytes
        )),
        false => std::fs::read_to_string(path).map_err(|error| format!("the file cannot be read: {error}")),
    };
    let (policies, wrong) = match text {
        Ok(text) => {
            let (policies, mistakes) = rule::read(&text);
            (policies, mistakes.iter().map(ToString::to_string).collect())
        }
        Err(why) => (Vec::new(), vec![why]),
    };
    match before {
        Some(before) if !wrong.is_empty() && before.wrong.is_empty() => {
            let stays = |wrong: String| format!("{wrong}; the policies that it had stay in force");
            File { stamp, policies: before.policies, wrong: wrong.into_iter().map(stays).collect() }
        }
        _ => File { stamp, policies, wrong },
    }
}

fn facts(path: &Path, policy: &Policy) -> Facts {
    Facts {
        id: policy.id.clone(),
        title: policy.title.clone(),
        about: policy.about,
        mode: policy.mode,
        when: policy.when.clone(),
        rule: policy.rule.clone(),
        remedy: policy.remedy.clone(),
        path: path.display().to_string(),
    }
}

fn finding(path: &Path, problem: String) -> Finding {
    Finding { path: path.display().to_string(), problem, error: true, product: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::files::Watcher;

    const OWNED: &str = "kind: Policies\npolicies:\n- {id: owned, mode: enforce, title: it has an owner, rule: \"product.owner != ''\", \
                         remedy: name a team}\n- {id: kept, rule: \"changes.filter(c, c.level == 'breaking').map(c, c.path)\"}\n";

    fn contract(version: &str, field: &str) -> String {
        format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: orders\nversion: {version}\nstatus: active\nname: orders\ndomain: shop\nschema:\n\
             - name: orders\n  physicalType: topic\n  properties:\n  - {{name: {field}, logicalType: string, required: true}}\n"
        )
    }

    fn write(folder: &tempfile::TempDir, name: &str, text: &str) {
        std::fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
    }

    #[test]
    fn contracts_are_judged_and_what_is_enforced_is_a_finding_at_their_file() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder, "contracts/a.yaml", &contract("2.0.0", "sku"));
        write(&folder, "policies/p.yaml", OWNED);
        let mut files = PolicyFiles::new(vec![folder.path().join("policies")]);
        assert!(files.look(false) && files.findings().is_empty());
        let loaded = Watcher::new(vec![folder.path().join("contracts")]).look_now();
        let known = || {
            let hash = |n| ContractHash([n; 16]);
            vec![
                (hash(1), contract("1.0.0", "id")),
                (hash(2), contract("1.10.0", "gone")),
                (hash(3), contract("3.0.0", "x")),
            ]
        };
        let standing = files.judge(&loaded.sources, known);
        let said: Vec<_> =
            standing.judgements.iter().map(|j| (&*j.policy, j.verdict.word(), j.verdict.reason())).collect();
        assert_eq!(
            said,
            [("owned", "fail", ""), ("kept", "fail", "schema.orders.properties.gone")],
            "of the next lower version"
        );
        let refused = standing.refused(&loaded.sources);
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused[0].path.ends_with("a.yaml"), "{refused:?}");
        assert_eq!(refused[0].problem, "the policy owned is broken: it has an owner; name a team");
        assert_eq!(standing.newly_broken(&Standing::default()).count(), 2);
        assert_eq!(standing.newly_broken(&standing).count(), 0);
    }

    #[test]
    fn what_is_enforced_stands_against_publishing() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder, "p.yaml", &OWNED.replace("id: kept,", "id: kept, mode: enforce,"));
        let mut files = PolicyFiles::new(vec![folder.path().to_path_buf()]);
        assert!(files.look(true));
        let owned = |version: &str, field: &str| contract(version, field) + "team: {name: desk}\n";
        let check = |new: String, old: &[String], expected: &[&str]| {
            let name = ProductName { domain: "shop".into(), name: "orders".into() };
            assert_eq!(files.against(&name, &[new], old), expected);
        };
        check(contract("1.0.0", "id"), &[], &["the policy owned is broken: it has an owner; name a team"]);
        check(owned("1.0.0", "id"), &[], &[]);
        let gone = "the policy kept is broken: kept: schema.orders.properties.id";
        check(owned("2.0.0", "sku"), &[owned("1.0.0", "id")], &[gone]);
        check(owned("1.0.1", "id"), &[owned("1.0.0", "id")], &[]);
    }

    #[test]
    fn a_file_that_became_bad_keeps_its_policies_and_one_id_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder, "a.yaml", OWNED);
        write(&folder, "b.yaml", "kind: Policies\npolicies: [{id: owned, rule: 'false'}, {id: own, rule: 'true'}]");
        let mut files = PolicyFiles::new(vec![folder.path().to_path_buf()]);
        assert!(files.look(false) && !files.look(false));
        let ids = |files: &PolicyFiles| files.facts.iter().map(|facts| facts.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&files), ["owned", "kept", "own"]);
        assert!(files.findings()[0].problem.contains("another file has a policy owned"), "{:?}", files.findings());

        write(&folder, "a.yaml", "kind: Policies\npolicies: [{id: owned, rule: '1 +'}]");
        assert!(!files.look(false), "a change counts when it was seen twice");
        assert!(files.look(false));
        assert_eq!(ids(&files), ["owned", "kept", "own"]);
        assert!(files.findings().iter().any(|f| f.problem.contains("line 2") && f.problem.ends_with("stay in force")));

        std::fs::remove_file(folder.path().join("a.yaml")).unwrap();
        assert!(files.look(true));
        assert_eq!(ids(&files), ["owned", "own"]);
    }
}
