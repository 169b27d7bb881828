//! What must hold of everything that is committed, after every step (I1 to I9).

use crate::sim::engine;
use crate::sim::events::Said;
use crate::sim::fold::Fold;
use crate::sim::judge::RecordId;
use crate::sim::log::Log;
use crate::sim::process::Stage;
use crate::sim::quarantine::Copies;
use crate::sim::shape::Op;
use crate::sim::txn::State;
use crate::sim::world::{DELTAS, EVENTS, INSPECTORS, LEDGERS, STATE, World};
use mesh_steward::engine::contract::name::ProductName;
use mesh_steward::engine::record::{Interval, Offset, TopicId};
use mesh_steward::flow::delta::{Delta, Report, decode};
use mesh_steward::flow::history::is_history;
use mesh_steward::flow::io::{Exit, Part};
use mesh_steward::flow::state::{PartitionState, ProductState, partition_key};
use std::collections::BTreeMap;

/// A broken invariant; shrinking keeps a tape only if the same one breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub invariant: &'static str,
    pub text: String,
}

pub fn broken<T>(invariant: &'static str, text: String) -> Result<T, Failure> {
    Err(Failure { invariant, text })
}

/// Where a product's chain of one partition stands, by the committed deltas.
pub type Tiles = BTreeMap<(ProductName, TopicId, i32), Interval>;

/// What a task says that takes itself for one of two with the same ids.
pub const TWINS: &str = "two workers use one id";

/// The committed view so far.
#[derive(Default)]
pub struct Watch {
    /// By delta partition.
    folds: BTreeMap<i32, Fold>,
    pub tiles: Tiles,
    /// Records in committed deltas, over all products.
    counted: u64,
    pub products: BTreeMap<ProductName, ProductState>,
    partitions: BTreeMap<i32, PartitionState>,
    state_read: BTreeMap<i32, Offset>,
    pub said: Said,
    copies: Copies,
    /// Committed offsets never fall.
    offsets: BTreeMap<(TopicId, i32), Offset>,
    shown: BTreeMap<ProductName, u64>,
    inspected: u64,
    /// Offsets were deleted on purpose: intervals wholly behind the chain may follow.
    forgetful: bool,
    /// Deltas were deleted on purpose: the fold has holes.
    pub holes: bool,
    /// What tasks exited with.
    pub exits: Vec<String>,
}

impl Watch {
    pub fn of(world: &World<'_>) -> Watch {
        let planned = |op: fn(&Op) -> bool| world.shape.plan.iter().any(|(_, o)| op(o));
        Watch {
            forgetful: planned(|op| matches!(op, Op::ForgetOffsets | Op::Rewind(_))),
            holes: planned(|op| matches!(op, Op::DeleteDeltas)),
            ..Watch::default()
        }
    }

    /// After every step.
    pub fn always(&mut self, world: &mut World<'_>) -> Result<(), Failure> {
        if let Some(text) = world.broker.unsound.pop() {
            return broken("I5: only owners commit", text);
        }
        if let Some(text) = world.twins.quarrels.pop() {
            return broken("liveness: no ping-pong", text);
        }
        if let Some(text) = world.unbounded.pop() {
            return broken("I7: bounds", text);
        }
        for slot in &mut world.slots {
            if let Some(text) = slot.client.producer.misuse.pop() {
                return broken("I7: calls in turn", format!("{}: {text}", slot.label));
            }
            for publication in slot.client.published.drain(..) {
                if matches!(slot.stage, Stage::Inspector(_)) {
                    self.inspected += publication.records;
                }
                for update in publication.products {
                    *self.shown.entry(update.product).or_insert(0) += update.records;
                }
            }
        }
        for (task, exit) in world.exits.drain(..) {
            let Exit::Fatal(text) = &exit else { return broken("no task exits", format!("{exit:?}")) };
            self.exits.push(text.clone());
            // Two time-outs within a minute look like two workers; the restart heals it.
            if !text.contains(TWINS) {
                return broken("no task exits", format!("{}: {text}", world.slots[task].label));
            }
        }
        Ok(())
    }

