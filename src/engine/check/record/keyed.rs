//! The keys of the record that was just examined, for whoever remembers where each was seen.

use crate::engine::check::mask::Mask;
use crate::engine::check::record::{Examiner, KeyFinding, What};
use crate::engine::decode::fields::Place;
use crate::engine::decode::tree::Value;

impl Examiner {
    /// Each key with the number of its rule, and what a sample shows of it.
    pub fn each_key(&self, mut see: impl FnMut(u32, u64, &dyn Fn() -> Mask)) {
        if !matches!(self.found.what, What::Decoded) {
            return;
        }
        for KeyFinding { rule, key, shown } in &self.found.keys {
            see(*rule, *key, &|| mask(self.decoder.again(), *shown));
        }
    }
}

/// Of the field where a key of one field stands.
pub fn mask(record: Value<'_>, place: Option<Place>) -> Mask {
    place.and_then(|place| record.at(place)).map_or(Mask::Nothing, Mask::of)
}
