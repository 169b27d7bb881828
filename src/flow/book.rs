//! One delta partition in the ledger: its products, and the parts of deltas that wait for their last.

use crate::engine::contract::name::ProductName;
use crate::engine::record::{Offset, TopicId};
use crate::flow::delta::{Delta, ProductDelta, Reports, WindowKey, decode};
use crate::flow::history::ProductHistory;
use crate::flow::io::Ms;
use crate::flow::judge::{Judge, Merge};
use crate::flow::mutation::{Mutation, planted};
use crate::flow::product::Product;
use crate::flow::rebuild::Turn;
use crate::flow::state::{PartitionState, ProductState};
use crate::flow::tell::Teller;
use crate::flow::window::At;
use std::collections::{BTreeMap, BTreeSet};

/// Windows are looked at for their age alone this often, by the log's clock.
const SWEEP_EVERY_MS: Ms = 1_000;
/// Without transactions a crash may leave parts of a delta whose last never comes. A flush sends for 6 s and then gives
/// up; after ten times that nothing of it is on its way any more.
const TORN_MS: Ms = 60_000;

/// One delta partition.
pub struct Book<T> {
    pub id: TopicId,
    /// Next delta to apply.
    pub next: Offset,
    /// What is before this was applied by an earlier transaction.
    pub applied: Offset,
    pub products: BTreeMap<ProductName, Product<T>>,
    /// Products that the next transaction writes.
    pub touched: BTreeSet<ProductName>,
    /// Parts of deltas whose last part has not come yet, by flush.
    pub pieces: BTreeMap<(String, u64), Pieces<T>>,
    pub append_ms: Ms,
    /// When windows were last looked at for their age alone.
    pub swept_ms: Ms,
    pub dirty: bool,
    /// Restored, and not shown since: the next commit shows every product, moved or not.
    pub unshown: bool,
    /// What the state topic holds of this partition: a commit without new deltas repeats it.
    pub written: Option<PartitionState>,
}

pub struct Pieces<T> {
    pub first: Offset,
    /// Parts that have come.
    pub parts: u32,
    /// When the first came, by the log's clock.
    pub since_ms: Ms,
    pub windows: Vec<(WindowKey, T)>,
}

impl<T: Merge> Book<T> {
    /// One message of the log. The parts of a delta wait for their last and are applied as one.
    pub fn delta<J: Judge<Tally = T>>(&mut self, tell: &Teller<'_, J>, offset: Offset, append_ms: Ms, delta: Delta<T>) {
        match delta {
            Delta::Idle(products) => {
                let at = At { first: offset, last: offset, append_ms };
                for (product, reports) in products {
                    if !self.replays(&product, offset) {
                        self.apply(tell, &at, product, Vec::new(), &reports);
                    }
                }
            }
            Delta::Product(ProductDelta { product, windows, part, reports, flush }) => {
                let fresh = || Pieces { first: offset, parts: 0, since_ms: append_ms, windows: Vec::new() };
                let mut pieces = self.pieces.remove(&flush).unwrap_or_else(fresh);
                if pieces.parts != part {
                    // The rest of a torn flush: nothing of it was committed, and all of it is read again.
                    return;
                }
                pieces.parts += 1;
                pieces.windows.extend(windows);
                let reports = match reports {
                    None if planted(Mutation::WatermarkInFirstPart) => Reports::default(),
                    None => {
                        self.pieces.insert(flush, pieces);
                        return;
                    }
                    Some(reports) => reports,
                };
                let at = At { first: pieces.first, last: offset, append_ms };
                if self.replays(&product, offset) {
                    let product = self.product(product);
                    product.replay(tell, &at, pieces.windows, &reports);
                } else {
                    self.apply(tell, &at, product, pieces.windows, &reports);
                }
            }
        }
    }

    fn apply<J: Judge<Tally = T>>(
        &mut self,
        tell: &Teller<'_, J>,
        at: &At,
        product: ProductName,
        windows: Vec<(WindowKey, T)>,
        reports: &Reports,
    ) {
        self.touched.insert(product.clone());
        self.product(product).apply(tell, at, windows, reports);
    }

    /// Whether an earlier transaction applied this delta.
    fn replays(&self, product: &ProductName, offset: Offset) -> bool {
        let ahead = self.products.get(product).is_some_and(|p| offset < p.state.applied);
        (offset < self.applied || ahead) && !planted(Mutation::ReplayFeedsChains)
    }

    /// Learns the keys of closed windows from deltas that are read again; true where that was the last of them.
    pub fn learn<J: Judge<Tally = T>>(&mut self, judge: &J, size_ms: Ms, turn: Turn) -> bool {
        let Turn::Deltas { chunk, cut } = turn else { return false };
        let first_ms = chunk.records.first().map(|record| record.timestamp_ms);
        for record in &chunk.records {
            // One that nobody can read stopped the partition when it came.
            let delta = decode::<Delta<T>>("a delta", record.value.as_deref().unwrap_or_default());
            let Ok(Delta::Product(delta)) = delta else { continue };
            if let Some(product) = self.products.get_mut(&delta.product) {
                product.learn(judge, size_ms, &delta.windows);
            }
        }
        for product in self.products.values_mut() {
            product.learnt(judge, first_ms.filter(|_| cut), chunk.done);
        }
        chunk.done
    }

    /// Lets go of parts whose last cannot come any more; only without transactions there are such.
    pub fn drop_torn(&mut self) {
        self.pieces.retain(|_, pieces| self.append_ms - pieces.since_ms < TORN_MS);
    }

    fn product(&mut self, name: ProductName) -> &mut Product<T> {
        let anew = || Product::new(ProductState::new(name.clone()), ProductHistory::new(name.clone()));
        self.products.entry(name.clone()).or_insert_with(anew)
    }

    /// What the events that wait weigh.
    pub fn waiting_bytes(&self) -> usize {
        let moved = self.touched.iter().filter_map(|name| self.products.get(name)).map(|p| &p.moved);
        moved.flat_map(|m| m.events.iter().chain(&m.lineage)).map(|e| e.value.len()).sum()
    }

    pub fn lost(&mut self, size_ms: Ms) {
        // The marks must outlive the next restart, whichever product is heard of first.
        self.touched.extend(self.products.keys().cloned());
        self.dirty = true;
        for product in self.products.values_mut() {
            product.deltas_lost(size_ms);
            product.moved.deltas_lost = true;
        }
    }

    /// Closes windows of products that nobody speaks of any more: their contract is withdrawn, or their topic gone.
    pub fn sweep<J: Judge<Tally = T>>(&mut self, tell: &Teller<'_, J>) {
        if self.append_ms - self.swept_ms < SWEEP_EVERY_MS {
            return;
        }
        self.swept_ms = self.append_ms;
        for (name, product) in &mut self.products {
            let replays = product.state.applied > self.next;
            if !replays && product.is_overdue(tell.window, self.append_ms) {
                product.close(tell, self.append_ms);
                self.touched.insert(name.clone());
            }
        }
    }

    /// The lowest delta that anything still needs.
    pub fn low(&self) -> Offset {
        let needed: Vec<Offset> = self.products.values().filter_map(Product::low).collect();
        let low = match needed.iter().min() {
            Some(first) => *first,
            None => return self.next,
        };
        if planted(Mutation::LowTooHigh) {
            needed.iter().copied().filter(|o| *o > low).min().unwrap_or(self.next)
        } else {
            low
        }
    }
}
