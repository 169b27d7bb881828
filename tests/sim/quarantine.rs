//! What stands in quarantines: every record that committed deltas count as broken, once for each product that says so.

use crate::sim::invariants::{Failure, broken};
use crate::sim::judge::{Names, RecordId};
use crate::sim::log::Topics;
use mesh_steward::engine::contract::name::ProductName;
use mesh_steward::engine::record::{Offset, TopicId};
use mesh_steward::flow::aside::{OFFSET, PARTITION, PRODUCT, SUFFIX, TOPIC_ID};
use mesh_steward::flow::delta::ProductDelta;
use std::collections::BTreeMap;
use std::sync::Arc;

type Counted = BTreeMap<(String, RecordId), u32>;

#[derive(Default)]
pub struct Copies {
    read: BTreeMap<(Arc<str>, i32), Offset>,
    copied: Counted,
    broken: Counted,
}

impl Copies {
    pub fn count(&mut self, delta: &ProductDelta<Names>) {
        let product: &ProductName = &delta.product;
        for (id, times) in delta.windows.iter().flat_map(|(_, names)| &names.broken) {
            *self.broken.entry((product.to_string(), *id)).or_insert(0) += times;
        }
    }

    /// To be looked at where all committed deltas were counted. `forgetful`: offsets were set back on purpose.
    pub fn look(&mut self, topics: &Topics, forgetful: bool) -> Result<(), Failure> {
        let quarantines: Vec<_> = topics.live.iter().filter(|(name, _)| name.ends_with(SUFFIX)).collect();
        // Above an open transaction committed copies are hidden.
        if quarantines.iter().any(|(_, topic)| topic.partitions.iter().any(|log| log.stable() != log.end())) {
            return Ok(());
        }
        for (name, topic) in quarantines {
            for (partition, log) in topic.partitions.iter().enumerate() {
                let read = self.read.entry((name.clone(), partition as i32)).or_insert(0);
                for entry in log.entries[*read as usize..].iter().filter(|entry| entry.visible()) {
                    let Some(copy) = copy_of(&entry.data.headers) else {
                        return broken(
                            "I9: copies say what they are of",
                            format!("{:?} in {name}", entry.data.headers),
                        );
                    };
                    *self.copied.entry(copy).or_insert(0) += 1;
                }
                *read = log.end();
            }
        }
        if forgetful || self.copied == self.broken {
            return Ok(());
        }
        let differs = |(what, times): &(&(String, RecordId), &u32)| self.broken.get(what) != Some(times);
        let text = match self.copied.iter().find(differs) {
            Some(((product, id), times)) => {
                format!(
                    "{product}: {id} stands there {times} times, counted {:?}",
                    self.broken.get(&(product.clone(), *id))
                )
            }
            None => format!("{} copies of {} broken records", self.copied.len(), self.broken.len()),
        };
        broken("I9: each broken record is copied once", text)
    }
}

fn copy_of(headers: &[(&'static str, String)]) -> Option<(String, RecordId)> {
    let said = |name: &str| headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.clone());
    let topic = TopicId::parse(&said(TOPIC_ID)?)?;
    let (partition, offset) = (said(PARTITION)?.parse().ok()?, said(OFFSET)?.parse().ok()?);
    Some((said(PRODUCT)?, RecordId { topic, partition, offset }))
}
