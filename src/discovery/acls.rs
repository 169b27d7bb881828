//! What access control lets people do: principals that may read or write topics. To be allowed is not to do.
//!
//! Entries on the topic `*` say nothing of who feeds whom; they are told of the principal, and make no edges.

use crate::discovery::gathered::{Gathered, detail};
use crate::discovery::handle::Handle;
use crate::discovery::topic::Cluster;
use crate::engine::lineage::collector::Collector;
use crate::engine::lineage::sighting::{Evidence, JobFacts, Round};
use crate::kafka::admin::Admin;
use crate::kafka::client::Settings;
use crate::kafka::ffi::others::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Whoever may need not.
const PERMITTED: f64 = 0.1;
/// Edges of a round; a mesh of prefixes and principals may have millions.
const EDGES_MAX: usize = 4_000;

pub struct Acls {
    handle: Handle,
    cluster: Cluster,
}

impl Acls {
    pub fn new(settings: Settings, cluster: Cluster) -> Acls {
        Acls { handle: Handle::new(settings), cluster }
    }
}

impl Collector for Acls {
    fn name(&self) -> &'static str {
        "acls"
    }

    fn collect(&mut self, now_ms: i64) -> Result<Round, String> {
        let cluster = self.cluster.clone();
        let entries =
            self.handle.admin().and_then(Admin::entries).map_err(|fault| {
                format!("{}; grant Describe on the cluster where ACLs shall be told", fault.message)
            })?;
        let mut gathered = Gathered::default();
        let permitted = permitted(&entries.unwrap_or_default(), &cluster.topics(&mut gathered));
        let edges: usize = permitted.values().map(|may| may.reads.len() + may.writes.len()).sum();
        if edges > EDGES_MAX {
            gathered.failed("access control", format!("{edges} edges are permitted, and {EDGES_MAX} are told"));
        }
        let mut left = EDGES_MAX;
        for (principal, may) in permitted {
            let job = cluster.job(format!("principal:{principal}"));
            gathered.job(JobFacts {
                node: job.clone(),
                kind: "principal".into(),
                state: "PERMITTED".into(),
                description: None,
                detail: may.every.into_iter().map(|what| (what.to_owned(), "every topic".to_owned())).collect(),
            });
            for (topic, reads) in may.reads.iter().map(|t| (t, true)).chain(may.writes.iter().map(|t| (t, false))) {
                let Some(rest) = left.checked_sub(1) else { break };
                left = rest;
                let (topic, by) = (cluster.topic(topic), detail([("principal", &principal)]));
                match reads {
                    true => gathered.saw(&topic, &job, Evidence::Permitted, PERMITTED, by),
                    false => gathered.saw(&job, &topic, Evidence::Permitted, PERMITTED, by),
                }
            }
        }
        Ok(gathered.round(self.name(), now_ms))
    }
}

/// What a principal may.
#[derive(Debug, Default, PartialEq, Eq)]
struct May {
    reads: BTreeSet<String>,
    writes: BTreeSet<String>,
    /// `reads`, `writes`: whatever topic it is.
    every: BTreeSet<&'static str>,
}

/// By principal. As Kafka has it, one entry that denies outweighs all that allow; one that counts from some hosts only
/// takes nothing away from the others.
fn permitted(entries: &[Entry], topics: &BTreeSet<String>) -> BTreeMap<String, May> {
    let covers = |entry: &Entry, topic: &str| match entry.prefixed {
        true => topic.starts_with(&entry.topic),
        false => entry.topic == "*" || entry.topic == topic,
    };
    let denied = |principal: &str, topic: &str, does: fn(&Entry) -> bool| {
        entries.iter().any(|entry| {
            let who = entry.principal == principal || entry.principal == "User:*";
            entry.denies && entry.anywhere && who && does(entry) && covers(entry, topic)
        })
    };
    let mut found: BTreeMap<String, May> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| !entry.denies && (entry.reads || entry.writes)) {
        let may = found.entry(entry.principal.clone()).or_default();
        if entry.topic == "*" && !entry.prefixed {
            may.every.extend(entry.reads.then_some("reads"));
            may.every.extend(entry.writes.then_some("writes"));
            continue;
        }
        for topic in topics.iter().filter(|topic| covers(entry, topic)) {
            if entry.reads && !denied(&entry.principal, topic, |entry| entry.reads) {
                may.reads.insert(topic.clone());
            }
            if entry.writes && !denied(&entry.principal, topic, |entry| entry.writes) {
                may.writes.insert(topic.clone());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `allow` or `deny`, who, `read`, `write` or `all`, the topic, with `*` behind a prefix.
    fn entry(text: &str) -> Entry {
        let words: Vec<&str> = text.split(' ').collect();
        let [verb, principal, operation, topic] = words[..] else { panic!("{text}") };
        let prefix = topic.strip_suffix('*').filter(|prefix| !prefix.is_empty());
        Entry {
            principal: format!("User:{principal}"),
            topic: prefix.unwrap_or(topic).to_owned(),
            prefixed: prefix.is_some(),
            reads: operation != "write",
            writes: operation != "read",
            denies: verb != "allow",
            anywhere: verb != "deny-here",
        }
    }

    fn check(entries: &[&str], principal: &str, reads: &[&str], writes: &[&str], every: &[&'static str]) {
        let topics: BTreeSet<String> = ["shop.a", "shop.b", "other"].map(str::to_owned).into();
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let expected = May { reads: set(reads), writes: set(writes), every: every.iter().copied().collect() };
        let entries: Vec<Entry> = entries.iter().map(|text| entry(text)).collect();
        let found = permitted(&entries, &topics);
        assert_eq!(found.get(&format!("User:{principal}")).unwrap_or(&May::default()), &expected, "{entries:?}");
    }

    #[test]
    fn who_may_read_and_write_is_what_entries_allow_and_none_denies() {
        check(&["allow a read shop.a"], "a", &["shop.a"], &[], &[]);
        check(&["allow a all shop.*"], "a", &["shop.a", "shop.b"], &["shop.a", "shop.b"], &[]);
        check(&["allow a all shop.*", "deny a write shop.b"], "a", &["shop.a", "shop.b"], &["shop.a"], &[]);
        check(&["allow a read shop.*", "deny * read shop.a"], "a", &["shop.b"], &[], &[]);
        check(&["allow a read shop.a", "deny-here a read shop.a"], "a", &["shop.a"], &[], &[]);
        check(&["allow a read *"], "a", &[], &[], &["reads"]);
        check(&["allow a read nowhere"], "a", &[], &[], &[]);
        check(&["deny a read shop.a"], "a", &[], &[], &[]);
        check(&["allow b read shop.a"], "a", &[], &[], &[]);
    }
}
