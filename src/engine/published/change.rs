//! A change of a published product: whether it may be made, and what it makes. Whoever writes it holds the catalog alone.

use crate::engine::contract::diff;
use crate::engine::contract::name::ProductName;
use crate::engine::contract::problem::Problem;
use crate::engine::published::contracts::{self, Read};
use crate::engine::published::entry::Entry;
use crate::engine::published::lifecycle::Lifecycle;
use crate::engine::published::odps;
use std::collections::BTreeMap;

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub product: ProductName,
    pub change: Change,
    pub expected: Expected,
    /// A draft that is published by it, and gone then.
    pub draft: Option<String>,
    /// Nothing is changed: it is only asked what would be.
    pub dry_run: bool,
    pub by: By,
}

/// Who asks, why, and by which call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct By {
    pub actor: String,
    pub reason: Option<String>,
    pub method: String,
    /// `/products/shop/orders/contract`.
    pub path: String,
    /// The request's name in the audit.
    pub correlation: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// These contracts and no others are the product's from now on, and this is its ODPS document. Of what is not there (no contract,
    /// no document) it keeps what it has.
    Publish {
        contracts: Vec<String>,
        product: Option<String>,
    },
    Live {
        lifecycle: Lifecycle,
        successor: Option<String>,
        end_of_life: Option<String>,
    },
    Withdraw,
}

/// What the product must be for the change to be made: whoever saw another state asks again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// `Entry::tag`.
    Tag(String),
    Absent,
    Present,
}

/// What the catalog and the files say besides.
pub struct Standing<'a> {
    pub entry: Option<&'a Entry>,
    /// The file that holds the product; files are authoritative.
    pub file: Option<String>,
    /// Where a contract id stands that is another product's, or a file's.
    pub elsewhere: &'a dyn Fn(&str) -> Option<String>,
    /// Whether there is such a product.
    pub is_known: &'a dyn Fn(&str) -> bool,
    /// Why a topic is never governed.
    pub excluded: &'a dyn Fn(&str) -> bool,
    /// The largest sum of texts that the catalog takes.
    pub bytes_max: usize,
}

/// A change that may be made.
#[derive(Clone, Debug)]
pub struct Decided {
    /// `None`: the product is withdrawn.
    pub after: Option<Entry>,
    /// Whether anything is to be written.
    pub changes: bool,
    pub contracts: Vec<Read>,
    /// By contract id, against the version before.
    pub differences: BTreeMap<String, Vec<diff::Change>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    Unknown(String),
    /// Another state than was expected, or one that does not take the change.
    Conflict(String),
    Invalid {
        detail: String,
        problems: Vec<Problem>,
    },
}

impl Refusal {
    pub fn invalid(detail: &str) -> Refusal {
        Refusal::Invalid { detail: detail.to_owned(), problems: Vec::new() }
    }

    pub fn detail(&self) -> &str {
        match self {
            Refusal::Unknown(detail) | Refusal::Conflict(detail) | Refusal::Invalid { detail, .. } => detail,
        }
    }
}

/// What the change makes of the product at this time.
pub fn decide(asked: &Asked, standing: &Standing<'_>, now_ms: i64) -> Result<Decided, Refusal> {
    let product = &asked.product;
    if let Some(file) = &standing.file {
        return Err(Refusal::Conflict(format!(
            "product {product} lives in the file {file}, which is authoritative: change it there"
        )));
    }
    expected(asked, standing.entry)?;
    match &asked.change {
        Change::Publish { contracts, product } => {
            let kept = standing.entry.filter(|_| contracts.is_empty() && product.is_some());
            let contracts = kept.map_or(contracts, |entry| &entry.contracts);
            publish(asked, contracts, product.as_deref(), standing, now_ms)
        }
        Change::Live { lifecycle, successor, end_of_life } => {
            let before = published(product, standing)?;
            before.lifecycle.may_become(*lifecycle).map_err(Refusal::Conflict)?;
            let after = Entry {
                lifecycle: *lifecycle,
                successor: successor.clone().or_else(|| before.successor.clone()),
                end_of_life: end_of_life.clone().or_else(|| before.end_of_life.clone()),
                ..before.clone()
            };
            let after = live(product, after, standing, now_ms)?;
            Ok(decided(asked, Some(before), after, Vec::new(), BTreeMap::new(), now_ms))
        }
        Change::Withdraw => {
            published(product, standing)?;
            Ok(Decided { after: None, changes: true, contracts: Vec::new(), differences: BTreeMap::new() })
        }
    }
}

