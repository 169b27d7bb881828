//! How much of what was measured held, as one number. The formula is published in `docs/score.md`.

use crate::engine::check::verdict::Status;

/// Of the formula; another one gets another number.
pub const VERSION: u32 = 1;

/// `None` where nothing was measured.
pub fn score(rules: impl Iterator<Item = Status>) -> Option<f64> {
    let points = |status: Status| match status {
        Status::Pass => Some(1.0),
        Status::Warn => Some(0.5),
        Status::Fail => Some(0.0),
        Status::Error | Status::Skip | Status::Unknown => None,
    };
    let measured: Vec<f64> = rules.filter_map(points).collect();
    (!measured.is_empty()).then(|| measured.iter().sum::<f64>() / measured.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGE: &str = include_str!("../../../docs/score.md");
    const STATUSES: [Status; 6] =
        [Status::Pass, Status::Warn, Status::Fail, Status::Unknown, Status::Skip, Status::Error];

    /// What the page's table gives a status: points, or `None` for words.
    fn published(status: Status) -> Option<f64> {
        let word = format!("{status:?}").to_lowercase();
        let cells = PAGE.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
        let mut rows = cells.filter(|(statuses, _)| statuses.split(", ").any(|known| known == word));
        let (_, points) = rows.next().unwrap_or_else(|| panic!("the table has no {word}"));
        points.split([' ', ':']).next()?.parse().ok()
    }

    #[test]
    fn the_published_formula_is_the_code() {
        assert!(PAGE.starts_with(&format!("# The score, version {VERSION}\n")));
        // Every mixture of up to three of each.
        for mixture in 0..4_u32.pow(6) {
            let counted = |(i, status): (usize, &Status)| (*status, mixture / 4_u32.pow(i as u32) % 4);
            let counts: Vec<(Status, u32)> = STATUSES.iter().enumerate().map(counted).collect();
            let points = counts.iter().filter_map(|(status, n)| Some((published(*status)?, f64::from(*n))));
            let (sum, measured) = points.fold((0.0, 0.0), |(sum, all), (points, n)| (sum + points * n, all + n));
            let rules = counts.iter().flat_map(|(status, n)| vec![*status; *n as usize]);
            assert_eq!(score(rules), (measured > 0.0).then(|| sum / measured), "{counts:?}");
        }
    }

    proptest! {
        #[test]
        fn a_rule_that_comes_to_hold_better_never_lowers_the_score(
            mut rules in proptest::collection::vec(proptest::sample::select(STATUSES.to_vec()), 1..20),
            which in any::<proptest::sample::Index>(),
        ) {
            let of = |rules: &[Status]| score(rules.iter().copied());
            let which = which.index(rules.len());
            let better = match rules[which] {
                Status::Fail => Status::Warn,
                Status::Warn => Status::Pass,
                _ => return Ok(()),
            };
            let before = of(&rules);
            rules[which] = better;
            prop_assert!(of(&rules) > before);
            rules.push(Status::Pass);
            prop_assert!(of(&rules) >= before);
            rules.push(Status::Fail);
            let with = of(&rules);
            rules.pop();
            prop_assert!(of(&rules) >= with, "one less that fails");
        }
    }

    #[test]
    fn the_published_example_is_right() {
        assert!(PAGE.contains("of which eight pass, one warns and one fails, beside `steward.decodable` that passes: (9 + 0.5) / 11 = 0.86"));
        let rules = [Status::Pass; 9].into_iter().chain([Status::Warn, Status::Fail]);
        assert_eq!(score(rules).map(|score| (score * 100.0).round()), Some(86.0));
    }
}
