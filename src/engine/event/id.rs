//! Event ids: a hash of what the event is about, so that a repeat has the same.

use sha2::{Digest, Sha256};

/// SHA-256 of the parts, cut to 16 bytes, as 32 hexadecimal digits. Each part goes with its length (8 bytes, big
/// endian) before it, so that `["ab", "c"]` and `["a", "bc"]` differ.
///
/// Ids are compared across versions of the daemon: the order of an event's parts is as fixed as the event's type.
pub fn of(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn where_a_part_ends_is_part_of_the_id() {
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["ab"]), of(&["ab", ""]));
    }
}