fn expected(asked: &Asked, entry: Option<&Entry>) -> Result<(), Refusal> {
    let product = &asked.product;
    let conflict = |detail: String| Err(Refusal::Conflict(detail));
    match (&asked.expected, entry) {
        (Expected::Absent, None) | (Expected::Present, Some(_)) => Ok(()),
        (Expected::Tag(tag), Some(entry)) if entry.tag() == *tag => Ok(()),
        (Expected::Absent, Some(entry)) => conflict(format!(
            "product {product} is published already, at revision {} by {}: read it, and send its ETag in If-Match",
            entry.revision, entry.changed_by
        )),
        (Expected::Tag(tag), Some(entry)) => conflict(format!(
            "product {product} was changed meanwhile: {tag} was expected, and it is {} by {}; read it again, and repeat \
             the change with its ETag in If-Match",
            entry.tag(),
            entry.changed_by
        )),
        (Expected::Tag(_) | Expected::Present, None) => Err(unknown(product)),
    }
}

fn unknown(product: &ProductName) -> Refusal {
    Refusal::Unknown(format!("product {product} is not published here; publish it with POST /products"))
}

fn published<'a>(product: &ProductName, standing: &Standing<'a>) -> Result<&'a Entry, Refusal> {
    standing.entry.ok_or_else(|| unknown(product))
}

fn publish(
    asked: &Asked,
    texts: &[String],
    document: Option<&str>,
    standing: &Standing<'_>,
    now_ms: i64,
) -> Result<Decided, Refusal> {
    let product = &asked.product;
    let kept = standing.entry.and_then(|entry| entry.product.as_deref());
    let document = document.or(kept);
    let bytes: usize = texts.iter().map(String::len).sum::<usize>() + document.map_or(0, str::len);
    if bytes > standing.bytes_max {
        let detail =
            format!("the contracts have {bytes} bytes, {} at most; make several products of it", standing.bytes_max);
        return Err(Refusal::invalid(&detail));
    }
    let read = contracts::read(texts)?;
    for Read { id, product: said, topics, .. } in &read {
        if said != product {
            let detail = format!(
                "contract {id} is of product {said}, and this is {product}; PUT it to /products/{said}/contract"
            );
            return Err(Refusal::invalid(&detail));
        }
        if let Some(place) = (standing.elsewhere)(id) {
            let detail = format!("contract {id} stands in {place}; change it there, or give this one an id of its own");
            return Err(Refusal::Conflict(detail));
        }
        if let Some(topic) = topics.iter().find(|topic| (standing.excluded)(topic)) {
            let detail = format!(
                "contract {id} names the topic {topic}, which is never governed: it is Kafka's, steward's own, a quarantine, \
                 or named by topics.exclude"
            );
            return Err(Refusal::invalid(&detail));
        }
    }
    let described = document.map(odps::read).transpose()?;
    if let Some(odps::Read { product: said, .. }) = described.as_ref().filter(|of| of.product != *product) {
        let detail = format!(
            "the data product is {said}, and this is {product}: its name and domain must be those that the contracts name"
        );
        return Err(Refusal::invalid(&detail));
    }
    let here = |id: &String| read.iter().any(|contract| contract.id == *id);
    if let Some(id) = described.iter().flat_map(|of| &of.outputs).find(|id| !here(id)) {
        let detail = format!(
            "an output port of the data product names the contract {id}, which is none of {product}'s; send it along, or name one that is"
        );
        return Err(Refusal::invalid(&detail));
    }
    let before = standing.entry;
    let old = before.map(|entry| contracts::read(&entry.contracts)).and_then(Result::ok).unwrap_or_default();
    let differences = contracts::compared(&old, &read)?;
    // A product's own word is above its contracts'.
    let of_contracts = |contracts: &[Read]| contracts.iter().filter_map(|contract| contract.lifecycle).max();
    let said = described.as_ref().and_then(|of| of.lifecycle).or(of_contracts(&read));
    let said_before = kept.and_then(|text| odps::read(text).ok()?.lifecycle).or(of_contracts(&old));
    let lifecycle = match before {
        // What was said by a change of lifecycle stays, until the contract says something else than it did.
        Some(entry) if said == said_before => entry.lifecycle,
        Some(entry) => said.unwrap_or(entry.lifecycle),
        None => said.unwrap_or(Lifecycle::Active),
    };
    match before {
        Some(entry) => entry.lifecycle.may_become(lifecycle).map_err(Refusal::Conflict)?,
        None if lifecycle == Lifecycle::Retired => {
            return Err(Refusal::invalid("a retired product is not published; write `status: active`, or draft"));
        }
        None => {}
    }
    let after = Entry {
        revision: 0,
        lifecycle,
        successor: before.and_then(|entry| entry.successor.clone()),
        end_of_life: before.and_then(|entry| entry.end_of_life.clone()),
        contracts: texts.to_vec(),
        product: document.map(str::to_owned),
        changed_ms: 0,
        changed_by: String::new(),
    };
    let after = live(product, after, standing, now_ms)?;
    Ok(decided(asked, before, after, read, differences, now_ms))
}

