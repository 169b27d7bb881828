//! Keys over a horizon against what a list of all of them says.

use super::*;
use proptest::prelude::*;

const SIZE: Ms = 1_000;

fn keys(list: impl IntoIterator<Item = u64>) -> Keys {
    let mut keys = Keys::default();
    for key in list {
        keys.insert(key);
    }
    keys
}

/// A hash of a number, as uniform as those of records.
fn hash(n: u64) -> u64 {
    use siphasher::sip::SipHasher24;
    use std::hash::Hasher;
    let mut hasher = SipHasher24::new();
    hasher.write_u64(n);
    hasher.finish()
}

proptest! {
    /// Windows in any order, each with its keys, each judged when it comes and remembered then.
    #[test]
    fn what_repeats_is_what_a_search_through_all_windows_finds(
        mut windows in proptest::collection::vec((0i64..40, proptest::collection::btree_set(0u64..60, 0..12)), 0..60),
        span in 1i64..30_000,
        late in any::<bool>(),
    ) {
        if !late {
            windows.sort_by_key(|(number, _)| *number);
        }
        let mut seen = Seen::over(span);
        let mut before: Vec<(Ms, u64)> = Vec::new();
        for (number, held) in windows {
            let (start, end) = (number * SIZE, number * SIZE + SIZE);
            let near = |key: &&u64| {
                let last = before.iter().filter(|(_, k)| k == *key).map(|(at, _)| *at).max();
                last.is_some_and(|at| at >= end - span && at < start + span)
            };
            let expected = held.iter().filter(near).count() as u64;
            let of_window = keys(held.iter().copied());
            prop_assert_eq!(seen.repeated(Some(&of_window), start, end), Ok(Rows::exact(expected)));
            for _ in 0..2 {
                seen.learn(Some(&of_window), start, end);
            }
            before.extend(held.iter().map(|key| (start, *key)));
            if !late {
                seen.forget(end);
            }
        }
    }

    #[test]
    fn what_is_learnt_in_pieces_and_in_any_order_is_the_same(
        mut pieces in proptest::collection::vec((0i64..20, 0u64..50), 1..80),
        asked in proptest::collection::btree_set(0u64..50, 1..20),
    ) {
        let learnt = |pieces: &[(i64, u64)]| {
            let mut seen = Seen::over(7_000);
            pieces.iter().for_each(|(n, key)| seen.learn(Some(&keys([*key])), n * SIZE, n * SIZE + SIZE));
            seen.repeated(Some(&keys(asked.iter().copied())), 20 * SIZE, 21 * SIZE)
        };
        let forward = learnt(&pieces);
        pieces.reverse();
        prop_assert_eq!(learnt(&pieces), forward);
    }
}

#[test]
fn a_key_is_forgotten_when_no_window_can_ask_for_it() {
    let mut seen = Seen::over(8 * SIZE);
    for n in 0..100 {
        seen.learn(Some(&keys([n])), n as Ms * SIZE, n as Ms * SIZE + SIZE);
        seen.forget(n as Ms * SIZE + SIZE);
        assert!(seen.len() <= 9, "{} keys of 8 windows", seen.len());
    }
}

#[test]
fn what_is_not_known_is_told_until_no_window_needs_it() {
    let mut seen = Seen::over(10 * SIZE);
    seen.lose(5 * SIZE, "deltas were deleted");
    let of = |seen: &Seen, n: i64| seen.repeated(Some(&keys([1])), n * SIZE, n * SIZE + SIZE);
    assert_eq!(
        of(&seen, 9).unwrap_err(),
        "keys of windows before 1970-01-01T00:00:05Z are not known: deltas were deleted"
    );
    assert!(of(&seen, 13).is_err());
    assert_eq!(of(&seen, 14), Ok(Rows::exact(0)), "it begins with the window that the gap ended at");
    let many = keys((0..=MAX_KEYS as u64).map(hash));
    assert!(of(&seen, 14).is_ok() && seen.repeated(Some(&many), 20 * SIZE, 21 * SIZE).is_err());
    seen.learn(Some(&many), 20 * SIZE, 21 * SIZE);
    assert!(of(&seen, 21).unwrap_err().contains("more than 1000000 keys"));
}

