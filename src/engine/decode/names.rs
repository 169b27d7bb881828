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
    /// By place, two each: which of its members came first, and which member came after it.
    after: Vec<Likely>,
}

/// A member that is likely to come, and how it would be written. `Likely::default()` never comes.
#[derive(Clone, Debug, Default)]
pub struct Likely {
    place: Place,
    /// Of `"name":`; 0 where it cannot be told by its bytes.
    len: usize,
    /// The first 24 bytes, and which bits of them count.
    words: [u64; WORDS],
    masks: [u64; WORDS],
    /// All of them, for those that are longer, or that the end of the record stands close behind.
    written: Box<[u8]>,
}

/// Names of up to 21 bytes are compared as three words, without a call.
const WORDS: usize = 3;
const WORDS_BYTES: usize = 8 * WORDS;

impl Names {
    pub fn of(contract: &Arc<Fields>) -> Names {
        let all = Fields::clone(contract);
        let after = vec![Likely::default(); 2 * all.count()];
        let mut names = Names { contract: contract.clone(), texts: all.names().collect(), all, after };
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

    /// The member of an object at a place that is likely to come after the one at `before`, or first (`NOWHERE`).
    #[inline(always)]
    pub fn likely(&self, place: Place, before: Place) -> Option<&Likely> {
        self.after.get(after(place, before))
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
        self.after.resize(2 * self.all.count(), Likely::default());
        new
    }

    fn follow(&mut self, place: Place, before: Place, child: Place) {
        if let Some(likely) = self.after.get_mut(after(place, before)) {
            *likely = Likely::of(child, self.all.written(child).unwrap_or_default());
        }
    }
}

/// Where it stands in `Names::after`.
#[inline(always)]
fn after(place: Place, before: Place) -> usize {
    if before == NOWHERE { place as usize * 2 } else { before as usize * 2 + 1 }
}

impl Likely {
    fn of(place: Place, written: &[u8]) -> Likely {
        let mut likely = Likely { place, len: written.len(), written: written.into(), ..Likely::default() };
        for (at, byte) in written.iter().take(WORDS_BYTES).enumerate() {
            likely.words[at / 8] |= u64::from(*byte) << (at % 8 * 8);
            likely.masks[at / 8] |= 0xFF << (at % 8 * 8);
        }
        likely
    }

    /// Its place, and how long its name is with quotes and colon, where these bytes begin with it.
    #[inline(always)]
    pub fn begins(&self, bytes: &[u8]) -> Option<(Place, usize)> {
        let is = match bytes.first_chunk::<WORDS_BYTES>() {
            Some(chunk) if self.len <= WORDS_BYTES => {
                let (words, _) = chunk.as_chunks::<8>();
                let differs = |i: usize| (u64::from_le_bytes(words[i]) ^ self.words[i]) & self.masks[i];
                differs(0) | differs(1) | differs(2) == 0
            }
            _ => bytes.starts_with(&self.written),
        };
        (is && self.len > 0).then_some((self.place, self.len))
    }
}
