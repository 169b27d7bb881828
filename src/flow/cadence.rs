//! How often stage 1 flushes: as it is told to, and less often where what it writes would outweigh what it reads.
//!
//! A sketch of a few records weighs about as much as they do, and one of thousands hardly more. So many products of few records each are flushed
//! together, and later: at the reference load deltas weigh a tenth of the data, and events and state half as much again.

use crate::flow::io::Ms;

/// Deltas weigh one part of so many of the data that they sum up, where waiting can bring that about.
const DATA_A_DELTA: u64 = 10;
/// Whatever they weigh beside the data: as little is no reason to wait.
const FREE_BYTES: u64 = 200_000;
/// What a product's sketches of some seconds weigh, however few records there were.
const PRODUCT_BYTES: usize = 32 * 1024;
/// A transaction is that of one product at most so many times: 8 MiB at 4, which a broker that takes a megabyte and a half a second has within
/// what a flush's messages get.
const TIMES_MAX: usize = 2;

#[derive(Clone, Debug)]
pub struct Cadence {
    /// As configured.
    least_ms: Ms,
    most_ms: Ms,
    interval_ms: Ms,
    /// When the last flush was cut.
    cut_ms: Option<Ms>,
    /// Between the last two cuts.
    elapsed_ms: Ms,
}

impl Cadence {
    /// From the configured interval up to a window's size, which is how much later a window may close for it.
    pub fn new(least_ms: Ms, window_size_ms: Ms) -> Cadence {
        let most_ms = window_size_ms.max(least_ms);
        Cadence { least_ms, most_ms, interval_ms: least_ms, cut_ms: None, elapsed_ms: 0 }
    }

    pub fn interval_ms(&self) -> Ms {
        self.interval_ms
    }

    pub fn cut(&mut self, now: Ms) {
        self.elapsed_ms = self.cut_ms.map_or(0, |before| (now - before).max(0));
        self.cut_ms = Some(now);
    }

    /// What the last cut came to: the bytes of its deltas, and of the records that they sum up.
    pub fn weighed(&mut self, deltas_bytes: u64, data_bytes: u64) {
        let allowed = (data_bytes / DATA_A_DELTA).max(FREE_BYTES);
        // What is written hardly grows with time, so it is a part of the data that falls as time passes.
        let wanted_ms = i128::from(self.elapsed_ms) * i128::from(deltas_bytes) / i128::from(allowed);
        self.interval_ms = wanted_ms.clamp(self.least_ms.into(), self.most_ms.into()) as Ms;
    }

    /// How much may wait in memory, and go out in one transaction, of so many products.
    pub fn flush_bytes(one_bytes: usize, products: usize) -> usize {
        (one_bytes + products.saturating_sub(1) * PRODUCT_BYTES).min(one_bytes * TIMES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_waits_where_deltas_outweigh_the_data_and_no_longer_than_a_window() {
        for (elapsed_ms, deltas_bytes, data_bytes, wanted_ms, why) in [
            (10_000, 0, 0, 10_000, "nothing was read"),
            (10_000, 150_000, 0, 10_000, "a thousand idle products"),
            (10_000, 1_000_000, 40_000_000, 10_000, "one busy product"),
            (10_000, 8_000_000, 40_000_000, 20_000, "twice what it may"),
            (10_000, 8_000_000, 4_000_000, 60_000, "a window, and no more"),
            (2_000, 2_400_000, 8_000_000, 10_000, "cut early: it will have weighed less by then"),
            (0, 2_400_000, 8_000_000, 10_000, "the first"),
        ] {
            let mut cadence = Cadence::new(10_000, 60_000);
            cadence.cut(1_000);
            cadence.cut(1_000 + elapsed_ms);
            cadence.weighed(deltas_bytes, data_bytes);
            assert_eq!(cadence.interval_ms(), wanted_ms, "{why}");
            cadence.cut(1_000_000);
            cadence.weighed(0, data_bytes);
            assert_eq!(cadence.interval_ms(), 10_000, "{why}, and nothing after it");
        }
        assert_eq!(Cadence::new(90_000, 60_000).interval_ms(), 90_000, "what is configured holds");
    }

    #[test]
    fn more_products_may_weigh_more_up_to_a_bound() {
        const MIB: usize = 1 << 20;
        for (products, mib) in [(0, 4), (1, 4), (65, 6), (129, 8), (1_000, 8)] {
            assert_eq!(Cadence::flush_bytes(4 * MIB, products), mib * MIB, "{products}");
        }
    }
}
