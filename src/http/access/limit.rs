//! How much one client may: a bucket of tokens each, that fills at a rate.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

/// Clients that are remembered; 64 bytes each.
const CLIENTS_MAX: usize = 4_096;

#[derive(Debug, Default)]
pub struct Limiter {
    buckets: Mutex<BTreeMap<IpAddr, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at_ms: i64,
}

impl Limiter {
    /// Takes a token of the client's; false: it has none.
    pub fn take(&self, client: IpAddr, per_second: f64, at_once: f64, now_ms: i64) -> bool {
        self.look(client, per_second, at_once, now_ms, 1.0)
    }

    /// Whether it has one.
    pub fn has(&self, client: IpAddr, per_second: f64, at_once: f64, now_ms: i64) -> bool {
        self.look(client, per_second, at_once, now_ms, 0.0)
    }

    fn look(&self, client: IpAddr, per_second: f64, at_once: f64, now_ms: i64, takes: f64) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let client = network(client);
        let filled = |bucket: &Bucket| {
            let since_ms = (now_ms - bucket.at_ms).max(0) as f64;
            (bucket.tokens + since_ms * per_second / 1000.0).min(at_once)
        };
        let tokens = buckets.get(&client).map_or(at_once, filled);
        let good = tokens >= 1.0;
        if takes > 0.0 {
            if buckets.len() >= CLIENTS_MAX && !buckets.contains_key(&client) {
                buckets.retain(|_, bucket| filled(bucket) < at_once);
                let oldest = buckets.iter().min_by_key(|(_, bucket)| bucket.at_ms).map(|(client, _)| *client);
                if let Some(oldest) = oldest.filter(|_| buckets.len() >= CLIENTS_MAX) {
                    buckets.remove(&oldest);
                }
            }
            let left = if good { tokens - takes } else { tokens };
            buckets.insert(client, Bucket { tokens: left, at_ms: now_ms });
        }
        good
    }
}

/// Who has one address of IPv6 has 2^64 of them (RFC 6177); a mapped one is IPv4's.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_client_has_its_burst_then_its_rate_and_no_other_pays_for_it() {
        let limiter = Limiter::default();
        let take = |client: &str, now_ms| limiter.take(ip(client), 0.5, 3.0, now_ms);
        assert_eq!([0, 0, 0, 0, 1_999].map(|now| take("10.0.0.1", now)), [true, true, true, false, false]);
        assert!(take("10.0.0.2", 0), "another");
        assert_eq!([2_000, 2_000, 4_000, 60_000].map(|now| take("10.0.0.1", now)), [true, false, true, true]);
        assert_eq!([0, 0, 0, 0].map(|now| take("2001:db8::1", now)), [true, true, true, false]);
        assert!(!take("2001:db8::2", 0), "one network of IPv6");
        assert!(!take("::ffff:10.0.0.1", 0) || take("::ffff:10.0.0.9", 0), "an address of IPv4 in IPv6's clothes");
    }

    #[test]
    fn clients_that_are_remembered_are_bounded_and_the_one_that_fails_now_is_among_them() {
        let limiter = Limiter::default();
        for n in 0..10_000_u32 {
            assert!(limiter.take(IpAddr::V4(n.into()), 0.001, 2.0, i64::from(n)));
        }
        assert!(limiter.buckets.lock().unwrap().len() <= CLIENTS_MAX);
        let last = IpAddr::V4(9_999.into());
        assert_eq!([0, 0].map(|_| limiter.take(last, 0.001, 2.0, 9_999)), [true, false]);
    }
}
