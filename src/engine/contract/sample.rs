//! `steward.sample`: of a huge topic, the records that are profiled and asked the rules. All are read, counted and decoded.
//!
//! Whether a record is taken follows from where it stands, so that whoever reads it again takes the same.

use crate::engine::contract::plan::Check;
use crate::engine::record::{Offset, Position, TopicId};

/// A share of all records, above 0 and below 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    share: f64,
    /// A record is taken whose draw is below this, of 2^64.
    below: u64,
}

/// What decides over the records of one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Draw(u64);

/// Smaller shares take of a topic of a million records a minute less than one.
pub const SHARE_MIN: f64 = 1e-6;

const ALL: f64 = 18_446_744_073_709_551_616.0; // 2^64

/// The odd number nearest to 2^64 over the golden ratio (Steele, Lea, Flood 2014, *Fast Splittable Pseudorandom Number
/// Generators*, SplitMix): offsets times this are the states of a generator of period 2^64.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// No share is NaN.
impl Eq for Sampling {}

impl Sampling {
    /// `None`: it is no such share.
    pub fn of(share: f64) -> Option<Sampling> {
        (SHARE_MIN..1.0).contains(&share).then_some(Sampling { share, below: (share * ALL) as u64 })
    }

    /// 0 to 1.
    pub fn share(self) -> f64 {
        self.share
    }

    pub fn takes(self, draw: Draw, offset: Offset) -> bool {
        mix(draw.0.wrapping_add((offset as u64).wrapping_mul(GOLDEN))) < self.below
    }

    /// As people write it: `1 %`.
    pub fn percent(self) -> String {
        format!("{} %", (self.share() * 1e8).round() / 1e6)
    }
}

/// Why a rule cannot be measured in a sample; `None`: it can.
pub fn unmeasured(check: &Check, sample: Sampling) -> Option<String> {
    let percent = sample.percent();
    match check {
        Check::Query(_) => Some(format!("a query is about all records, and a sample of {percent} does not hold them")),
        Check::Refers(_) => {
            Some(format!("a key that is referred to may be outside of a sample of {percent} of the records"))
        }
        _ => None,
    }
}

impl Draw {
    pub fn of(at: Position) -> Draw {
        let TopicId(id) = at.topic;
        let parts = [(id >> 64) as u64, id as u64, at.partition as u64];
        Draw(parts.into_iter().fold(0, |state, part| mix(state.wrapping_add(GOLDEN) ^ part)))
    }
}

/// SplitMix's finaliser: each bit of the input turns each of the output with even odds.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(share: f64, at: Position, offsets: std::ops::Range<Offset>) -> Vec<Offset> {
        let (sample, draw) = (Sampling::of(share).expect("a share"), Draw::of(at));
        offsets.filter(|offset| sample.takes(draw, *offset)).collect()
    }

    const AT: Position = Position { topic: TopicId(7 << 64 | 9), partition: 3 };

    #[test]
    fn it_takes_its_share_of_any_run_of_offsets_and_the_same_again() {
        for share in [0.001, 0.01, 0.1, 0.5, 0.9] {
            for partition in 0..8 {
                let at = Position { partition, ..AT };
                let found = taken(share, at, 0..100_000);
                assert_eq!(found, taken(share, at, 0..100_000));
                // Five standard deviations of a binomial distribution.
                let (expected, deviation) = (1e5 * share, (1e5 * share * (1.0 - share)).sqrt());
                let distance = (found.len() as f64 - expected).abs();
                assert!(distance < 5.0 * deviation, "{share} of partition {partition}: {}", found.len());
                // Every tenth record is as likely as any other.
                let tenth = found.iter().filter(|offset| **offset % 10 == 0).count() as f64;
                assert!((tenth - expected / 10.0).abs() < 5.0 * deviation, "{share}: {tenth}");
            }
        }
    }

    #[test]
    fn topics_and_partitions_draw_for_themselves_and_a_larger_share_holds_a_smaller_one() {
        let here = taken(0.1, AT, 0..10_000);
        for other in [
            Position { partition: 4, ..AT },
            Position { topic: TopicId(8 << 64 | 9), ..AT },
            Position { topic: TopicId(7 << 64 | 10), ..AT },
        ] {
            let common = taken(0.1, other, 0..10_000).into_iter().filter(|offset| here.contains(offset)).count();
            // A tenth of a tenth is 100, with a deviation of 10.
            assert!((50..150).contains(&common), "{other:?}: {common}");
        }
        let larger = taken(0.2, AT, 0..10_000);
        assert!(here.iter().all(|offset| larger.contains(offset)));
    }

    #[test]
    fn a_share_is_above_nothing_and_below_all_and_is_told_as_it_was_written() {
        for (share, percent) in
            [(0.01, "1 %"), (0.1, "10 %"), (0.0005, "0.05 %"), (0.333, "33.3 %"), (1e-6, "0.0001 %")]
        {
            let sample = Sampling::of(share).expect("a share");
            assert_eq!((sample.share(), sample.percent().as_str()), (share, percent));
        }
        for none in [0.0, 1.0, 1.5, -0.1, 1e-9, f64::NAN] {
            assert_eq!(Sampling::of(none), None, "{none}");
        }
    }
}
