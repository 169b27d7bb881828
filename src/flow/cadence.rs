//! How often stage 1 flushes: as it is told to, and less often where what it writes would outweigh what it reads.
//!
//! A sketch of a few records weighs about as much as they do, and one of thousands hardly more. So many products of few records each are flushed
//! together, and later: at the reference load deltas weigh a tenth of the data, and events and state half as much again. Where nothing was read for
//! longer than any window waits, that there still is nothing is told less often.

use crate::flow::io::Ms;

/// Deltas weigh one part of so many of the data that they sum up, where waiting can bring that about.
const DATA_A_DELTA: u64 = 10;
/// Whatever they weigh beside the data: as little is no reason to wait.
const FREE_BYTES: u64 = 200_000;
/// What a product's sketches of some seconds weigh, however few records there were.
const PRODUCT_BYTES: usize = 32 * 1024;
/// A transaction is that of one product at most so many times: 16 MiB at 4, of which zstd leaves a quarter, which a broker that takes half a
/// megabyte a second has within what a flush's messages get.
const TIMES_MAX: usize = 4;
/// With nothing to tell a flush comes after so many intervals: 30 s at 10.
const IDLE_TIMES: Ms = 3;

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
    /// With nothing learned for so long, no window waits for watermarks.
    settled_ms: Ms,
    /// When a cut last held anything learned.
    learned_ms: Option<Ms>,
    settled: bool,
}

impl Cadence {
    /// From the configured interval up to a window's size, which is how much later a window may close for it. A window is closed by reports
    /// that come after its grace.
    pub fn new(least_ms: Ms, window_size_ms: Ms, grace_ms: Ms) -> Cadence {
        let most_ms = window_size_ms.max(least_ms);
        let settled_ms = window_size_ms + grace_ms + least_ms;
        let (cut_ms, learned_ms) = (None, None);
        Cadence {
            least_ms,
            most_ms,
            interval_ms: least_ms,
            cut_ms,
            elapsed_ms: 0,
            settled_ms,
            learned_ms,
            settled: false,
        }
    }

    /// From one flush to the next, with anything learned since or not.
    pub fn interval_ms(&self, learned: bool) -> Ms {
        if self.settled && !learned { self.least_ms * IDLE_TIMES } else { self.interval_ms }
    }

    pub fn cut(&mut self, now: Ms, learned: bool) {
        self.elapsed_ms = self.cut_ms.map_or(0, |before| (now - before).max(0));
        self.cut_ms = Some(now);
        // What was open before the first cut is not known here.
        let since = if learned { self.learned_ms.insert(now) } else { self.learned_ms.get_or_insert(now) };
        self.settled = now - *since >= self.settled_ms;
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
            let mut cadence = Cadence::new(10_000, 60_000, 30_000);
            cadence.cut(1_000, true);
            cadence.cut(1_000 + elapsed_ms, true);
            cadence.weighed(deltas_bytes, data_bytes);
            assert_eq!(cadence.interval_ms(true), wanted_ms, "{why}");
            cadence.cut(1_000_000, true);
            cadence.weighed(0, data_bytes);
            assert_eq!(cadence.interval_ms(true), 10_000, "{why}, and nothing after it");
        }
        assert_eq!(Cadence::new(90_000, 60_000, 30_000).interval_ms(true), 90_000, "what is configured holds");
    }

    #[test]
    fn that_there_is_nothing_is_told_less_often_once_no_window_waits_for_it() {
        let mut cadence = Cadence::new(10_000, 60_000, 30_000);
        // Data until 50 s; a window that opened then waits for reports until 140 s and is closed by the one after.
        for (now, learned, idle_ms) in [
            (0, false, 10_000),
            (50_000, true, 10_000),
            (140_000, false, 10_000),
            (150_000, false, 30_000),
            (180_000, false, 30_000),
            (190_000, true, 10_000),
        ] {
            cadence.cut(now, learned);
            assert_eq!(cadence.interval_ms(false), idle_ms, "{now}");
            assert_eq!(cadence.interval_ms(true), 10_000, "a record waits no longer than it is told to");
        }
    }

    #[test]
    fn more_products_may_weigh_more_up_to_a_bound() {
        const MIB: usize = 1 << 20;
        for (products, mib) in [(0, 4), (1, 4), (65, 6), (129, 8), (385, 16), (1_000, 16)] {
            assert_eq!(Cadence::flush_bytes(4 * MIB, products), mib * MIB, "{products}");
        }
    }
}
