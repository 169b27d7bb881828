//! A product as people look for it: what it is for, whose it is, its tier, tags, channels and links. What a file says is above what was
//! published, and that above the schema registry's metadata; of each it is told which one said it.

use crate::catalog::document::Document;
use crate::catalog::published;
use crate::engine::contract::joined;
use crate::engine::contract::name::ProductName;
use crate::engine::published::entry::Entry;
use crate::engine::published::lifecycle::Lifecycle;
use crate::engine::published::odps;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Who said it; the first is above those behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    File,
    Catalog,
    Registry,
}

impl Source {
    pub fn word(self) -> &'static str {
        match self {
            Source::File => "file",
            Source::Catalog => "catalog",
            Source::Registry => "registry",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Portrait {
    /// What it is for.
    pub text: Option<String>,
    pub owner: Option<String>,
    /// Whom to write to: the first channel, or what the registry names.
    pub contact: Option<String>,
    pub lifecycle: Option<Lifecycle>,
    /// `tier` of the custom properties, or of the metadata's.
    pub tier: Option<String>,
    /// `quality`: raw, curated, authoritative.
    pub quality: Option<String>,
    /// Of every source, each once.
    pub tags: Vec<String>,
    /// Channels with their addresses, if they have one.
    pub support: Vec<(String, Option<String>)>,
    /// Kinds and addresses.
    pub links: Vec<(String, String)>,
    /// By its name here, who said it.
    pub sources: BTreeMap<&'static str, Source>,
}

/// Of what one product lists, so many are shown.
const LISTED_MAX: usize = 32;

/// `products`: ODPS documents of files. `metadata`: by topic, the registry's latest version, as JSON.
pub fn portraits(
    documents: &[Document],
    products: &[(ProductName, Value)],
    entries: &BTreeMap<ProductName, Entry>,
    metadata: &BTreeMap<String, String>,
) -> BTreeMap<ProductName, Portrait> {
    let mut said: BTreeMap<ProductName, Vec<(Source, Value)>> = BTreeMap::new();
    let mut say = |product: &ProductName, source: Source, root: Value| {
        said.entry(product.clone()).or_default().push((source, root));
    };
    // A product's own document says more of it than its contracts do.
    products.iter().for_each(|(product, root)| say(product, Source::File, root.clone()));
    for (product, entry) in entries {
        entry.product.iter().for_each(|text| say(product, Source::Catalog, odps::json(text)));
    }
    for document in documents {
        let of_api = document.path == published::place(&document.product);
        let source = if of_api { Source::Catalog } else { Source::File };
        say(&document.product, source, odps::json(joined::own(&document.text)));
    }
    for document in documents {
        for version in document.topics.iter().filter_map(|topic| metadata.get(topic)) {
            let version: Value = serde_json::from_str(version).unwrap_or_default();
            say(&document.product, Source::Registry, of_metadata(&version["metadata"]));
        }
    }
    // Retired ones have no document; their entries are read all the same.
    let loaded: BTreeSet<&ProductName> = documents.iter().map(|document| &document.product).collect();
    for (product, entry) in entries.iter().filter(|(product, _)| !loaded.contains(product)) {
        entry.contracts.iter().for_each(|text| say(product, Source::Catalog, odps::json(text)));
    }
    said.into_iter().map(|(product, said)| (product, portrait(said))).collect()
}

fn portrait(mut said: Vec<(Source, Value)>) -> Portrait {
    said.sort_by_key(|(source, _)| *source);
    let mut portrait = Portrait::default();
    said.iter().for_each(|(source, root)| portrait.take(*source, root));
    portrait
}

impl Portrait {
    /// What is said already stays.
    fn take(&mut self, source: Source, root: &Value) {
        let sources = &mut self.sources;
        let mut first = |known: &mut Option<String>, name: &'static str, said: Option<String>| {
            if known.is_none() && said.is_some() {
                *known = said;
                sources.insert(name, source);
            }
        };
        let description = text(&root["description"]["purpose"]).or_else(|| text(&root["description"]));
        first(&mut self.text, "description", description);
        first(&mut self.owner, "owner", text(&root["team"]["name"]));
        first(&mut self.tier, "tier", custom(root, "tier"));
        first(&mut self.quality, "quality", custom(root, "quality"));
        let channel = list(root, "support").find_map(|of| text(&of["url"]).or_else(|| text(&of["channel"])));
        first(&mut self.contact, "contact", channel.or_else(|| text(&root["contact"])));
        if self.lifecycle.is_none()
            && let Some(lifecycle) = root["status"].as_str().and_then(Lifecycle::parse)
        {
            self.lifecycle = Some(lifecycle);
            sources.insert("lifecycle", source);
        }
        for tag in list(root, "tags").filter_map(text) {
            if !self.tags.contains(&tag) && self.tags.len() < LISTED_MAX {
                sources.entry("tags").or_insert(source);
                self.tags.push(tag);
            }
        }
        for of in list(root, "support") {
            let channel = (text(&of["channel"]), text(&of["url"]));
            if let (Some(channel), url) = channel
                && self.support.len() < LISTED_MAX
                && !self.support.iter().any(|(known, _)| *known == channel)
            {
                self.support.push((channel, url));
            }
        }
        for of in list(root, "authoritativeDefinitions") {
            if let Some(url) = text(&of["url"])
                && self.links.len() < LISTED_MAX
                && !self.links.iter().any(|(_, known)| *known == url)
            {
                self.links.push((text(&of["type"]).unwrap_or_else(|| "link".to_owned()), url));
            }
        }
    }
}

/// A subject version's metadata in the keys of the standards: its properties, and tags that are given to the schema as a whole.
fn of_metadata(metadata: &Value) -> Value {
    let property = |names: &[&str]| names.iter().find_map(|name| text(&metadata["properties"][*name]));
    let mut root = serde_json::json!({});
    let mut put = |path: [&str; 2], value: Option<String>| {
        if let Some(value) = value {
            match path {
                [key, ""] => root[key] = value.into(),
                [key, below] => root[key][below] = value.into(),
            }
        }
    };
    put(["team", "name"], owner(metadata));
    put(["contact", ""], property(&["contact", "email", "owner.email", "ownerEmail"]));
    put(["description", "purpose"], property(&["description"]));
    put(["status", ""], property(&["status", "lifecycle"]));
    let custom = ["tier", "quality"].into_iter();
    let custom = custom.filter_map(|name| Some(serde_json::json!({"property": name, "value": property(&[name])?})));
    root["customProperties"] = custom.collect();
    let whole = ["**", "*"].iter().flat_map(|pattern| metadata["tags"][*pattern].as_array().into_iter().flatten());
    let written = property(&["tags"]).unwrap_or_default();
    let written = written.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(Value::from);
    root["tags"] = whole.cloned().chain(written).collect();
    root
}

/// Whom a subject version's metadata names.
pub fn owner(metadata: &Value) -> Option<String> {
    ["owner", "team", "owner.team"].iter().find_map(|name| text(&metadata["properties"][*name]))
}

fn custom(root: &Value, name: &str) -> Option<String> {
    list(root, "customProperties").find(|entry| entry["property"] == name).and_then(|entry| text(&entry["value"]))
}

fn list<'v>(root: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    root[name].as_array().into_iter().flatten()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::contract::name::ContractHash;
    use serde_json::json;

