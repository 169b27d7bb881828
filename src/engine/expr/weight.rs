//! What compiled patterns weigh: a few letters may ask for megabytes (`\p{L}{1,200}`), and a contract has room for thousands of them.

use regex_syntax::hir::{Class, Hir, HirKind};
use std::cell::Cell;

/// Steps of all patterns of one document together: at some 80 bytes each they take 16 MB. `[A-Z]{2}\d{4}` has six, and
/// `\p{L}{1,100}` 65,000.
const STEPS_MAX: usize = 200_000;

thread_local! {
    /// Those that are left; `None`: no document is being read, and each pattern stands for itself, within the engine's own bound.
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Reads one document, whose patterns share the bound; documents within it are part of it.
pub fn of_one_document<T>(read: impl FnOnce() -> T) -> T {
    /// Ends the document also where a parser of others panics.
    struct Whole;
    impl Drop for Whole {
        fn drop(&mut self) {
            LEFT.set(None);
        }
    }
    if LEFT.get().is_some() {
        return read();
    }
    LEFT.set(Some(STEPS_MAX));
    let _whole = Whole;
    read()
}

/// Takes what a pattern weighs before it is compiled; one that cannot be read here weighs what its letters may come to. The error
/// tells what to do.
pub fn take(pattern: &str) -> Result<(), String> {
    let Some(left) = LEFT.get() else { return Ok(()) };
    let weight = regex_syntax::parse(pattern).map_or(pattern.len().saturating_mul(64), |hir| steps(&hir));
    LEFT.set(Some(left.checked_sub(weight).ok_or_else(|| {
        format!("a pattern weighs {weight} of the {left} steps that are left of this document's {STEPS_MAX}; repeat smaller classes, or fewer times")
    })?));
    Ok(())
}

fn steps(pattern: &Hir) -> usize {
    let sum = |parts: &[Hir]| parts.iter().fold(1, |sum: usize, part| sum.saturating_add(steps(part)));
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Unicode(class)) => class.ranges().len(),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len(),
        HirKind::Repetition(repeated) => {
            let times = repeated.max.unwrap_or(repeated.min.saturating_add(1)).max(1);
            steps(&repeated.sub).saturating_mul(times as usize)
        }
        HirKind::Capture(group) => steps(&group.sub).saturating_add(1),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => sum(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_one_document_share_a_bound_and_those_of_the_next_begin_anew() {
        let heavy = r"\p{L}{1,100}";
        let all = || of_one_document(|| (0..5).map(|_| take(heavy).is_ok()).collect::<Vec<_>>());
        assert_eq!(all(), [true, true, false, false, false]);
        assert_eq!(all(), [true, true, false, false, false]);
        assert!(!of_one_document(|| (all(), take(heavy).is_ok())).1, "one within another is part of it");
        assert!((0..5).all(|_| take(heavy).is_ok()), "none is being read");
        let light = || (0..10_000).all(|_| take(r"^[A-Z]{2}\d{4}(-x)?$").is_ok());
        assert!(!of_one_document(light), "many are heavy, too: a digit of Unicode is one of 60 ranges");
        assert!(of_one_document(|| (0..10_000).all(|_| take("^[A-Z]{2}[0-9]{4}(-x)?$").is_ok())));
    }

    #[test]
    fn a_parser_that_panics_ends_the_document() {
        let panics = || of_one_document(|| -> bool { panic!("a parser of others") });
        assert!(std::panic::catch_unwind(panics).is_err());
        assert_eq!(LEFT.get(), None);
    }
}
