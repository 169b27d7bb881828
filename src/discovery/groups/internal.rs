//! Topics that a Kafka Streams application makes for itself: `{application.id}-{name}-repartition` and `…-changelog`, where
//! `application.id` is its consumer group.
//!
//! A name alone proves nothing: the group must be one of Kafka Streams, which its members' assignor says. Where `a` and `a-b`
//! are both groups, `a-b-x-changelog` may be `b-x` of one or `x` of the other; it is told of a repartition topic by the group
//! that commits offsets on it, of a changelog not at all.

use std::collections::{BTreeMap, BTreeSet};

/// A topic of an application's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Internal {
    /// It writes it, and reads it again only to restore.
    Changelog { group: String, topic: String },
    /// It writes it and reads it.
    Repartition { group: String, topic: String },
    /// Which of the groups it is of is not told.
    Open { topic: String, groups: Vec<String> },
}

/// `applications`: groups of Kafka Streams; `groups`: all that there are; `reads`: topics on which a group has committed offsets.
pub fn internal(
    applications: &BTreeSet<String>,
    groups: &BTreeSet<String>,
    topics: &BTreeSet<String>,
    reads: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<Internal> {
    let mut found = Vec::new();
    for topic in topics {
        let (stem, repartition) = match (topic.strip_suffix("-repartition"), topic.strip_suffix("-changelog")) {
            (Some(stem), _) => (stem, true),
            (_, Some(stem)) => (stem, false),
            _ => continue,
        };
        // `stem` is the application and what it calls the topic, with a dash between.
        let of = |group: &&String| {
            stem.strip_prefix(group.as_str())
                .and_then(|rest| rest.strip_prefix('-'))
                .is_some_and(|name| !name.is_empty())
        };
        let mut may: Vec<String> = groups.iter().filter(of).cloned().collect();
        if repartition {
            may.retain(|group| reads.get(group).is_some_and(|topics| topics.contains(topic)));
        }
        match &may[..] {
            [group] if applications.contains(group) => {
                let (group, topic) = (group.clone(), topic.clone());
                found.push(match repartition {
                    true => Internal::Repartition { group, topic },
                    false => Internal::Changelog { group, topic },
                });
            }
            [_, _, ..] if may.iter().any(|group| applications.contains(group)) => {
                found.push(Internal::Open { topic: topic.clone(), groups: may });
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(applications: &[&str], groups: &[&str], reads: &[(&str, &str)], topic: &str, expected: Option<Internal>) {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
        let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (group, topic) in reads {
            read.entry((*group).to_owned()).or_default().insert((*topic).to_owned());
        }
        let topics = set(&[topic, "orders", "changelog", "-changelog"]);
        let found = internal(&set(applications), &set(groups), &topics, &read);
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{topic} of {groups:?}");
    }

    fn changelog(group: &str, topic: &str) -> Option<Internal> {
        Some(Internal::Changelog { group: group.into(), topic: topic.into() })
    }

    fn repartition(group: &str, topic: &str) -> Option<Internal> {
        Some(Internal::Repartition { group: group.into(), topic: topic.into() })
    }

    #[test]
    fn an_applications_own_topics_are_those_that_begin_with_its_id_and_a_dash() {
        check(&["a"], &["a"], &[], "a-store-changelog", changelog("a", "a-store-changelog"));
        check(&["a"], &["a"], &[], "ab-store-changelog", None);
        check(&["a"], &["a"], &[], "a-changelog", None);
        check(&[], &["a"], &[], "a-store-changelog", None);
        check(&["a"], &["a"], &[("a", "a-x-repartition")], "a-x-repartition", repartition("a", "a-x-repartition"));
        check(&["a"], &["a"], &[], "a-x-repartition", None);
    }

    #[test]
    fn of_two_groups_one_of_which_begins_as_the_other_offsets_decide_and_names_do_not() {
        let open =
            |topic: &str| Some(Internal::Open { topic: topic.into(), groups: vec!["a".to_owned(), "a-b".to_owned()] });
        check(&["a", "a-b"], &["a", "a-b"], &[], "a-b-x-changelog", open("a-b-x-changelog"));
        check(&["a"], &["a", "a-b"], &[], "a-b-x-changelog", open("a-b-x-changelog"));
        check(&["a", "a-b"], &["a", "a-b"], &[], "a-x-changelog", changelog("a", "a-x-changelog"));
        let reads = [("a", "a-b-x-repartition")];
        check(&["a", "a-b"], &["a", "a-b"], &reads, "a-b-x-repartition", repartition("a", "a-b-x-repartition"));
        let reads = [("a-b", "a-b-x-repartition")];
        check(&["a", "a-b"], &["a", "a-b"], &reads, "a-b-x-repartition", repartition("a-b", "a-b-x-repartition"));
    }
}
