//! Counts of a rolling period, in buckets of equal length, so that what is too old falls out.

use serde::{Deserialize, Serialize};

/// Buckets of one period. The one that is begun counts too: a period is told to one part of so many.
pub const BUCKETS: i64 = 30;

/// Good ones among all, by bucket; the newest last, at most `BUCKETS` and one. Whoever asks says how long a bucket is, and always
/// the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rolling(Vec<Bucket>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Bucket {
    /// Since 1970, in buckets.
    number: i64,
    good: u64,
    all: u64,
}

impl Rolling {
    /// Adds what happened at this time; before the last bucket nothing happens any more.
    pub fn add(&mut self, at_ms: i64, bucket_ms: i64, good: u64, all: u64) {
        let number = at_ms.div_euclid(bucket_ms.max(1));
        match self.0.last_mut() {
            Some(last) if last.number >= number => {
                last.good += good;
                last.all += all;
            }
            _ => self.0.push(Bucket { number, good, all }),
        }
        self.0.retain(|bucket| bucket.number >= number - BUCKETS);
    }

    /// Good ones and all of the bucket that holds this time and of so many before it, at most `BUCKETS`.
    pub fn sums(&self, at_ms: i64, bucket_ms: i64, before: i64) -> (u64, u64) {
        let first = at_ms.div_euclid(bucket_ms.max(1)) - before;
        let within = self.0.iter().filter(|bucket| bucket.number >= first);
        within.fold((0, 0), |(good, all), bucket| (good + bucket.good, all + bucket.all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_period_is_forgotten() {
        let mut rolling = Rolling::default();
        for at in 0..100 {
            rolling.add(at * 10, 10, u64::from(at % 2 == 0), 1);
        }
        assert_eq!(rolling.sums(990, 10, BUCKETS), (15, 31));
        assert_eq!(rolling.sums(1_090, 10, BUCKETS), (10, 21), "time passes without anything that happens");
        assert_eq!(rolling.sums(9_990, 10, BUCKETS), (0, 0));
        rolling.add(9_990, 10, 2, 3);
        assert_eq!((rolling.0.len(), rolling.sums(9_990, 10, 0)), (1, (2, 3)));
    }

    #[test]
    fn what_comes_before_the_last_bucket_counts_there() {
        let mut rolling = Rolling::default();
        rolling.add(50, 10, 1, 1);
        rolling.add(20, 10, 0, 1);
        assert_eq!((rolling.0.len(), rolling.sums(50, 10, BUCKETS)), (1, (1, 2)));
    }
}
