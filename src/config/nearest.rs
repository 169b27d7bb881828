//! What a mistyped key may have meant.

use crate::config::keys::KEYS;

/// The known key nearest to a mistyped one: at most a third of its letters may differ.
pub fn nearest(path: &str) -> Option<&'static str> {
    let known = KEYS.iter().map(|key| key.path).chain(COMMON_PROPERTIES.iter().copied());
    let (distance, nearest) = known.map(|key| (strsim::damerau_levenshtein(key, path), key)).min()?;
    (distance * 3 <= path.len().max(3)).then_some(nearest)
}

/// Properties of librdkafka that people set most; only for the suggestion of a name.
const COMMON_PROPERTIES: &[&str] = &[
    "kafka.client.id",
    "kafka.security.protocol",
    "kafka.sasl.mechanism",
    "kafka.sasl.username",
    "kafka.sasl.password",
    "kafka.ssl.ca.location",
    "kafka.ssl.certificate.location",
    "kafka.ssl.key.location",
    "kafka.ssl.key.password",
    "kafka.session.timeout.ms",
    "kafka.heartbeat.interval.ms",
    "kafka.fetch.min.bytes",
    "kafka.compression.type",
    "kafka.linger.ms",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_no_far_one() {
        for (typed, expected) in [
            ("window.sise", Some("window.size")),
            ("windows.size", Some("window.size")),
            ("worker.group_id", Some("worker.group.id")),
            ("kafka.bootstrap.server", Some("kafka.bootstrap.servers")),
            ("log.lvel", Some("log.level")),
            ("something.else.entirely", None),
            ("x", None),
        ] {
            assert_eq!(nearest(typed), expected, "{typed}");
        }
    }
}