/// Beyond the bound: no repeated key is missed, and the number lies between the bounds that are told.
#[test]
fn beyond_the_bound_filters_miss_nothing_and_keep_the_error_that_they_tell() {
    let mut seen = Seen::over(80 * SIZE);
    let each = EXACT_MAX as u64 / 4;
    for n in 0..6u64 {
        let held = keys((n * each..(n + 1) * each).map(hash));
        seen.learn(Some(&held), n as Ms * SIZE, n as Ms * SIZE + SIZE);
    }
    assert!(matches!(seen.held, Held::Slices(_)), "{} keys", seen.len());
    for planted in [0, 1, 1_000, 50_000] {
        let fresh = (0..100_000 - planted).map(|n| hash(1 << 40 | n));
        let old = (0..planted).map(|n| hash(n * 50));
        let found = seen.repeated(Some(&keys(fresh.chain(old))), 6 * SIZE, 7 * SIZE).expect("filters know");
        let planted = planted as f64;
        assert!(found.low <= planted && planted <= found.high, "{planted} planted, {found:?}");
        assert!(found.high - found.low < 50.0 && (planted == 0.0 || !found.is_exact()), "{planted} planted, {found:?}");
        assert!(
            (found.value - planted).abs() <= 3.0 * (found.high - found.low).sqrt().max(1.0),
            "{planted}: {found:?}"
        );
    }
    // The oldest eighths go, and an empty row of filters is exact again.
    let bytes = seen.size_bytes();
    seen.forget(90 * SIZE);
    assert!(seen.size_bytes() < bytes);
    seen.forget(1_000 * SIZE);
    assert!(seen.is_empty() && matches!(seen.held, Held::Exact(_)));
}

#[test]
fn a_filter_is_wrong_as_often_as_it_says() {
    let mut filter = Filter::new();
    (0..5_000_000).for_each(|n| filter.insert(hash(n)));
    let told = filter.false_positive();
    let tried = 200_000;
    let wrong = (0..tried).filter(|n| filter.may_hold(hash(1 << 40 | n))).count() as f64;
    let expected = told * tried as f64;
    assert!(expected > 100.0 && (wrong - expected).abs() < 4.0 * expected.sqrt(), "{wrong} wrong, {expected} told");
}

#[test]
fn the_tail_of_a_poisson_distribution_is_its_own() {
    // P(X > most) of these means, by tables: 0.1: 0.0002 above 2; 1: 0.0006 above 5; 10: 0.0007 above 21.
    assert_eq!([0.0, 0.001, 0.1, 1.0, 10.0].map(most_of), [0.0, 0.0, 2.0, 5.0, 21.0]);
    assert!((131.0..=133.0).contains(&most_of(101.0)));
}

proptest! {
    /// Windows in their order, each with its references and what may be referred to; the second half of a pair says which.
    #[test]
    fn orphans_are_what_a_search_finds_in_no_window_of_the_horizon(
        windows in proptest::collection::vec(proptest::collection::btree_set((0u64..30, any::<bool>()), 0..10), 0..40),
        span in 1i64..20_000,
    ) {
        let mut seen = Seen::over(span);
        let mut referred: Vec<(Ms, u64)> = Vec::new();
        for (number, held) in windows.iter().enumerate() {
            let (start, end) = (number as Ms * SIZE, number as Ms * SIZE + SIZE);
            referred.extend(held.iter().filter(|(_, refers)| !refers).map(|(key, _)| (start, *key)));
            let lost = |key: &u64| !referred.iter().any(|(at, k)| k == key && (*at == start || *at >= end - span));
            let expected = held.iter().filter(|(key, refers)| *refers && lost(key)).count() as u64;
            let side = |refers| if refers { Side::Refers } else { Side::IsReferredTo };
            let of_window = keys(held.iter().map(|(key, refers)| side(*refers).mark(hash(*key))));
            prop_assert_eq!(seen.orphans(Some(&of_window), start, end), Ok(Rows::exact(expected)));
            seen.learn_referred(Some(&of_window), start, end);
            seen.forget(end);
        }
    }
}

