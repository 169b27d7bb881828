//! The contracts of a change: every document linted, each of this product and of no other, none behind what was published.

use crate::engine::contract::diff::{self, Change};
use crate::engine::contract::model::Contract;
use crate::engine::contract::name::{ProductName, compare_versions};
use crate::engine::contract::odcs;
use crate::engine::contract::problem::{Level, Problem};
use crate::engine::contract::standard::lint::{self, Kind, Linted};
use crate::engine::published::change::Refusal;
use crate::engine::published::lifecycle::Lifecycle;
use std::collections::BTreeMap;

/// A contract that may be published.
#[derive(Clone, Debug)]
pub struct Read {
    pub id: String,
    pub version: String,
    pub product: ProductName,
    pub topics: Vec<String>,
    /// The `status` that it says itself.
    pub lifecycle: Option<Lifecycle>,
    pub text: String,
    /// Warnings; errors refuse it.
    pub problems: Vec<Problem>,
}

/// A body as documents: YAML separates them by a line `---`, and JSON has them in a list.
pub fn documents(body: &str) -> Vec<String> {
    if body.trim_start().starts_with('[')
        && let Ok(items) = serde_json::from_str::<Vec<serde_json::Value>>(body)
    {
        return items.iter().map(|item| format!("{item:#}\n")).collect();
    }
    let mut documents = vec![String::new()];
    for line in body.lines() {
        match (line.trim_end() == "---", documents.last_mut()) {
            (false, Some(last)) => {
                last.push_str(line);
                last.push('\n');
            }
            _ => documents.push(String::new()),
        }
    }
    let says = |text: &String| text.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    documents.retain(says);
    documents
}

/// All documents, or all that is wrong with them.
pub fn read(documents: &[String]) -> Result<Vec<Read>, Refusal> {
    if documents.is_empty() {
        return Err(Refusal::invalid("the body holds no contract; send an ODCS document, YAML or JSON"));
    }
    let (mut contracts, mut problems) = (Vec::new(), Vec::new());
    for text in documents {
        let Linted { kind, problems: found, .. } = lint::lint(text, &|_| false);
        if !matches!(kind, None | Some(Kind::Odcs)) {
            return Err(Refusal::invalid(
                "a document is no ODCS contract; send `kind: DataContract`, and convert others with `steward contract import`",
            ));
        }
        let is_good = found.iter().all(|problem| problem.level != Level::Error);
        match odcs::parse(text).contract {
            Some(contract) if is_good => {
                contracts.push(Read {
                    product: contract.product(),
                    lifecycle: lifecycle(&contract),
                    topics: contract.objects.iter().map(|object| object.topic.clone()).collect(),
                    id: contract.id,
                    version: contract.version,
                    text: text.clone(),
                    problems: found,
                });
            }
            _ => problems.extend(found),
        }
    }
    if contracts.len() < documents.len() {
        let errors = problems.iter().filter(|problem| problem.level == Level::Error).count();
        let detail =
            format!("nothing was published: {errors} errors, see problems; `steward contract lint` finds the same");
        return Err(Refusal::Invalid { detail, problems });
    }
    let mut ids = BTreeMap::new();
    for contract in &contracts {
        if ids.insert(&contract.id, ()).is_some() {
            return Err(Refusal::invalid(&format!("contract {} stands in the body twice; send it once", contract.id)));
        }
    }
    Ok(contracts)
}

/// The `status` of a contract, where it is a word of the standards.
pub fn lifecycle(contract: &Contract) -> Option<Lifecycle> {
    let root: serde_json::Value = serde_json::from_str(&contract.canonical).ok()?;
    Lifecycle::parse(root.get("status")?.as_str()?)
}

/// What each contract changes of the one with its id before; a contract that comes or goes as a whole makes no entry.
///
/// # Errors
/// A lower version, or one version that asks two things: events and deltas name versions, so that a version says one thing.
pub fn compared(before: &[Read], after: &[Read]) -> Result<BTreeMap<String, Vec<Change>>, Refusal> {
    let mut all = BTreeMap::new();
    for new in after {
        let Some(old) = before.iter().find(|old| old.id == new.id) else { continue };
        let (id, was, is) = (&new.id, &old.version, &new.version);
        if compare_versions(is, was).is_lt() {
            let detail = format!("contract {id} is published as {was}, and {is} is lower; give it a higher version");
            return Err(Refusal::Conflict(detail));
        }
        let (Ok(a), Ok(b)) = (diff::document(&old.text), diff::document(&new.text)) else { continue };
        let changes = diff::compare(&a, &b).map(|compared| compared.changes).unwrap_or_default();
        if was == is
            && let Some(change) = changes.iter().find(|change| change.direction.is_some())
        {
            let detail = format!(
                "contract {id} {was} is published with another meaning ({}: {}); raise its version, so that verdicts tell \
                 which one they are of",
                change.path, change.message
            );
            return Err(Refusal::Conflict(detail));
        }
        all.insert(id.clone(), changes);
    }
    Ok(all)
}
