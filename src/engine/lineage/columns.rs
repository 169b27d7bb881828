//! Which columns of two datasets an edge is about, as a detail of its evidence says them: `amount > total, tax > total`.

use crate::engine::lineage::claim::Claim;

/// The detail's name.
pub const COLUMNS: &str = "columns";

/// Below what a detail holds, which would cut a name in two.
const BYTES_MAX: usize = 1_000;

/// What fits, in this order. Names that the words could not tell apart are left out.
pub fn words<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut words = String::new();
    for (from, to) in pairs {
        let is_plain = |name: &str| !name.is_empty() && name == name.trim() && !name.contains([',', '>']);
        let pair = format!("{from} > {to}");
        if !is_plain(from) || !is_plain(to) || words.len() + 2 + pair.len() > BYTES_MAX {
            continue;
        }
        if !words.is_empty() {
            words.push_str(", ");
        }
        words.push_str(&pair);
    }
    words
}

/// The column that data comes from, and the one that it goes to, each.
pub fn of(claim: &Claim) -> impl Iterator<Item = (&str, &str)> {
    let words = claim.detail.get(COLUMNS).map_or("", String::as_str);
    words.split(", ").filter_map(|pair| pair.split_once(" > "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_columns_is_read_again() {
        let check = |pairs: &[(&str, &str)], read: &[(&str, &str)]| {
            let detail = [(COLUMNS.to_owned(), words(pairs.iter().copied()))].into();
            let claim = Claim { first_seen_ms: 0, last_seen_ms: 0, ended_ms: None, confidence: 1.0, detail };
            assert_eq!(of(&claim).collect::<Vec<_>>(), read);
        };
        check(&[], &[]);
        check(&[("a", "b"), ("a b", "c.d")], &[("a", "b"), ("a b", "c.d")]);
        check(&[("a, b", "c"), ("a > b", "c"), ("", "c"), ("d", "e")], &[("d", "e")]);
        let long = "x".repeat(BYTES_MAX - 10);
        check(&[(&long, &long), ("a", &long), ("b", "c"), ("d", "e")], &[("a", &long)]);
    }
}