/// Successor and end of life go with a product that ends.
fn live(product: &ProductName, mut after: Entry, standing: &Standing<'_>, now_ms: i64) -> Result<Entry, Refusal> {
    if !matches!(after.lifecycle, Lifecycle::Deprecated | Lifecycle::Retired) {
        (after.successor, after.end_of_life) = (None, None);
        return Ok(after);
    }
    if let Some(successor) = &after.successor {
        if *successor == product.to_string() {
            return Err(Refusal::invalid("a product does not succeed itself; name another one, as domain/name"));
        }
        if !(standing.is_known)(successor) {
            return Err(Refusal::invalid(&format!("the successor {successor} is no product; /products lists them")));
        }
    }
    let Some(day) = &after.end_of_life else { return Ok(after) };
    let Ok(ends) = format!("{day}T00:00:00Z").parse::<jiff::Timestamp>() else {
        return Err(Refusal::invalid(&format!("end_of_life {day} is no day; write it as 2027-01-31")));
    };
    if after.lifecycle == Lifecycle::Retired && now_ms < ends.as_millisecond() {
        let detail =
            format!("consumers were told that {product} lives until {day}; retire it then, or move end_of_life first");
        return Err(Refusal::Conflict(detail));
    }
    Ok(after)
}

fn decided(
    asked: &Asked,
    before: Option<&Entry>,
    mut after: Entry,
    contracts: Vec<Read>,
    differences: BTreeMap<String, Vec<diff::Change>>,
    now_ms: i64,
) -> Decided {
    let stamp = |entry: &Entry| (entry.revision, entry.changed_ms, entry.changed_by.clone());
    (after.revision, after.changed_ms, after.changed_by) = before.map(stamp).unwrap_or_default();
    let changes = before != Some(&after);
    if changes {
        after.revision += 1;
        after.changed_ms = now_ms;
        after.changed_by.clone_from(&asked.by.actor);
    }
    Decided { after: Some(after), changes, contracts, differences }
}

#[cfg(test)]
mod tests;