proptest! {
    /// Of windows in their order each key refers, is referred to, or is referred to by a record that cannot be read. Each window's keys
    /// come in two parts, merged in either order, and each is remembered twice.
    #[test]
    fn with_records_that_could_not_be_read_the_orphans_lie_between_all_and_all_but_those(
        windows in proptest::collection::vec(proptest::collection::btree_set((0u64..20, 0u8..4), 0..10), 0..40),
        span in 1i64..20_000,
        turned in any::<bool>(),
    ) {
        let mut seen = Seen::over(span);
        let mut referred: Vec<(Ms, u64)> = Vec::new();
        let mut unread: Vec<(Ms, u64)> = Vec::new();
        for (number, held) in windows.iter().enumerate() {
            let (start, end) = (number as Ms * SIZE, number as Ms * SIZE + SIZE);
            for (key, kind) in held {
                match kind {
                    2 => referred.push((start, *key)),
                    3 => unread.push((start, *key)),
                    _ => {}
                }
            }
            let near = |all: &[(Ms, u64)]| -> Vec<u64> {
                all.iter().filter(|(at, _)| *at == start || *at >= end - span).map(|(_, key)| *key).collect()
            };
            let (referred, unread) = (near(&referred), near(&unread));
            let refer: std::collections::BTreeSet<u64> = held.iter().filter(|(_, kind)| *kind < 2).map(|(key, _)| *key).collect();
            let orphans = refer.iter().filter(|key| !referred.contains(key)).count() as f64;
            let truly = refer.iter().filter(|key| !referred.contains(key) && !unread.contains(key)).count() as f64;
            let marked = |(key, kind): &(u64, u8)| match kind {
                0 | 1 => Side::Refers.mark(hash(*key)),
                2 => Side::IsReferredTo.mark(hash(*key)),
                // A place, which is a record's own and says nothing of its key.
                _ => Side::Unread.mark(hash(1_000 + number as u64 * 100 + key)),
            };
            let (one, other): (Vec<_>, Vec<_>) = held.iter().partition(|(key, _)| key % 2 == 0);
            let part = |part: &[&(u64, u8)]| keys(part.iter().map(|held| marked(held)));
            let of_window = if turned { part(&other).merged(part(&one)) } else { part(&one).merged(part(&other)) };
            let found = seen.orphans(Some(&of_window), start, end).expect("few keys");
            prop_assert_eq!((found.value, found.high), (orphans, orphans));
            prop_assert_eq!(found.low, (orphans - unread.len() as f64).max(0.0));
            prop_assert!(found.low <= truly && truly <= found.high);
            for _ in 0..2 {
                seen.learn_referred(Some(&of_window), start, end);
            }
            seen.forget(end);
        }
    }
}

#[test]
fn of_too_many_records_that_could_not_be_read_nobody_knows_the_orphans() {
    let mut seen = Seen::over(10 * SIZE);
    seen.learn_referred(Some(&keys((0..UNREAD_MAX as u64 + 1).map(|n| Side::Unread.mark(hash(n))))), 0, SIZE);
    let one = keys([Side::Refers.mark(hash(7))]);
    let why = seen.orphans(Some(&one), SIZE, 2 * SIZE).expect_err("too many");
    assert!(why.contains("could not be read"), "{why}");
    assert_eq!(seen.orphans(Some(&one), 11 * SIZE, 12 * SIZE), Ok(Rows::exact(1)), "they are out of the horizon");
}
