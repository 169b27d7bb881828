//! Text as a configuration, and as files of logins and keys: refused with a reason that shows no line of it, or read; references are
//! looked up in the environment alone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mesh_steward_fuzz::config::{raw, secret, yaml};
use mesh_steward_fuzz::engine::access::{keys, logins};
use std::collections::BTreeMap;

fuzz_target!(|text: &str| {
    let env = BTreeMap::from([("A".to_owned(), "b".to_owned())]);
    let (entries, errors) = yaml::read("f.yaml", text);
    errors.iter().for_each(|error| drop(error.to_string()));
    for text in entries.values().flat_map(|entry| &entry.texts).filter(|text| is_of_environment(text)) {
        match secret::resolve(text, &env) {
            Ok(found) => assert!(!found.is_secret() || format!("{found} {found:?}") == "*** ***"),
            Err(error) => drop((error.to_string(), error.remedy())),
        }
    }
    // Lines `STEWARD_NAME=value`.
    let lines = text.lines().filter(|line| is_of_environment(line)).filter_map(|line| line.split_once('='));
    let env = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    for error in raw::without_file(
        &[("log.level", text)].map(|pair| if is_of_environment(text) { pair } else { ("log.level", "info") }),
        &env,
    )
    .errors
    {
        drop(error.to_string());
    }
    if let Ok(logins) = logins::Logins::read(text) {
        logins.of_token(None, "x", 0);
        logins.of_groups(["a"]);
    }
    if let Ok(keys) = keys::read(text.as_bytes()) {
        keys.iter().for_each(|key| _ = key.verifies(b"message", &[0; 64]));
    }
});

/// No file is opened for a fuzzer.
fn is_of_environment(text: &str) -> bool {
    !["${file", "${dir", "${credential"].iter().any(|word| text.contains(word))
}
