//! The table against the documented configuration, and against itself.

use crate::config::keys::{KEYS, Key, Kind, variable};

#[test]
fn every_variable_names_one_key() {
    let mut variables: Vec<String> = KEYS.iter().map(|key| variable(key.path)).collect();
    variables.sort();
    variables.dedup();
    assert_eq!(variables.len(), KEYS.len());
}

#[test]
fn the_documented_configuration_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/steward.yaml");
    if std::env::var_os("STEWARD_TEST_WRITE").is_some() {
        std::fs::write(path, document()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap();
    assert_eq!(written, document(), "write it anew with STEWARD_TEST_WRITE=1 cargo test config::keys");
}

#[test]
fn the_documented_configuration_holds_every_key_with_its_default() {
    let (entries, errors) = crate::config::yaml::read("steward.yaml", &document());
    assert_eq!(errors, []);
    assert_eq!(entries.keys().collect::<Vec<_>>(), {
        let mut paths: Vec<_> = KEYS.iter().map(|key| key.path).collect();
        paths.sort();
        paths
    });
    for key in KEYS {
        assert_eq!(entries[key.path].texts, key.default, "{}", key.path);
    }
}

/// `config/steward.yaml`, from the table.
fn document() -> String {
    let mut out = String::from(HEAD);
    let mut section = "";
    for key in KEYS {
        let (first, rest) = key.path.split_once('.').unwrap_or(("", key.path));
        out.push_str(if first != section || first.is_empty() { "\n" } else { "" });
        if first != section && !first.is_empty() {
            out.push_str(&format!("{first}:\n"));
            out.push_str(if first == "kafka" { KAFKA } else { "" });
        }
        section = first;
        let indent = if first.is_empty() { "" } else { "  " };
        key.doc.lines().for_each(|line| out.push_str(&format!("{indent}# {line}\n")));
        out.push_str(&format!("{indent}{rest}: {}\n", value(key)));
    }
    out
}

fn value(key: &Key) -> String {
    match (key.kind, key.default) {
        (Kind::List, items) => format!("[{}]", items.join(", ")),
        (_, [""]) => "\"\"".into(),
        (_, items) => items.concat(),
    }
}

const HEAD: &str = "\
# Every key of steward with its default; a file of your own needs only what differs.
#
# Keys are dotted paths, nested or flat as you like: window: {max: {open: 1h}}, or window.max.open: 1h.
# Durations are a number and a unit: 500ms, 10s, 1m, 24h, 7d.
# The environment overrides the file: STEWARD_WINDOW_MAX_OPEN=2h; lists are separated by commas there.
# Secrets come from ${env:NAME}, ${file:/path/x.properties:key}, ${dir:/folder:file} or ${credential:NAME} (systemd's
# LoadCredential=) in any value, and are never shown.
# `steward check --config FILE` reports everything wrong at once.
";

const KAFKA: &str = "  \
  # Any property of librdkafka may stand here, as security.protocol or sasl.username;
  # under consumer:, producer: or admin: it counts for that client alone. STEWARD_KAFKA_SASL_USERNAME works too.
  # What a task reads ahead: 32 queues of consumer.queued.min.messages (4000) records or
  # consumer.queued.max.messages.kbytes (1024) each; 100 MB at most with records of 220 bytes.

";