    /// After a step that may have committed something; looks only where no marker is still to be written.
    pub fn committed(&mut self, world: &World<'_>) -> Result<(), Failure> {
        if world.broker.coordinator.busy(|s| matches!(s, State::PrepareCommit | State::PrepareAbort)) {
            return Ok(());
        }
        for partition in 0..world.shape.delta_partitions {
            self.read_deltas(world, partition)?;
            self.read_state(world, partition)?;
        }
        // Above an open transaction committed records are hidden, and offsets are not.
        let whole = |topic: &str| {
            world.broker.topics.live.get(topic).is_some_and(|t| t.partitions.iter().all(|l| l.stable() == l.end()))
        };
        let (deltas, state, events) = (whole(DELTAS), whole(STATE), whole(EVENTS));
        if deltas {
            if !world.shape.real {
                self.copies.look(&world.broker.topics, self.forgetful)?;
            }
            self.offsets_match(world)?;
        }
        for partition in (0..world.shape.delta_partitions).filter(|_| state) {
            self.ledger_matches(world, partition)?;
        }
        if !(deltas && state && events) {
            return Ok(());
        }
        if let Some(log) = world.broker.topics.log(EVENTS, 0) {
            self.said.read(log, &self.folds)?;
        }
        self.said.incidents_match(&self.products)?;
        for (product, shown) in &self.shown {
            let total = self.products.get(product).map_or(0, |s| s.totals.records);
            if *shown > total {
                return broken(
                    "I8: counters after commit",
                    format!("{product}: {shown} records shown, {total} committed"),
                );
            }
        }
        if self.inspected > self.counted {
            return broken(
                "I8: counters after commit",
                format!("{} records inspected, {} in deltas", self.inspected, self.counted),
            );
        }
        Ok(())
    }

    fn read_deltas(&mut self, world: &World<'_>, partition: i32) -> Result<(), Failure> {
        let Some(log) = world.broker.topics.log(DELTAS, partition) else { return Ok(()) };
        let mut fold = self.folds.remove(&partition).unwrap_or_default();
        while fold.read < log.stable() {
            let entry = &log.entries[fold.read as usize];
            if entry.visible() {
                let bytes = entry.data.value.as_deref().unwrap_or_default();
                let named = if world.shape.real { engine::nameless(bytes) } else { decode("a delta", bytes) };
                let Ok(delta) = named else {
                    return broken("deltas are readable", format!("offset {}", fold.read));
                };
                let reports: Vec<(ProductName, Vec<Report>)> = match &delta {
                    Delta::Product(d) => {
                        self.copies.count(d);
                        self.counted +=
                            d.windows.iter().flat_map(|(_, n)| n.times.values()).map(|t| u64::from(*t)).sum::<u64>();
                        vec![(d.product.clone(), d.reports.clone().map(|r| r.partitions).unwrap_or_default())]
                    }
                    Delta::Idle(all) => all.iter().map(|(p, r)| (p.clone(), r.partitions.clone())).collect(),
                };
                for (product, reports) in reports {
                    for report in reports {
                        self.tile(world, &product, &report)?;
                    }
                }
                fold.deltas.push((fold.read, entry.data.timestamp_ms, delta));
            }
            fold.read += 1;
        }
        self.folds.insert(partition, fold);
        Ok(())
    }

    /// I1.
    fn tile(&mut self, world: &World<'_>, product: &ProductName, report: &Report) -> Result<(), Failure> {
        let Interval { from, to } = report.interval;
        let key = (product.clone(), report.id, report.partition);
        let Some(tile) = self.tiles.get_mut(&key) else {
            self.tiles.insert(key, report.interval);
            return Ok(());
        };
        let what = || format!("{product} {} of id {}: [{from}, {to}) after {}", report.topic, report.id.0, tile.to);
        if from < tile.to {
            if self.forgetful && to <= tile.to {
                return Ok(());
            }
            return broken("I1: deltas tile", format!("overlap: {}", what()));
        }
        if from > tile.to && !gone(world, report.id, report.partition, from) {
            return broken("I1: deltas tile", format!("hole: {}", what()));
        }
        tile.to = to;
        Ok(())
    }

