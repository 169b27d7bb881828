//! Products of contract files, told when they come, change and go: a record of the catalog and the events in one transaction, by the
//! worker that leads. So whoever listens to events learns of a product wherever it lives.

use crate::catalog::files::{FILE_BYTES_MAX, Source};
use crate::catalog::published::NotDone;
use crate::engine::contract::joined;
use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::event::catalog::{self, Changed};
use crate::engine::published::change::By;
use crate::engine::published::contracts;
use crate::engine::published::entry::{self, Entry};
use crate::engine::published::lifecycle::Lifecycle;
use crate::flow::io::Message;
use crate::kafka::configured::topics;
use crate::worker::registrar::{Law, is_published, told};
use crate::worker::sole::{Records, Sole, record};
use std::collections::BTreeMap;

/// Keys are `file/{domain}/{name}`; the values are as those of published products.
const PREFIX: &str = "file/";
/// No product is begun beyond it in one transaction. At some 10 KiB each a mesh of 1,000 is told in three, each of which needs a
/// writer of its own and a look at the whole catalog.
const TOLD_AT_ONCE_BYTES: usize = 4 << 20;

type Hashes = BTreeMap<ProductName, Vec<ContractHash>>;
/// The file of each product, and what it says.
type Said = BTreeMap<ProductName, (String, Entry)>;

/// What was told last is in the catalog.
#[derive(Debug, Default)]
pub struct Filed {
    /// The contracts of files that the catalog is known to have.
    kept: Option<Hashes>,
}

impl Filed {
    /// Tells what is to be told; `leads`: whether it is this worker's to tell. What fails is tried again in the next round.
    pub fn tell(&mut self, mut sole: Sole<'_>, law: Law<'_>, leads: bool) -> Result<(), NotDone> {
        let hashes = leads.then(|| hashes(law.sources));
        if hashes.is_none() || self.kept == hashes {
            self.kept = hashes;
            return Ok(());
        }
        let (said, now_ms) = (said(law.sources), crate::clock::now_ms());
        let decide = |catalog: &Records| {
            let messages = messages(catalog, &said, law, now_ms);
            Ok((messages.len(), messages))
        };
        // What is written is in the catalog, so that nothing of it is to be told any more.
        while sole.write(decide, |catalog, count| messages(catalog, &said, law, now_ms).len() < *count)? > 0 {}
        self.kept = hashes;
        Ok(())
    }
}

fn of_files(sources: &[Source]) -> impl Iterator<Item = &Source> {
    sources.iter().filter(|source| !is_published(&source.path))
}

fn hashes(sources: &[Source]) -> Hashes {
    let mut found = Hashes::new();
    of_files(sources).for_each(|source| found.entry(source.plan.product.clone()).or_default().push(source.plan.hash));
    found
}

fn messages(catalog: &Records, said: &Said, law: Law<'_>, now_ms: i64) -> Vec<Message> {
    let known = kept(catalog);
    let gone = known
        .iter()
        .filter(|(product, _)| !said.contains_key(*product))
        .map(|(product, was)| (product, Some(was), None));
    let news = said.iter().filter_map(|(product, (path, is))| {
        let was = known.get(product);
        let same = was.is_some_and(|was| was.contracts == is.contracts && was.lifecycle == is.lifecycle);
        let revision = was.map_or(0, |was| was.revision) + 1;
        let is = Entry { revision, changed_ms: now_ms, changed_by: format!("the file {path}"), ..is.clone() };
        (!same).then_some((product, was, Some(is)))
    });
    let (mut messages, mut bytes) = (Vec::new(), 0);
    for (product, before, after) in gone.chain(news) {
        if bytes > TOLD_AT_ONCE_BYTES {
            break;
        }
        let read =
            |entry: Option<&Entry>| entry.and_then(|entry| contracts::read(&entry.contracts).ok()).unwrap_or_default();
        let differences = contracts::compared(&read(before), &read(after.as_ref())).unwrap_or_default();
        let who = after.as_ref().or(before).map_or("", |entry| &entry.changed_by);
        let by = By { actor: who.to_owned(), ..By::default() };
        let changed =
            Changed { product, before, after: after.as_ref(), differences: &differences, by: &by, time_ms: now_ms };
        let value = after.as_ref().and_then(|entry| serde_json::to_vec(entry).ok());
        let begun = messages.len();
        messages.extend(catalog::events(law.speaker, &changed).into_iter().map(|event| told(law.config, event)));
        messages.push(record(topics(law.config).catalog(), format!("{PREFIX}{product}"), value));
        bytes += messages[begun..].iter().flat_map(|message| &message.value).map(Vec::len).sum::<usize>();
    }
    messages
}

