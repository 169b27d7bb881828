//! What products and contract versions are called.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// `{domain}/{name}`; the domain is `default` where the contract names none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProductName {
    pub domain: String,
    pub name: String,
}

impl fmt::Display for ProductName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.domain, self.name)
    }
}

/// The identity of one contract version as it is judged: SHA-256 over the contract's canonical text, the product's
/// name and the version of the rule compiler. Two daemons that know the same hash number the rules alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContractHash(pub [u8; 16]);

impl fmt::Display for ContractHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for ContractHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl ContractHash {
    /// Reads 32 hexadecimal digits; `None` for anything else.
    pub fn parse(text: &str) -> Option<ContractHash> {
        let mut bytes = [0; 16];
        if text.len() != 32 || !text.is_ascii() {
            return None;
        }
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(ContractHash(bytes))
    }
}

/// Characters of what a rule is called and says of itself (id, name, place, dimension, severity). Five such texts are
/// 1 kB of a result, so that an event (`MAX_VALUE_BYTES`, 512 KiB) holds 500 rules, and each label of a metric is one line.
pub const TEXT_MAX: usize = 200;

/// The text itself, or where it is longer than `TEXT_MAX` its beginning and 16 digits of its SHA-256: two long texts stay
/// two.
pub fn short(text: String) -> String {
    use sha2::{Digest, Sha256};
    if text.chars().nth(TEXT_MAX).is_none() {
        return text;
    }
    let digest = Sha256::digest(text.as_bytes());
    let mut short: String = text.chars().take(TEXT_MAX - 17).collect();
    short.push('~');
    short.extend(digest[..8].iter().map(|byte| format!("{byte:02x}")));
    short
}

/// Orders contract versions as Semantic Versioning does, and is forgiving: a leading `v`, missing parts (1.0 is 1.0.0) and
/// words are taken. `+build` does not count.
pub fn compare_versions(a: &str, b: &str) -> Ordering {
    let split = |text: &str| {
        let text = text.trim().trim_start_matches(['v', 'V']);
        let text = text.split('+').next().unwrap_or_default();
        let (core, pre) = text.split_once('-').map_or((text, None), |(core, pre)| (core, Some(pre)));
        let parts = |t: &str| t.split('.').map(str::to_owned).collect::<Vec<_>>();
        (parts(core), pre.map(parts))
    };
    let ((core_a, pre_a), (core_b, pre_b)) = (split(a), split(b));
    let by_core = (0..core_a.len().max(core_b.len()))
        .map(|i| compare_parts(core_a.get(i).map_or("0", |p| p), core_b.get(i).map_or("0", |p| p)))
        .find(|order| order.is_ne());
    by_core.unwrap_or_else(|| match (pre_a, pre_b) {
        (None, None) => Ordering::Equal,
        // 1.0.0-rc.1 comes before 1.0.0.
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => {
            let order = a.iter().zip(&b).map(|(a, b)| compare_parts(a, b)).find(|order| order.is_ne());
            order.unwrap_or(a.len().cmp(&b.len()))
        }
    })
}

/// Numbers by value, before words; words by their letters.
fn compare_parts(a: &str, b: &str) -> Ordering {
    match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_long_text_is_cut_and_stays_its_own() {
        let short = |text: &str| super::short(text.to_owned());
        let (a, b) = ("ä".repeat(super::TEXT_MAX), "ä".repeat(super::TEXT_MAX + 1));
        assert_eq!(short(&a), a);
        assert_eq!(short(&b).chars().count(), super::TEXT_MAX);
        assert_ne!(short(&b), short(&(b.clone() + "ä")), "they differ in what was cut");
        assert_eq!(short(&b), short(&b));
    }

    use super::compare_versions;
    use std::cmp::Ordering;

    #[test]
    fn versions_are_ordered_by_value() {
        let ascending = [
            "",
            "0.9",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-rc.2",
            "1.0.0-rc.10",
            "1.0",
            "v1.0.1",
            "1.2",
            "1.10.0",
            "2.0.0+b1",
        ];
        for pair in ascending.windows(2).skip(1) {
            assert_eq!(compare_versions(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare_versions(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
        for (a, b) in [("1.0", "1.0.0"), ("v1", "1"), ("1+a", "1+b"), ("", "")] {
            assert_eq!(compare_versions(a, b), Ordering::Equal, "{a} {b}");
        }
    }
}