    fn read_state(&mut self, world: &World<'_>, partition: i32) -> Result<(), Failure> {
        let Some(log) = world.broker.topics.log(STATE, partition) else { return Ok(()) };
        let read = self.state_read.entry(partition).or_insert(0);
        for entry in log.entries[*read as usize..log.stable() as usize].iter().filter(|e| e.visible()) {
            let bytes = entry.data.value.as_deref().unwrap_or_default();
            if entry.data.key == Some(partition_key(partition)) {
                if let Ok(state) = decode::<PartitionState>("state", bytes) {
                    self.partitions.insert(partition, state);
                }
            } else if !is_history(entry.data.key.as_deref().unwrap_or_default())
                && let Ok(state) = decode::<ProductState>("state", bytes)
            {
                if let Some(old) = self.products.get(&state.product)
                    && (old.closed_through > state.closed_through || old.watermark_ms > state.watermark_ms)
                {
                    let text = format!(
                        "{}: closed {:?} then {:?}, watermark {:?} then {:?}",
                        state.product, old.closed_through, state.closed_through, old.watermark_ms, state.watermark_ms
                    );
                    return broken("I6: time never falls", text);
                }
                self.products.insert(state.product.clone(), state);
            }
        }
        *read = log.stable();
        Ok(())
    }

    /// I2.
    fn offsets_match(&mut self, world: &World<'_>) -> Result<(), Failure> {
        for (name, topic) in &world.broker.topics.live {
            let readers: Vec<_> = world.shape.contracts.products.iter().filter(|p| p.topics.contains(name)).collect();
            for p in 0..topic.partitions.len() as i32 {
                let Some(found) = world.broker.offsets.get(INSPECTORS, &Part::new(name, p)) else { continue };
                if readers.is_empty() {
                    continue;
                }
                let Some(id) = TopicId::parse(&found.metadata) else {
                    return broken(
                        "I2: offsets are what deltas cover",
                        format!("{name}/{p}@{} {:?}: not ours", found.offset, found.metadata),
                    );
                };
                if id != topic.id {
                    continue;
                }
                for product in &readers {
                    let to = self.tiles.get(&(product.name.clone(), id, p)).map(|t| t.to);
                    let rewound = self.forgetful && to.is_some_and(|to| found.offset < to);
                    if to != Some(found.offset) && !rewound {
                        let text = format!(
                            "{name}/{p}: committed {}, deltas of {} cover up to {to:?}",
                            found.offset, product.name
                        );
                        return broken("I2: offsets are what deltas cover", text);
                    }
                }
                let before = self.offsets.insert((id, p), found.offset).unwrap_or(0);
                if before > found.offset && !self.forgetful {
                    return broken("I2: offsets never fall", format!("{name}/{p}: {before}, then {}", found.offset));
                }
            }
        }
        Ok(())
    }

    /// I3.
    fn ledger_matches(&mut self, world: &World<'_>, partition: i32) -> Result<(), Failure> {
        const I3: &str = "I3: the state is the fold of its deltas";
        let part = Part::new(&DELTAS.into(), partition);
        let committed = world.broker.offsets.get(LEDGERS, &part);
        let Some(state) = self.partitions.get(&partition) else {
            return match committed {
                Some(c) => broken(I3, format!("{part}: committed {c:?} without a state record")),
                None => Ok(()),
            };
        };
        match &committed {
            None if self.forgetful => {}
            None => return broken(I3, format!("{part}: a state record without an offset")),
            Some(c) => {
                let metadata = format!("{} {}", state.applied, state.deltas);
                if c.metadata != metadata || c.offset != state.low {
                    return broken(I3, format!("{part}: committed {c:?}, state {state:?}"));
                }
            }
        }
        let Some(fold) = self.folds.get_mut(&partition) else { return Ok(()) };
        let start = world.broker.topics.log(DELTAS, partition).map_or(0, |l: &Log| l.start);
        fold.advance(state.applied);
        fold.matches(state, start, &self.products, self.holes)
    }

    /// How often a product counted each record, in events.
    pub fn observed(&self, product: &ProductName) -> Option<&BTreeMap<RecordId, u32>> {
        self.said.observed.get(product)
    }
}

/// Whether everything before `offset` of that topic was deleted.
pub fn gone(world: &World<'_>, id: TopicId, partition: i32, offset: Offset) -> bool {
    let live = world.broker.topics.live.values().find(|t| t.id == id);
    live.is_none_or(|t| t.partitions.get(partition as usize).is_none_or(|log| log.start >= offset))
}