/// What files say now; revisions and times are the catalog's.
fn said(sources: &[Source]) -> Said {
    let mut found = Said::new();
    for source in of_files(sources) {
        let new = || {
            let entry = Entry {
                revision: 0,
                lifecycle: Lifecycle::Active,
                successor: None,
                end_of_life: None,
                contracts: Vec::new(),
                product: None,
                changed_ms: 0,
                changed_by: String::new(),
            };
            (source.path.display().to_string(), entry)
        };
        let (_, entry) = found.entry(source.plan.product.clone()).or_insert_with(new);
        entry.contracts.push(joined::own(&source.text).to_owned());
    }
    for (_, entry) in found.values_mut() {
        entry.contracts.sort();
        let read = contracts::read(&entry.contracts).unwrap_or_default();
        entry.lifecycle = read.iter().filter_map(|contract| contract.lifecycle).max().unwrap_or(Lifecycle::Active);
        // A message takes 1 MB: of more it is told that there is the product, and nothing of its contracts.
        if entry.bytes() > FILE_BYTES_MAX as usize {
            entry.contracts.clear();
        }
    }
    found
}

/// What was told last; a record that this version cannot read is left out.
fn kept(catalog: &Records) -> BTreeMap<ProductName, Entry> {
    let of_files = catalog.range(PREFIX.to_owned()..).take_while(|(key, _)| key.starts_with(PREFIX));
    let renamed = of_files
        .filter_map(|(key, value)| Some((format!("{}{}", entry::PREFIX, key.strip_prefix(PREFIX)?), value.clone())));
    entry::entries(&renamed.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::files::Watcher;
    use crate::catalog::policies::PolicyFiles;
    use crate::config::usable::Config;
    use crate::engine::event::envelope;
    use serde_json::Value;

    #[test]
    fn a_product_of_a_file_is_told_when_it_comes_changes_and_goes_and_once_each() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("orders.yaml");
        let write = |version: &str, status: &str| {
            let text = format!(
                "apiVersion: v3.1.0\nkind: DataContract\nid: orders\nversion: {version}\nstatus: {status}\nname: orders\ndomain: shop\n\
                 schema:\n  - name: orders\n    physicalType: topic\n    properties:\n      - {{name: id, logicalType: string}}\n"
            );
            std::fs::write(&file, text).unwrap();
        };
        std::fs::write(folder.path().join("steward.yml"), "worker.id: w").unwrap();
        let config = Config::load_with(&folder.path().join("steward.yml"), &BTreeMap::new()).unwrap();
        let policies = PolicyFiles::new(Vec::new());
        let speaker = envelope::Source { cluster: "c".into(), group: "g".into() };
        let (mut catalog, mut now_ms) = (Records::new(), 0);
        let mut told = |write: &dyn Fn()| -> Vec<Value> {
            write();
            now_ms += 1;
            let sources = Watcher::new(vec![file.clone()]).look().unwrap_or_default().sources;
            let law = Law { config: &config, sources: &sources, policies: &policies, speaker: &speaker };
            let messages = |catalog: &Records| messages(catalog, &said(&sources), law, now_ms);
            let all = messages(&catalog);
            let mut events = Vec::new();
            for Message { key, value, headers, .. } in all {
                match (headers.is_empty(), value) {
                    (false, Some(value)) => events.push(serde_json::from_slice(&value).unwrap()),
                    (_, Some(value)) => drop(catalog.insert(String::from_utf8(key.unwrap()).unwrap(), value)),
                    (_, None) => drop(catalog.remove(&String::from_utf8(key.unwrap()).unwrap())),
                }
            }
            assert!(messages(&catalog).is_empty(), "what is in the catalog is told");
            events
        };
        let check = |events: &[Value], expected: Option<(&str, u64, Option<&str>)>| {
            let found = events
                .first()
                .map(|e| (e["change"].as_str().unwrap(), e["revision"].as_u64().unwrap(), e["lifecycle"].as_str()));
            assert_eq!(found, expected, "{events:#?}");
            assert_eq!(
                events.len(),
                if expected.is_some() { 2 } else { 0 },
                "the product and its contract: {events:#?}"
            );
        };
        check(&told(&|| write("1.0.0", "active")), Some(("published", 1, Some("active"))));
        check(&told(&|| {}), None);
        let changed = told(&|| write("1.1.0", "deprecated"));
        check(&changed, Some(("changed", 2, Some("deprecated"))));
        assert_eq!(
            (&changed[1]["previous"], changed[0]["by"].as_str().map(|by| by.ends_with("orders.yaml"))),
            (&"1.0.0".into(), Some(true))
        );
        check(&told(&|| std::fs::remove_file(&file).unwrap()), Some(("withdrawn", 2, None)));
        check(&told(&|| {}), None);
    }
}
