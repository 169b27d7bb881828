//! Products that were published through the API: their contracts beside those of files, and changes on their way to the
//! worker's thread that makes them.

use crate::catalog::files::{Finding, Source};
use crate::engine::contract::name::ProductName;
use crate::engine::contract::records::Policy;
use crate::engine::contract::{compile, odcs};
use crate::engine::derived::usecase::{self, UseCase};
use crate::engine::published::change::{Asked, Decided, Refusal};
use crate::engine::published::draft::{Draft, Wanted};
use crate::engine::published::entry::{Entry, key};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::oneshot;

/// A change, and where its outcome is told: when it is durable and in force here.
#[derive(Debug)]
pub enum Petition {
    Product { asked: Asked, done: oneshot::Sender<Result<Decided, NotDone>> },
    Draft { wanted: Wanted, done: oneshot::Sender<Result<Edited, NotDone>> },
    UseCase { wanted: usecase::Wanted, done: oneshot::Sender<Result<Defined, NotDone>> },
}

/// What an edit of a draft came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// `None`: it is gone.
    pub draft: Option<Draft>,
    /// Whether anything was written.
    pub changes: bool,
}

/// What became of a use case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defined {
    /// `None`: it is gone.
    pub case: Option<UseCase>,
    /// Whether anything was written.
    pub changes: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotDone {
    /// It may not be made.
    Refused(Refusal),
    /// It may be made, and was not.
    Failed(String),
}

/// What stands where a file's path does: `catalog:product/shop/orders`.
pub fn place(product: &ProductName) -> String {
    format!("catalog:{}", key(product))
}

/// Every contract that is to be judged, in the order of products.
pub fn sources(entries: &BTreeMap<ProductName, Entry>, policy: &Policy) -> Vec<Source> {
    let judged = entries.iter().filter(|(_, entry)| entry.lifecycle.is_judged());
    let texts = judged.flat_map(|(product, entry)| entry.contracts.iter().map(move |text| (product, text)));
    let source = |(product, text): (&ProductName, &String)| {
        let contract = odcs::parse(text).contract?;
        let plan = Arc::new(compile::compile(&contract).within(policy));
        Some(Source { path: place(product).into(), text: text.clone(), plan })
    };
    texts.filter_map(source).collect()
}

/// Those that no file holds: files are authoritative. One that a file holds, too, is a finding.
pub fn beside(published: &[Source], files: &[Source], findings: &mut Vec<Finding>) -> Vec<Source> {
    let mut free = Vec::new();
    for source in published {
        let same = |file: &&Source| {
            file.plan.product == source.plan.product || file.plan.contract_id == source.plan.contract_id
        };
        let Some(file) = files.iter().find(same) else {
            free.push(source.clone());
            continue;
        };
        let (product, path) = (&source.plan.product, file.path.display());
        let problem = format!(
            "it was published through the API, and the file {path} holds it, too: the file governs; withdraw what was \
             published with DELETE /products/{product}, after the file is taken away, or leave it"
        );
        let product = Some(product.clone());
        findings.push(Finding { path: source.path.display().to_string(), problem, error: false, product });
    }
    free
}

#[cfg(test)]
mod tests {
    use crate::catalog::files::{Loaded, Watcher};
    use crate::engine::contract::name::ProductName;
    use crate::engine::published::entry::Entry;
    use crate::engine::published::lifecycle::Lifecycle;

    fn contract(id: &str, topic: &str) -> String {
        format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: {id}\nversion: 1.0.0\nstatus: active\nname: {id}\nschema:\n  - name: {topic}\n    physicalType: topic\n    properties:\n      - {{name: a, logicalType: string}}\n"
        )
    }

    fn entry(lifecycle: Lifecycle, contracts: Vec<String>) -> Entry {
        let (successor, end_of_life, changed_by) = (None, None, String::new());
        Entry { revision: 1, lifecycle, successor, end_of_life, contracts, product: None, changed_ms: 0, changed_by }
    }

    fn topics(loaded: &Loaded) -> Vec<&str> {
        loaded.plans.by_topic.keys().map(String::as_str).collect()
    }

    #[test]
    fn published_contracts_govern_beside_files_and_never_against_them() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.yaml"), contract("a", "of-file")).unwrap();
        let mut watcher = Watcher::new(vec![folder.path().to_path_buf()]);
        assert_eq!(topics(&watcher.look().unwrap()), ["of-file"]);
        let product = |name: &str| ProductName { domain: "default".into(), name: name.into() };
        let published = |lifecycle| {
            [
                (product("a"), entry(Lifecycle::Active, vec![contract("a", "of-api")])),
                (product("b"), entry(lifecycle, vec![contract("b", "of-b")])),
            ]
        };
        watcher.publish(published(Lifecycle::Draft).into());
        let both = watcher.look().unwrap();
        assert_eq!(topics(&both), ["of-b", "of-file"]);
        let told: Vec<_> = both.findings.iter().filter(|f| f.path == "catalog:product/default/a").collect();
        assert!(told.len() == 1 && told[0].problem.contains("a.yaml holds it, too"), "{told:?}");
        watcher.publish(published(Lifecycle::Draft).into());
        assert!(watcher.look().is_none(), "the same again is no change");
        watcher.publish(published(Lifecycle::Retired).into());
        assert_eq!(topics(&watcher.look().unwrap()), ["of-file"], "what is retired judges nothing");
        std::fs::remove_file(folder.path().join("a.yaml")).unwrap();
        assert!(watcher.look().is_none());
        assert_eq!(topics(&watcher.look().unwrap()), ["of-api"], "no file holds it any more");
    }
}
