//! Every decision of a run is one number on a tape; 0 is always the benign one.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Reads what was recorded; past its end it draws where it has a seed, and chooses 0 where it has none.
pub struct Tape {
    read: Vec<u32>,
    made: Vec<u32>,
    rng: Option<ChaCha8Rng>,
    calm: bool,
}

impl Tape {
    pub fn seeded(seed: u64) -> Tape {
        Tape { read: Vec::new(), made: Vec::new(), rng: Some(ChaCha8Rng::seed_from_u64(seed)), calm: false }
    }

    pub fn replay(read: Vec<u32>) -> Tape {
        Tape { read, made: Vec::new(), rng: None, calm: false }
    }

    /// One of the choices, as often as its weight says.
    pub fn pick(&mut self, weights: &[u32]) -> usize {
        let total: u32 = weights.iter().sum();
        let choices = weights.len() as u32;
        let drawn = self.next(choices, |rng| {
            let mut left = rng.next_u32() % total.max(1);
            let hit = weights.iter().position(|w| {
                let hit = left < *w;
                left = left.saturating_sub(*w);
                hit
            });
            hit.unwrap_or(0) as u32
        });
        drawn as usize
    }

    /// A number in `[0, n)`, each as likely.
    pub fn below(&mut self, n: u32) -> u32 {
        self.next(n, |rng| rng.next_u32() % n.max(1))
    }

    /// A number in `[from, to)`; `from` is the benign one.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        from + i64::from(self.below((to - from) as u32))
    }

    /// From here on only benign choices, and none is recorded.
    pub fn calm(&mut self) {
        self.calm = true;
    }

    pub fn made(&self) -> &[u32] {
        &self.made
    }

    fn next(&mut self, choices: u32, draw: impl FnOnce(&mut ChaCha8Rng) -> u32) -> u32 {
        if self.calm || choices <= 1 {
            return 0;
        }
        let choice = match (self.read.get(self.made.len()), &mut self.rng) {
            (Some(recorded), _) => *recorded % choices,
            (None, Some(rng)) => draw(rng),
            (None, None) => 0,
        };
        self.made.push(choice);
        choice
    }
}

/// `3.0.0.0.12` is written `3.z3.12`: most choices are benign.
pub fn print(tape: &[u32]) -> String {
    let mut words = Vec::new();
    let mut zeros = 0;
    for choice in tape.iter().chain([&u32::MAX]) {
        if *choice == 0 {
            zeros += 1;
            continue;
        }
        if zeros > 0 {
            words.push(format!("z{zeros}"));
        }
        zeros = 0;
        if *choice != u32::MAX {
            words.push(choice.to_string());
        }
    }
    words.join(".")
}

/// Reads what `print` wrote; words that it does not know are benign choices.
pub fn parse(text: &str) -> Vec<u32> {
    let mut tape = Vec::new();
    for word in text.trim().split('.').filter(|w| !w.is_empty()) {
        match word.strip_prefix('z') {
            Some(zeros) => tape.extend(std::iter::repeat_n(0, zeros.parse().unwrap_or(1))),
            None => tape.push(word.parse().unwrap_or(0)),
        }
    }
    tape
}

mod behaviour {
    use super::*;

    #[test]
    fn a_tape_that_is_read_again_makes_the_same_choices() {
        let mut first = Tape::seeded(7);
        let drawn: Vec<u32> = (1..50).map(|n| first.below(n) + first.pick(&[5, 1, 1]) as u32).collect();
        let mut second = Tape::replay(parse(&print(first.made())));
        let again: Vec<u32> = (1..50).map(|n| second.below(n) + second.pick(&[5, 1, 1]) as u32).collect();
        assert_eq!(drawn, again);
        assert_eq!(second.below(9), 0, "past its end a recorded tape is benign");
    }
}
