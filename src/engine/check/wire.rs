//! A rule's counts as deltas hold them: two numbers and one optional thing. Keys stand there as they always did, so that
//! what was written before there were aggregates and times reads as it was meant.

use crate::engine::check::aggregate::Aggregate;
use crate::engine::check::keys::{Distinct, Keys};
use crate::engine::check::sla::Times;
use crate::engine::check::tally::RuleTally;
use crate::engine::profile::sketch::Held;
use datasketches::hll::HllSketch;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The numbers of the variants behind those of `Keys`.
const AGGREGATES: u32 = 2;
const TIMES: u32 = 3;

#[derive(Deserialize)]
struct Read {
    asked: u64,
    failed: u64,
    more: Option<More>,
}

/// The variants of `Keys`, and two more.
#[derive(Deserialize)]
enum More {
    Exact(Distinct),
    Many(Held<HllSketch>),
    Aggregates(Vec<Aggregate>),
    Times(Box<Times>),
}

enum Written<'a> {
    Keys(&'a Keys),
    Aggregates(&'a [Aggregate]),
    Times(&'a Times),
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Written::Keys(keys) => keys.serialize(serializer),
            Written::Aggregates(all) => serializer.serialize_newtype_variant("Keys", AGGREGATES, "Aggregates", all),
            Written::Times(times) => serializer.serialize_newtype_variant("Keys", TIMES, "Times", times),
        }
    }
}

impl Serialize for RuleTally {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let more = match (&self.keys, self.aggregates.as_slice(), &self.times) {
            (Some(keys), ..) => Some(Written::Keys(keys)),
            (None, [], Some(times)) => Some(Written::Times(times)),
            (None, [], None) => None,
            (None, aggregates, _) => Some(Written::Aggregates(aggregates)),
        };
        let mut rule = serializer.serialize_struct("RuleTally", 3)?;
        rule.serialize_field("asked", &self.asked)?;
        rule.serialize_field("failed", &self.failed)?;
        rule.serialize_field("more", &more)?;
        rule.end()
    }
}

impl<'de> Deserialize<'de> for RuleTally {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RuleTally, D::Error> {
        let Read { asked, failed, more } = Read::deserialize(deserializer)?;
        let rule = RuleTally { asked, failed, ..RuleTally::default() };
        Ok(match more {
            None => rule,
            Some(More::Exact(distinct)) => RuleTally { keys: Some(Keys::Exact(distinct)), ..rule },
            Some(More::Many(held)) => RuleTally { keys: Some(Keys::Many(held)), ..rule },
            Some(More::Aggregates(aggregates)) => RuleTally { aggregates, ..rule },
            Some(More::Times(times)) => RuleTally { times: Some(times), ..rule },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::check::sum::Sum;

    /// As 0.1.0 writes it.
    #[derive(Serialize, Deserialize)]
    struct Before {
        asked: u64,
        failed: u64,
        keys: Option<Keys>,
    }

    #[test]
    fn what_was_written_before_there_were_aggregates_is_read_and_written_the_same() {
        let mut keys = Keys::default();
        [3, 1 << 40, u64::MAX].into_iter().for_each(|key| assert!(keys.insert(key)));
        for keys in [None, Some(keys)] {
            let before =
                postcard::to_stdvec(&Before { asked: 300, failed: 7, keys: keys.clone() }).expect("plain data");
            let rule = RuleTally { asked: 300, failed: 7, keys, ..RuleTally::default() };
            assert_eq!(postcard::from_bytes::<RuleTally>(&before).as_ref(), Ok(&rule));
            assert_eq!(postcard::to_stdvec(&rule).as_ref(), Ok(&before));
        }
    }

    #[test]
    fn aggregates_survive_the_wire() {
        let mut sum = Sum::default();
        sum.add_double(-0.1);
        sum.add_whole(i128::MAX);
        let mut keys = Keys::default();
        keys.insert(9);
        let aggregates = vec![
            Aggregate::Count(3),
            Aggregate::Distinct(keys),
            Aggregate::Sum(sum),
            Aggregate::Min(None),
            Aggregate::Max(Some(1.5)),
        ];
        let rule = RuleTally { asked: 3, aggregates, ..RuleTally::default() };
        let bytes = postcard::to_stdvec(&rule).expect("plain data");
        assert_eq!(postcard::from_bytes::<RuleTally>(&bytes).as_ref(), Ok(&rule));
        assert!(postcard::from_bytes::<Before>(&bytes).is_err());
    }

    #[test]
    fn times_survive_the_wire() {
        let rule = RuleTally { times: Some(Box::default()), ..RuleTally::default() };
        let bytes = postcard::to_stdvec(&rule).expect("plain data");
        assert_eq!(postcard::from_bytes::<RuleTally>(&bytes).as_ref(), Ok(&rule));
    }
}
