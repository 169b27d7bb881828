//! The names that records have had, and which came after which: records of one topic mostly have the same fields in the
//! same order, so that a name is known by comparing it with the one that is likely to come.

use crate::engine::decode::fields::{Fields, NOWHERE, Place};
use std::sync::Arc;

/// Names beside the contract's that are remembered: more than records have, where names are no data.
pub const REMEMBERED_MAX: usize = 1_024;
/// And how long they may be.
const NAME_BYTES_MAX: usize = 64;

/// What a reader of JSON remembers from record to record. It changes what a record costs, and nothing of what is found.
#[derive(Debug)]
pub struct Names {
    contract: Arc<Fields>,
    /// The names of its places.
    texts: Arc<[Box<str>]>,
    /// The contract's places, and behind them those that were met beside.
    all: Fields,
    /// By place: which of its members came first, and which member came after it.
    first: Vec<Place>,
    next: Vec<Place>,
}

impl Names {
    pub fn of(contract: &Arc<Fields>) -> Names {
        let all = Fields::clone(contract);
        let (first, next) = (vec![NOWHERE; all.count()], vec![NOWHERE; all.count()]);
        let mut names = Names { contract: contract.clone(), texts: all.names().collect(), all, first, next };
        for place in 0..names.all.count() as Place {
            let mut before = NOWHERE;
            for child in contract.children(place) {
                names.follow(place, before, child);
                before = child;
            }
        }
        names
    }

    pub fn contract(&self) -> &Arc<Fields> {
        &self.contract
    }

    pub fn texts(&self) -> &Arc<[Box<str>]> {
        &self.texts
    }

    /// Places are below this number, those that are still to be remembered included.
    pub fn places_max(&self) -> usize {
        self.contract.count() + REMEMBERED_MAX
    }

    /// Which member of an object at a place is likely to come after the one at `before`, or first (`NOWHERE`).
    #[inline]
    pub fn likely(&self, place: Place, before: Place) -> Place {
        let after = if before == NOWHERE { self.first.get(place as usize) } else { self.next.get(before as usize) };
        after.copied().unwrap_or(NOWHERE)
    }

    /// `"name":`; `None` where it cannot be told by its bytes.
    #[inline]
    pub fn written(&self, place: Place) -> Option<&[u8]> {
        self.all.written(place)
    }

    /// The place of a member that came after the one at `before`; `NOWHERE`: it is not remembered.
    pub fn meet(&mut self, place: Place, before: Place, name: &str) -> Place {
        let mut child = self.all.child(place, name);
        if child == NOWHERE && name.len() <= NAME_BYTES_MAX {
            child = self.remember(|all| all.grow(place, Some(name)));
        }
        if child != NOWHERE {
            self.follow(place, before, child);
        }
        child
    }

    /// What the items of an array at a place are.
    pub fn items(&mut self, place: Place) -> Place {
        match self.all.items(place) {
            NOWHERE => self.remember(|all| all.grow(place, None)),
            known => known,
        }
    }

    fn remember(&mut self, grow: impl FnOnce(&mut Fields) -> Place) -> Place {
        if self.all.count() >= self.places_max() {
            return NOWHERE;
        }
        let new = grow(&mut self.all);
        self.first.resize(self.all.count(), NOWHERE);
        self.next.resize(self.all.count(), NOWHERE);
        new
    }

    fn follow(&mut self, place: Place, before: Place, child: Place) {
        let after =
            if before == NOWHERE { self.first.get_mut(place as usize) } else { self.next.get_mut(before as usize) };
        if let Some(after) = after {
            *after = child;
        }
    }
}
