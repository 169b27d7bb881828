//! What stage 1 has learned since its last flush: by product, and there by window.
//!
//! The next record is nearly always counted where the last one was, so that place is remembered: a record costs no
//! look-up by name, and a window that is found again costs one by its start.

use crate::engine::check::tally::Counts;
use crate::engine::contract::name::ProductName;
use crate::engine::record::WindowStart;
use crate::flow::delta::WindowKey;
use crate::flow::io::Ms;
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;

#[derive(Debug)]
pub struct Learned<T> {
    products: Vec<OfProduct<T>>,
    by_name: BTreeMap<ProductName, usize>,
}

/// What was learned of one product.
#[derive(Debug)]
pub struct OfProduct<T> {
    pub windows: Vec<(WindowKey, T)>,
    by_key: BTreeMap<WindowKey, usize>,
    /// Each record once, by the window that the product's first lens says.
    pub counts: Vec<(WindowStart, Counts)>,
    by_start: BTreeMap<WindowStart, usize>,
}

/// Where the last record that was seen through a lens was counted; nothing but a memory, good until the next flush.
#[derive(Debug)]
pub struct Spot {
    pub key: WindowKey,
    pub product: usize,
    pub window: usize,
    /// Of the product's counts; of a lens that leads.
    pub counts: usize,
    /// Rules known to be violated in this window.
    pub violated: FxHashSet<u32>,
}

impl Spot {
    /// Whether an event of this time is counted here too.
    pub fn holds(&self, event_ms: Ms, window_size_ms: Ms) -> bool {
        (self.key.start..self.key.start.saturating_add(window_size_ms)).contains(&event_ms)
    }
}

impl<T: Default> Learned<T> {
    /// The place of this window, and whether the window is new.
    pub fn spot(&mut self, product: &ProductName, key: WindowKey, leads: bool) -> (Spot, bool) {
        let at = match self.by_name.get(product) {
            Some(at) => *at,
            None => {
                self.by_name.insert(product.clone(), self.products.len());
                self.products.push(OfProduct::default());
                self.products.len() - 1
            }
        };
        let of = &mut self.products[at];
        let known = of.windows.len();
        let window = *of.by_key.entry(key).or_insert(known);
        if window == known {
            of.windows.push((key, T::default()));
        }
        let counts = match leads {
            true => *of.by_start.entry(key.start).or_insert(of.counts.len()),
            false => 0,
        };
        if leads && counts == of.counts.len() {
            of.counts.push((key.start, Counts::default()));
        }
        (Spot { key, product: at, window, counts, violated: FxHashSet::default() }, window == known)
    }

    /// By the number that a spot holds.
    pub fn of(&mut self, product: usize) -> &mut OfProduct<T> {
        &mut self.products[product]
    }

    /// The window that a spot holds; `None` where there is none such any more.
    pub fn at(&mut self, (product, window): (usize, usize)) -> Option<&mut T> {
        self.products.get_mut(product)?.windows.get_mut(window).map(|(_, tally)| tally)
    }

    pub fn is_empty(&self) -> bool {
        self.products.is_empty()
    }

    /// Products of which something was learned.
    pub fn count(&self) -> usize {
        self.by_name.len()
    }

    /// Over all products.
    pub fn windows(&self) -> impl Iterator<Item = &T> {
        self.products.iter().flat_map(|of| &of.windows).map(|(_, tally)| tally)
    }

    pub fn products(&self) -> impl Iterator<Item = &ProductName> {
        self.by_name.keys()
    }

    /// What was learned of a product, by window; `None` where that is nothing, or was taken.
    pub fn take(&mut self, product: &ProductName) -> Option<OfProduct<T>> {
        self.by_name.remove(product).map(|at| std::mem::take(&mut self.products[at]))
    }
}

impl<T> Default for Learned<T> {
    fn default() -> Learned<T> {
        Learned { products: Vec::new(), by_name: BTreeMap::new() }
    }
}

impl<T> Default for OfProduct<T> {
    fn default() -> OfProduct<T> {
        OfProduct { windows: Vec::new(), by_key: BTreeMap::new(), counts: Vec::new(), by_start: BTreeMap::new() }
    }
}
