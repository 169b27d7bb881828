//! Brute force, at rest: every record of every log, against what the events counted, deleted or called too late.

use crate::sim::engine;
use crate::sim::events::Gap;
use crate::sim::invariants::{Watch, gone};
use crate::sim::judge::RecordId;
use crate::sim::log::Log;
use crate::sim::shape::WINDOW_MS;
use crate::sim::world::World;
use mesh_steward::engine::record::{Offset, window_of};

/// Why the run is not accounted for yet; `final_only` also asks for what can only be said at the end.
pub fn unaccounted(world: &World<'_>, watch: &Watch, at_the_end: bool) -> Option<String> {
    let open = |log: &Log| log.stable() < log.end();
    if world.broker.topics.live.values().any(|t| t.partitions.iter().any(open)) && !at_the_end {
        return Some("a transaction is open".to_owned());
    }
    if world.shape.real {
        return engine::unaccounted(world, watch);
    }
    for product in &world.shape.contracts.products {
        let mut missing = Vec::new();
        let late = watch.products.get(&product.name).map_or(0, |s| s.totals.late);
        for (name, topic) in world.broker.topics.ever().filter(|(name, _)| product.topics.contains(name)) {
            for (p, log) in topic.partitions.iter().enumerate() {
                let partition = p as i32;
                let tile = watch.tiles.get(&(product.name.clone(), topic.id, partition));
                let gaps: Vec<&Gap> = watch
                    .said
                    .gaps
                    .iter()
                    .filter(|g| g.product == product.name && g.id == topic.id && g.partition == partition)
                    .collect();
                for (o, _) in log.entries.iter().enumerate().filter(|(_, e)| e.visible()) {
                    let offset = o as Offset;
                    let id = RecordId { topic: topic.id, partition, offset };
                    let times = watch.observed(&product.name).and_then(|c| c.get(&id)).copied().unwrap_or(0);
                    let in_gap = gaps.iter().any(|g| g.from <= offset && g.to.is_none_or(|to| offset < to));
                    let deleted = gone(world, topic.id, partition, offset + 1);
                    let promised = tile.is_some_and(|t| t.from <= offset);
                    match (times, in_gap) {
                        (1, false) => {}
                        (0, true) if deleted => {}
                        (0, true) => {
                            return Some(format!("{} {name} {id} is in a gap and was not deleted", product.name));
                        }
                        (0, false) if deleted && !promised => {}
                        (0, false) => missing.push(id),
                        _ => {
                            return Some(format!(
                                "{} {name} {id} counted {times} times, in a gap {in_gap}",
                                product.name
                            ));
                        }
                    }
                }
                if let (true, Some(text)) = (at_the_end, gaps.iter().find_map(|g| odd(world, g))) {
                    return Some(text);
                }
            }
        }
        if missing.len() as u64 != late && !watch.holes {
            let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
            return Some(format!("{}: not counted {names:?}, too late {late}", product.name));
        }
    }
    for window in watch.said.windows.iter().filter(|_| at_the_end) {
        for id in window.names.keys() {
            let topic = world.broker.topics.ever().find(|(_, t)| t.id == id.topic).map(|(_, t)| t);
            let log = topic.and_then(|t| t.partitions.get(id.partition as usize));
            let at = log.and_then(|l| l.entries.get(id.offset as usize)).map(|e| e.data.timestamp_ms);
            if at.map(|at| window_of(at, WINDOW_MS)) != Some(window.start_ms) {
                return Some(format!("{id} at {at:?} was counted in the window of {}", window.start_ms));
            }
        }
    }
    None
}

/// A gap that names offsets which were not deleted.
fn odd(world: &World<'_>, gap: &Gap) -> Option<String> {
    let deleted = match gap.to {
        Some(to) => gone(world, gap.id, gap.partition, to),
        None => world.broker.topics.live.values().all(|t| t.id != gap.id),
    };
    (!deleted).then(|| format!("{gap:?} names offsets that were not deleted"))
}