    fn name() -> ProductName {
        ProductName { domain: "shop".into(), name: "orders".into() }
    }

    fn document(path: &str, text: &str) -> Document {
        Document {
            id: "orders".into(),
            version: "1.0.0".into(),
            hash: ContractHash([7; 16]),
            product: name(),
            owner: String::new(),
            path: path.into(),
            text: text.into(),
            topics: vec!["shop.orders".into()],
            fields: vec![],
            described: Default::default(),
            rules: 0,
            lifecycle: None,
        }
    }

    #[test]
    fn a_file_is_above_what_was_published_and_that_above_the_registry() {
        let metadata = json!({"metadata": {
            "properties": {"owner": "platform", "contact": "platform@example.com", "tier": "3", "quality": "raw", "tags": "a, stream"},
            "tags": {"**": ["PII"], "**.ssn": ["secret"]},
        }});
        let registry = [("shop.orders".to_owned(), metadata.to_string())].into();
        let entry = |text: &str| Entry {
            revision: 1,
            lifecycle: Lifecycle::Active,
            successor: None,
            end_of_life: None,
            contracts: vec![],
            product: Some(text.into()),
            changed_ms: 0,
            changed_by: String::new(),
        };
        let entries = [(name(), entry("kind: DataProduct\nteam: {name: order desk}\ncustomProperties: [{property: tier, value: 2}]\ntags: [a]\n"))].into();
        let own = "status: active\ncustomProperties: [{property: tier, value: '1'}]\ndescription: {purpose: what was ordered}\n";
        let check = |documents: &[Document],
                     entries: &BTreeMap<_, _>,
                     name: &str,
                     value: Option<&str>,
                     source: Option<Source>| {
            let all = portraits(documents, &[], entries, &registry);
            let portrait = &all[&super::tests::name()];
            let found = match name {
                "owner" => &portrait.owner,
                "tier" => &portrait.tier,
                "contact" => &portrait.contact,
                "description" => &portrait.text,
                _ => &portrait.quality,
            };
            assert_eq!((found.as_deref(), portrait.sources.get(name).copied()), (value, source), "{name}");
        };
        let (file, none) = ([document("orders.yaml", own)], BTreeMap::new());
        let bare = [document("orders.yaml", "id: orders\n")];
        check(&file, &entries, "tier", Some("1"), Some(Source::File));
        check(&file, &entries, "owner", Some("order desk"), Some(Source::Catalog));
        check(&file, &none, "owner", Some("platform"), Some(Source::Registry));
        check(&bare, &entries, "tier", Some("2"), Some(Source::Catalog));
        check(&bare, &none, "tier", Some("3"), Some(Source::Registry));
        check(&bare, &none, "contact", Some("platform@example.com"), Some(Source::Registry));
        check(&bare, &entries, "quality", Some("raw"), Some(Source::Registry));
        check(&bare, &none, "description", None, None);
        let all = portraits(&file, &[(name(), json!({"team": {"name": "desk 2"}}))], &entries, &registry);
        assert_eq!(all[&name()].owner.as_deref(), Some("desk 2"), "a product's own document is above its contract");
        assert_eq!(all[&name()].tags, ["a", "PII", "stream"], "each once; a field's are the field's");
        assert_eq!(all[&name()].lifecycle, Some(Lifecycle::Active));
    }
}
