//! Bounds of memory and of patience (I7): what a task holds, and how long it keeps its group waiting.

use crate::sim::shape::{FLUSH_MS, GRACE_MS, MAX_OPEN_MS, WINDOW_MS};
use mesh_steward::flow::io::Ms;
use mesh_steward::flow::stage::Held;

/// A step of a flush is given up after 30 s and its last call's 5 s; two steps in a row may wait so long. Then recovery
/// drops what is held, and answers the group.
pub const PATIENCE_MS: Ms = 70_000;
/// How far apart the event times of a product's records can be in memory: data is 90 s late at most, a window is open
/// for a minute after its time, and what cannot be flushed waits.
const SPAN_MS: Ms = 90_000 + WINDOW_MS + GRACE_MS + MAX_OPEN_MS + FLUSH_MS + PATIENCE_MS;
/// A product has two contract versions at most.
pub const WINDOWS_MAX: usize = 2 * (SPAN_MS / WINDOW_MS) as usize;
/// Time between two looks counts up to this: a process that stands still does not wait.
const LOOK_MS: Ms = 200;

/// One task's patience so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    looked_ms: Ms,
    /// More bytes than a flush takes have waited for so long.
    heavy_ms: Ms,
    /// The group has waited for so long for the task to take up or give back what it was told.
    rebalance_ms: Ms,
}

impl Bounds {
    /// After every input; what is broken.
    pub fn look(
        &mut self,
        now: Ms,
        held: Held,
        flush_bytes: usize,
        products: usize,
        rebalancing: bool,
    ) -> Option<String> {
        let since_ms = (now - self.looked_ms).min(LOOK_MS);
        self.looked_ms = now;
        self.heavy_ms = if held.bytes > flush_bytes { self.heavy_ms + since_ms } else { 0 };
        self.rebalance_ms = if rebalancing { self.rebalance_ms + since_ms } else { 0 };
        if held.windows > WINDOWS_MAX * products {
            return Some(format!("{} windows of {products} products in memory", held.windows));
        }
        if self.heavy_ms > PATIENCE_MS {
            return Some(format!(
                "{} bytes have waited for {} ms, a flush takes {flush_bytes}",
                held.bytes, self.heavy_ms
            ));
        }
        (self.rebalance_ms > PATIENCE_MS).then(|| format!("a rebalance has waited for {} ms", self.rebalance_ms))
    }
}

#[test]
fn what_grows_without_end_breaks_its_bound() {
    let check = |held: Held, rebalancing: bool| {
        let mut bounds = Bounds { looked_ms: 0, ..Bounds::default() };
        (1..=800).find_map(|i| bounds.look(i * 100, held, 600, 2, rebalancing).map(|_| i * 100))
    };
    let held = |windows, bytes| Held { windows, bytes };
    assert_eq!(check(held(2 * WINDOWS_MAX, 600), false), None);
    assert_eq!(check(held(2 * WINDOWS_MAX + 1, 0), false), Some(100));
    assert_eq!(check(held(1, 601), false), Some(PATIENCE_MS + 100));
    assert_eq!(check(held(1, 1), true), Some(PATIENCE_MS + 100));
}
