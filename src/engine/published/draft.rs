//! A draft of a contract: what the catalog holds of it until it is published or thrown away, and whether it may be changed.

use crate::engine::published::change::{By, Expected, Refusal};
use crate::engine::published::entry::tag;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Keys are `draft/{id}`.
pub const PREFIX: &str = "draft/";
/// Drafts of a mesh; each is at most as large as a contract file.
pub const DRAFTS_MAX: usize = 500;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Draft {
    /// 1 when it is begun, one more with each edit.
    pub revision: u64,
    /// Whose records it is tried on; empty: what its contract names.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub topic: String,
    /// ODCS documents, as publishing takes them; they may be wrong.
    pub contract: String,
    /// The tag that the product had, of which it was begun; `None`: it becomes a product that is not there yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// What it was inferred from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
    pub created_ms: i64,
    pub changed_ms: i64,
    pub changed_by: String,
}

/// Records that a draft was inferred from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    pub read: u64,
    pub tombstones: u64,
    pub undecodable: u64,
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub id: String,
    pub edit: Edit,
    pub expected: Expected,
    pub by: By,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Revision and times are the catalog's to say.
    Begin(Draft),
    Text(String),
    Delete,
}

impl Draft {
    /// Tells one state of the draft from every other.
    pub fn tag(&self) -> String {
        tag(self.revision, self.changed_ms)
    }
}

pub fn key(id: &str) -> String {
    format!("{PREFIX}{id}")
}

/// The drafts of a catalog; a record that this version cannot read is left out.
pub fn drafts(catalog: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Draft> {
    let of = |(key, value): (&String, &Vec<u8>)| {
        Some((key.strip_prefix(PREFIX)?.to_owned(), serde_json::from_slice(value).ok()?))
    };
    catalog.iter().filter_map(of).collect()
}

/// What the edit makes of the draft at this time; `None`: it is gone. `known`: how many drafts there are.
pub fn decide(wanted: &Wanted, draft: Option<&Draft>, known: usize, now_ms: i64) -> Result<Option<Draft>, Refusal> {
    let id = &wanted.id;
    let conflict = |detail: String| Err(Refusal::Conflict(detail));
    match (&wanted.expected, draft) {
        (Expected::Absent, None) | (Expected::Present, Some(_)) => {}
        (Expected::Tag(tag), Some(draft)) if draft.tag() == *tag => {}
        (Expected::Absent, Some(_)) => return conflict(format!("draft {id} is there already; ask again")),
        (Expected::Tag(tag), Some(draft)) => {
            return conflict(format!(
                "draft {id} was edited meanwhile: {tag} was expected, and it is {} by {}; read it again, and repeat the edit \
                 with its ETag in If-Match",
                draft.tag(),
                draft.changed_by
            ));
        }
        (Expected::Tag(_) | Expected::Present, None) => return Err(unknown(id)),
    }
    let stamped = |draft: Draft, revision: u64, created_ms: i64| Draft {
        revision,
        created_ms,
        changed_ms: now_ms,
        changed_by: wanted.by.actor.clone(),
        ..draft
    };
    match (&wanted.edit, draft) {
        (Edit::Begin(_), _) if known >= DRAFTS_MAX => {
            conflict(format!("there are {known} drafts, and no more are kept; publish or delete some: GET /drafts"))
        }
        (Edit::Begin(draft), _) => Ok(Some(stamped(draft.clone(), 1, now_ms))),
        (Edit::Text(text), Some(draft)) if draft.contract == *text => Ok(Some(draft.clone())),
        (Edit::Text(text), Some(draft)) => {
            let edited = Draft { contract: text.clone(), ..draft.clone() };
            Ok(Some(stamped(edited, draft.revision + 1, draft.created_ms)))
        }
        (Edit::Delete, Some(_)) => Ok(None),
        (Edit::Text(_) | Edit::Delete, None) => Err(unknown(id)),
    }
}

fn unknown(id: &str) -> Refusal {
    Refusal::Unknown(format!("there is no draft {id}; GET /drafts lists those that are, POST /drafts begins one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_begun_edited_and_thrown_away_and_whoever_saw_another_state_is_refused() {
        let ask = |edit: Edit, expected: Expected, draft: Option<&Draft>, known: usize, now_ms: i64| {
            let by = By { actor: "jane".into(), ..By::default() };
            decide(&Wanted { id: "7".into(), edit, expected, by }, draft, known, now_ms)
        };
        let begin = || Edit::Begin(Draft { topic: "t".into(), contract: "a".into(), ..Draft::default() });
        let one = ask(begin(), Expected::Absent, None, 0, 5).unwrap().unwrap();
        assert_eq!((one.revision, one.created_ms, one.changed_by.as_str()), (1, 5, "jane"));
        let same = ask(Edit::Text("a".into()), Expected::Present, Some(&one), 1, 6).unwrap().unwrap();
        assert_eq!(same, one, "the same text is no edit");
        let two = ask(Edit::Text("b".into()), Expected::Tag(one.tag()), Some(&one), 1, 7).unwrap().unwrap();
        assert_eq!((two.revision, two.created_ms, two.changed_ms, &*two.topic), (2, 5, 7, "t"));
        assert_eq!(ask(Edit::Delete, Expected::Tag(two.tag()), Some(&two), 1, 8), Ok(None));

        let refused = |outcome: Result<Option<Draft>, Refusal>, words: &str| {
            assert!(outcome.as_ref().is_err_and(|why| why.detail().contains(words)), "{words}: {outcome:?}");
        };
        refused(ask(Edit::Text("c".into()), Expected::Tag(one.tag()), Some(&two), 1, 8), "edited meanwhile");
        refused(ask(Edit::Delete, Expected::Present, None, 0, 8), "no draft 7");
        refused(ask(begin(), Expected::Absent, Some(&one), 1, 8), "there already");
        refused(ask(begin(), Expected::Absent, None, DRAFTS_MAX, 8), "publish or delete some");
    }
}
