//! What brokers say of groups in one round.

use crate::discovery::gathered::Gathered;
use crate::discovery::topic::Cluster;
use crate::flow::io::{Fault, Part};
use crate::kafka::admin::Admin;
use crate::kafka::ffi::others::{Group, Members};
use crate::kafka::wire::WireError;
use crate::kafka::wire::connection::Connection;
use crate::kafka::wire::groups::{Listed, Topology, listed, starts, topology};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A round asks for so long: the offsets of a group take some 3 ms, so that 20,000 groups are asked in it.
const ROUND: Duration = Duration::from_secs(60);
/// Groups that are described in one question.
const DESCRIBED_AT_ONCE: usize = 100;

#[derive(Debug, Default)]
pub struct Told {
    pub groups: Vec<Group>,
    /// Every broker told its groups.
    pub all: bool,
    pub members: BTreeMap<String, Members>,
    /// By group; one whose offsets could not be asked is absent. Next-to-read, of share groups next to be done with.
    pub committed: BTreeMap<String, Vec<(Part, i64)>>,
    pub ends: BTreeMap<Part, i64>,
    /// What streams groups (KIP-1071) read and write inside of them.
    pub topologies: BTreeMap<String, Topology>,
}

/// Asks all. The error: not even the groups are known.
pub fn ask(admin: &Admin, cluster: &Cluster, gathered: &mut Gathered) -> Result<Told, Fault> {
    let until = Instant::now() + ROUND;
    let (groups, wrong) = admin.groups()?;
    let mut told = Told { groups, all: wrong.is_empty(), ..Told::default() };
    wrong.into_iter().for_each(|why| gathered.failed("a broker's groups", why));
    let alive = |group: &&Group| group.state != "Empty" && !cluster.is_own_group(&group.id);
    let alive: Vec<String> = told.groups.iter().filter(alive).map(|group| group.id.clone()).collect();
    others(admin, &mut told, gathered);
    told.groups.retain(|group| !cluster.is_own_group(&group.id));
    for group in told.groups.iter().filter(|group| group.kind != SHARE) {
        if Instant::now() > until {
            let why = format!("the round is over after {} s; its offsets were not asked", ROUND.as_secs());
            gathered.failed(format!("group {}", group.id), why);
            continue;
        }
        match admin.committed_by(&group.id) {
            Ok(offsets) => drop(told.committed.insert(group.id.clone(), offsets)),
            Err(fault) => gathered.failed(format!("group {}", group.id), fault.message),
        }
    }
    told.committed.values_mut().for_each(|offsets| offsets.retain(|(part, _)| cluster.is_data(&part.topic)));
    let parts: BTreeSet<Part> = told.committed.values().flatten().map(|(part, _)| part.clone()).collect();
    let parts: Vec<Part> = parts.into_iter().collect();
    match admin.log_ends(&parts) {
        Ok(ends) => told.ends = ends,
        // Without the ends of logs lag is not known, and who reads is all the same.
        Err(fault) => gathered.unresolved("lag", fault.message),
    }
    for some in alive.chunks(DESCRIBED_AT_ONCE) {
        let some: Vec<&str> = some.iter().map(String::as_str).collect();
        match admin.members(&some) {
            Ok(described) => told.members.extend(described),
            Err(fault) => gathered.unresolved("members of groups", fault.message),
        }
    }
    Ok(told)
}

/// Kinds of groups as brokers write them.
pub const SHARE: &str = "share";
pub const STREAMS: &str = "streams";

/// Groups of kinds that librdkafka does not list.
fn others(admin: &Admin, told: &mut Told, gathered: &mut Gathered) {
    let layout = match admin.layout() {
        Ok(layout) => layout,
        Err(fault) => return gathered.failed(OTHERS, fault.message),
    };
    let (mut brokers, failed) = admin.brokers(&layout);
    for why in failed {
        match why {
            WireError::Unsupported(_) => gathered.unresolved(OTHERS, why.to_string()),
            why => gathered.failed(OTHERS, why.to_string()),
        }
    }
    for (_, broker) in brokers.each() {
        let groups = match listed(broker) {
            Ok(groups) => groups,
            // Before Kafka 3.7 there are none of them.
            Err(WireError::Unknown(_)) => continue,
            Err(why) => {
                gathered.failed(OTHERS, why.to_string());
                continue;
            }
        };
        for group in groups.into_iter().filter(|group| group.kind == SHARE || group.kind == STREAMS) {
            if let Err(why) = other(broker, &group, told) {
                gathered.failed(format!("group {}", group.id), why.to_string());
            }
            told.groups.push(Group { id: group.id, kind: group.kind, state: group.state });
        }
    }
}

const OTHERS: &str = "groups of the kinds streams and share";

fn other(broker: &mut Connection, group: &Listed, told: &mut Told) -> Result<(), WireError> {
    if group.kind == STREAMS {
        told.topologies.extend(topology(broker, &group.id)?.map(|topology| (group.id.clone(), topology)));
    } else {
        let begun = starts(broker, &group.id)?.into_iter().filter(|start| start.offset >= 0);
        let offsets = begun.map(|start| (Part::new(&start.topic.as_str().into(), start.partition), start.offset));
        told.committed.insert(group.id.clone(), offsets.collect());
    }
    Ok(())
}
