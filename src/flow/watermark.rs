//! How far a product's time has come: the minimum over all its partitions, reported or not.

use crate::flow::delta::Extent;
use crate::flow::io::Ms;
use crate::flow::mutation::{Mutation, planted};
use crate::flow::state::Chain;

/// The product's watermark; `None` as long as one of its topics does not exist or one partition was not reported yet. One that it only
/// refers to need not exist: what looks for keys there says so.
pub fn watermark(chains: &[Chain], topics: &[Extent], only_refers: &dyn Fn(&str) -> bool) -> Option<Ms> {
    if planted(Mutation::PartitionCountIgnored) {
        return chains.iter().filter_map(|c| c.watermark_ms).min();
    }
    let mut lowest = None;
    for topic in topics {
        let id = match topic.id {
            Some(id) => id,
            None if only_refers(&topic.topic) => continue,
            None => return None,
        };
        for partition in 0..topic.partitions {
            let chain = chains.iter().find(|c| c.id == id && c.partition == partition)?;
            let time = chain.watermark_ms?;
            lowest = Some(lowest.map_or(time, |l: Ms| l.min(time)));
        }
    }
    lowest
}

/// The topics of a product as the newest report has them. A partition count never falls under one topic id: an owner
/// that looked earlier may report later.
pub fn update_topics(known: &mut Vec<Extent>, reported: &[Extent]) {
    if reported.is_empty() {
        return;
    }
    let mut fresh = reported.to_vec();
    for topic in &mut fresh {
        if let Some(old) = known.iter().find(|k| k.topic == topic.topic && k.id == topic.id) {
            topic.partitions = topic.partitions.max(old.partitions);
        }
    }
    *known = fresh;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::record::TopicId;

    fn chain(partition: i32, watermark_ms: Option<Ms>) -> Chain {
        let (topic, id) = ("orders".to_string(), TopicId(1));
        Chain { topic, id, partition, from: 0, to: 1, watermark_ms, caught_up: false }
    }

    fn check(watermarks: &[Option<Ms>], partitions: i32, expected: Option<Ms>) {
        let chains: Vec<_> = watermarks.iter().enumerate().map(|(p, w)| chain(p as i32, *w)).collect();
        let topics = [Extent { topic: "orders".into(), id: Some(TopicId(1)), partitions }];
        assert_eq!(watermark(&chains, &topics, &|_| false), expected, "{watermarks:?} of {partitions}");
    }

    #[test]
    fn the_slowest_partition_sets_the_time_and_one_that_nobody_reported_stops_it() {
        check(&[Some(7), Some(5)], 2, Some(5));
        check(&[Some(7), None], 2, None);
        check(&[Some(7)], 2, None);
        check(&[], 0, None);
        let missing = |topic: &str| Extent { topic: topic.into(), id: None, partitions: 0 };
        assert_eq!(watermark(&[chain(0, Some(7))], &[missing("orders")], &|_| false), None);
        let there = Extent { topic: "orders".into(), id: Some(TopicId(1)), partitions: 1 };
        let only_refers = |topic: &str| topic == "customers";
        assert_eq!(watermark(&[chain(0, Some(7))], &[there, missing("customers")], &only_refers), Some(7));
    }

    #[test]
    fn a_late_report_of_fewer_partitions_changes_nothing() {
        let extent = |id, partitions| Extent { topic: "orders".into(), id: Some(TopicId(id)), partitions };
        let mut known = vec![extent(1, 4)];
        update_topics(&mut known, &[extent(1, 2)]);
        assert_eq!(known, [extent(1, 4)]);
        update_topics(&mut known, &[extent(2, 1)]);
        assert_eq!(known, [extent(2, 1)], "a topic that was created again has its own count");
        update_topics(&mut known, &[]);
        assert_eq!(known, [extent(2, 1)]);
    }
}
