//! Whose a transactional id is: a group's that reads, processes and writes, or a connector's; by proof, never by likeness.
//!
//! A transaction that commits offsets of a group writes to one partition of `__consumer_offsets`, which the group's name decides.
//! So a transactional id is a group's where it begins with the group's id, goes on as is documented, *and* its producer has
//! written that partition.

use std::collections::BTreeSet;

/// Whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    Group(String),
    /// By its name in its Connect cluster.
    Connector(String),
    /// Nobody that is known: it stands for itself.
    Itself,
}

/// What a round knows of groups.
#[derive(Debug, Default)]
pub struct Groups {
    /// Those of consumers and Kafka Streams.
    pub readers: BTreeSet<String>,
    /// Those of Connect workers.
    pub workers: BTreeSet<String>,
    /// Partitions of `__consumer_offsets`; 0 where they are not known.
    pub offsets_partitions: i32,
}

impl Groups {
    /// `commits`: partitions of `__consumer_offsets` that the id's producer has written; `connectors`: names that are known.
    pub fn owner(&self, id: &str, commits: &BTreeSet<i32>, connectors: &BTreeSet<String>) -> Owner {
        let committed = |group: &str| {
            self.offsets_partitions > 0 && commits.contains(&partition_of(group, self.offsets_partitions))
        };
        // Ids hold dashes: each place may be where the group ends.
        for (at, _) in id.match_indices('-') {
            let (group, suffix) = (&id[..at], &id[at + 1..]);
            if self.readers.contains(group) && is_of_streams(suffix) && committed(group) {
                return Owner::Group(group.to_owned());
            }
            if self.workers.contains(group)
                && let Some(name) = connector_of(suffix)
                && connectors.contains(name)
            {
                return Owner::Connector(name.to_owned());
            }
        }
        Owner::Itself
    }
}

/// Kafka Streams: `{application.id}-{process id, a UUID}-{thread}` (exactly_once_v2), `{application.id}-{subtopology}_{partition}`
/// (exactly_once, before Kafka 4).
fn is_of_streams(suffix: &str) -> bool {
    let whole = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let thread = || {
        let (process, thread) = suffix.rsplit_once('-')?;
        let uuid = process.len() == 36 && uuid::Uuid::try_parse(process).is_ok();
        Some(uuid && whole(thread))
    };
    let task = || suffix.split_once('_').map(|(subtopology, partition)| whole(subtopology) && whole(partition));
    thread().unwrap_or(false) || task().unwrap_or(false)
}

/// Connect with exactly-once sources (KIP-618): `{group.id}-{connector}-{task}`.
fn connector_of(suffix: &str) -> Option<&str> {
    let (name, task) = suffix.rsplit_once('-')?;
    (!task.is_empty() && task.bytes().all(|b| b.is_ascii_digit())).then_some(name)
}

/// The partition of `__consumer_offsets` that holds a group's offsets: Java's hash of the name, made positive as Kafka does.
pub fn partition_of(group: &str, partitions: i32) -> i32 {
    let hash = group.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    hash.checked_abs().unwrap_or(0) % partitions.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "0c5dfe1a-9d3c-4d3e-8f8e-2b1a6d5c4b3a";

    fn check(id: &str, commits_as: &[&str], expected: Owner) {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
        let groups =
            Groups { readers: set(&["a", "a-b", "billing"]), workers: set(&["connect"]), offsets_partitions: 50 };
        let commits = commits_as.iter().map(|group| partition_of(group, 50)).collect();
        assert_eq!(groups.owner(id, &commits, &set(&["orders-cdc"])), expected, "{id}");
    }

    #[test]
    fn a_transactional_id_is_a_groups_by_its_shape_and_by_the_offsets_it_commits() {
        let group = |name: &str| Owner::Group(name.into());
        check(&format!("billing-{UUID}-1"), &["billing"], group("billing"));
        check("billing-0_3", &["billing"], group("billing"));
        check(&format!("billing-{UUID}-1"), &[], Owner::Itself);
        check(&format!("billing-{UUID}-1"), &["other"], Owner::Itself);
        // Likeness is no proof, even where offsets are committed.
        check("billing-worker", &["billing"], Owner::Itself);
        check("billing", &["billing"], Owner::Itself);
        check(&format!("billing2-{UUID}-1"), &["billing"], Owner::Itself);
        check(&format!("a-b-{UUID}-12"), &["a-b"], group("a-b"));
        check(&format!("a-b-{UUID}-12"), &["a"], Owner::Itself);
        check("connect-orders-cdc-0", &[], Owner::Connector("orders-cdc".into()));
        check("connect-unknown-0", &[], Owner::Itself);
        check("", &[], Owner::Itself);
    }

    #[test]
    fn a_groups_partition_is_that_of_kafka() {
        // As `"console-consumer-1".hashCode()` and the like say in Java.
        for (group, hash) in
            [("", 0_i64), ("a", 97), ("orders", -1_008_770_331), ("polygenelubricants", -2_147_483_648)]
        {
            let expected = if hash == i64::from(i32::MIN) { 0 } else { hash.abs() % 50 };
            assert_eq!(i64::from(partition_of(group, 50)), expected, "{group}");
        }
    }
}
