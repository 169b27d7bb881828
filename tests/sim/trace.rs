//! One line a step for a failure, and a hash over all steps for the determinism test.

use mesh_steward::flow::io::{Ms, Part};
use std::collections::BTreeSet;

pub struct Trace {
    on: bool,
    now: Ms,
    pub lines: Vec<String>,
    pub hash: u64,
    /// What the groups heard of their topics last.
    pub parts: Vec<BTreeSet<Part>>,
}

impl Trace {
    pub fn new(on: bool) -> Trace {
        Trace { on, now: 0, lines: Vec::new(), hash: 0xcbf2_9ce4_8422_2325, parts: Vec::new() }
    }

    pub fn now(&mut self, now: Ms) {
        self.now = now;
        self.mix(now as u64);
    }

    pub fn say(&mut self, who: &str, line: impl FnOnce() -> String) {
        who.bytes().for_each(|b| self.mix(u64::from(b)));
        if self.on {
            let (s, ms) = (self.now / 1_000, self.now % 1_000);
            self.lines.push(format!("t={s}.{ms:03} {who:<16} {}", line()));
        }
    }

    /// FNV-1a.
    fn mix(&mut self, word: u64) {
        self.hash = (self.hash ^ word).wrapping_mul(0x0100_0000_01b3);
    }
}
