//! As typed: defaults < file < environment, every value with the place it came from.

use crate::config::error::ConfigError;
use crate::config::keys::{self, KEYS, Key, Kind};
use crate::config::nearest;
use crate::config::secret::{Text, resolve};
use crate::config::yaml;
use figment::Figment;
use figment::providers::Serialized;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The configuration as typed, layers merged and references replaced; nothing is checked but names.
#[derive(Debug)]
pub struct Raw {
    pub settings: BTreeMap<String, Setting>,
    pub errors: Vec<ConfigError>,
}

/// One value.
#[derive(Clone, Debug)]
pub struct Setting {
    /// One text, or the items of a list.
    pub texts: Vec<Text>,
    pub list: bool,
    pub place: String,
    /// The line in the file; 0 elsewhere.
    pub line: u64,
}

/// A value within its layer. All fields are always written, so that a higher layer replaces a lower one whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    pub texts: Vec<String>,
    pub list: bool,
    pub place: String,
    pub line: u64,
}

/// The place of a value that nobody typed.
pub const DEFAULT: &str = "default";

type Layer = BTreeMap<String, Entry>;

/// Reads all layers. A file that cannot be read leaves the others, so that their errors are told too.
pub fn read(file: &Path, env: &BTreeMap<String, String>) -> Raw {
    let (from_file, mut errors) = match std::fs::read_to_string(file) {
        Ok(text) => yaml::read(&file.display().to_string(), &text),
        Err(e) => (Layer::new(), vec![unreadable(file, &e)]),
    };
    let from_env = environment(env, &mut errors);
    merged([from_file, from_env], file, env, errors)
}

/// Without a file: defaults < environment < what the command line says.
pub fn without_file(arguments: &[(&str, &str)], env: &BTreeMap<String, String>) -> Raw {
    let entry = |(key, text): &(&str, &str)| {
        let entry = Entry { texts: vec![(*text).into()], list: false, place: format!("--{key}"), line: 0 };
        ((*key).to_owned(), entry)
    };
    let mut errors = Vec::new();
    let from_env = environment(env, &mut errors);
    merged([from_env, arguments.iter().map(entry).collect()], Path::new("the command line"), env, errors)
}

/// The lower layer first.
fn merged(
    [lower, upper]: [Layer; 2],
    file: &Path,
    env: &BTreeMap<String, String>,
    mut errors: Vec<ConfigError>,
) -> Raw {
    // The keys stay dotted within one flat map: `window.max.open` and a later `window.max` cannot collide.
    let merged = Figment::from(Serialized::defaults(defaults()))
        .merge(Serialized::defaults(lower))
        .merge(Serialized::defaults(upper))
        .extract::<Layer>();
    let mut settings = BTreeMap::new();
    match merged {
        Ok(merged) => {
            for (path, entry) in merged {
                if keys::find(&path).is_none() && !path.starts_with("kafka.") {
                    errors.push(unknown(&path, &entry));
                } else if let Some(setting) = replace(&path, entry, env, &mut errors) {
                    settings.insert(path, setting);
                }
            }
        }
        Err(e) => {
            errors.push(whole_file(file, format!("cannot be merged: {e}"), "report this: it is a fault of steward"))
        }
    }
    Raw { settings, errors }
}

fn defaults() -> Layer {
    let entry = |key: &Key| Entry {
        texts: key.default.iter().map(|text| text.to_string()).collect(),
        list: key.kind == Kind::List,
        place: DEFAULT.into(),
        line: 0,
    };
    KEYS.iter().map(|key| (key.path.to_string(), entry(key))).collect()
}

/// The variables that are keys. `STEWARD_KAFKA_…` is any property of librdkafka, none of which has an underscore.
fn environment(env: &BTreeMap<String, String>, errors: &mut Vec<ConfigError>) -> Layer {
    let mut layer = Layer::new();
    for (name, value) in env.iter().filter(|(name, _)| name.starts_with("STEWARD_") && !is_foreign(name)) {
        let known = KEYS.iter().find(|key| keys::variable(key.path) == *name);
        let path = match (known, name.strip_prefix("STEWARD_KAFKA_")) {
            (Some(key), _) => key.path.to_string(),
            (None, Some(property)) => format!("kafka.{}", property.to_lowercase().replace('_', ".")),
            (None, None) => {
                errors.push(unknown_variable(name));
                continue;
            }
        };
        let list = known.is_some_and(|key| key.kind == Kind::List);
        let texts = match list {
            true => value.split(',').map(|item| item.trim().to_string()).filter(|item| !item.is_empty()).collect(),
            false => vec![value.clone()],
        };
        layer.insert(path, Entry { texts, list, place: format!("environment {name}"), line: 0 });
    }
    layer
}

/// Variables that begin with our prefix and are no keys: the test suite's, the token of commands that ask a worker, the builder's, and those that Kubernetes sets in every
/// container for a service called `steward…` (`STEWARD_SERVICE_HOST`, `STEWARD_PORT_8083_TCP_ADDR`).
fn is_foreign(name: &str) -> bool {
    let port_number = name.split("_PORT_").nth(1).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    ["STEWARD_SPECS", "STEWARD_COMMIT", "STEWARD_TOKEN"].contains(&name)
        || name.starts_with("STEWARD_TEST_")
        || name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || port_number
}

fn replace(path: &str, entry: Entry, env: &BTreeMap<String, String>, errors: &mut Vec<ConfigError>) -> Option<Setting> {
    let mut texts = Vec::with_capacity(entry.texts.len());
    for text in &entry.texts {
        match resolve(text, env) {
            Ok(text) => texts.push(text),
            Err(e) => errors.push(ConfigError {
                key: path.into(),
                place: entry.place.clone(),
                line: entry.line,
                // The reference is the operator's own and holds no secret, but the text around it may.
                value: None,
                problem: e.to_string(),
                remedy: e.remedy(),
            }),
        }
    }
    (texts.len() == entry.texts.len()).then_some(Setting {
        texts,
        list: entry.list,
        place: entry.place,
        line: entry.line,
    })
}

fn unknown(path: &str, entry: &Entry) -> ConfigError {
    let remedy = match nearest::nearest(path) {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => "remove it; config/steward.yaml lists every key".into(),
    };
    let problem = "is no key of steward".into();
    ConfigError { key: path.into(), place: entry.place.clone(), line: entry.line, value: None, problem, remedy }
}

fn unknown_variable(name: &str) -> ConfigError {
    let path = name["STEWARD_".len()..].to_lowercase().replace('_', ".");
    let remedy = match nearest::nearest(&path) {
        Some(nearest) => format!("did you mean {}?", keys::variable(nearest)),
        None => "unset it; STEWARD_ and a key in capitals, dots as underscores, is what is read".into(),
    };
    let problem = "is no key of steward".into();
    ConfigError { key: name.into(), place: "environment".into(), line: 0, value: None, problem, remedy }
}

fn unreadable(file: &Path, e: &std::io::Error) -> ConfigError {
    whole_file(file, format!("cannot be read: {e}"), "name a file that exists and that this user may read")
}

fn whole_file(file: &Path, problem: String, remedy: &str) -> ConfigError {
    let place = file.display().to_string();
    ConfigError { key: String::new(), place, line: 0, value: None, problem, remedy: remedy.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_both(yaml: &str, env: &[(&str, &str)]) -> Raw {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f.yaml");
        std::fs::write(&file, yaml).unwrap();
        read(&file, &env.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect())
    }

    fn check(yaml: &str, env: &[(&str, &str)], key: &str, texts: &[&str], place: &str) {
        let raw = read_both(yaml, env);
        assert!(raw.errors.is_empty(), "{:?}", raw.errors);
        let setting = &raw.settings[key];
        assert_eq!(setting.texts.iter().map(Text::expose).collect::<Vec<_>>(), texts, "{key}");
        assert!(setting.place.ends_with(place), "{key}: {}", setting.place);
    }

    #[test]
    fn the_environment_is_above_the_file_and_the_file_above_the_default() {
        let yaml = "window: {size: 2m}";
        check("", &[], "window.size", &["1m"], "default");
        check(yaml, &[], "window.size", &["2m"], "f.yaml:1");
        check(yaml, &[("STEWARD_WINDOW_SIZE", "3m")], "window.size", &["3m"], "environment STEWARD_WINDOW_SIZE");
    }

    #[test]
    fn any_property_of_librdkafka_may_come_from_the_environment() {
        check(
            "",
            &[("STEWARD_KAFKA_SASL_USERNAME", "me")],
            "kafka.sasl.username",
            &["me"],
            "STEWARD_KAFKA_SASL_USERNAME",
        );
        check(
            "",
            &[("STEWARD_KAFKA_CONSUMER_FETCH_MIN_BYTES", "9")],
            "kafka.consumer.fetch.min.bytes",
            &["9"],
            "BYTES",
        );
    }

    #[test]
    fn a_list_in_a_higher_layer_replaces_the_lower_one() {
        let yaml = "contracts.paths: [a, b, c]";
        check(yaml, &[("STEWARD_CONTRACTS_PATHS", "d, e")], "contracts.paths", &["d", "e"], "STEWARD_CONTRACTS_PATHS");
        check(yaml, &[("STEWARD_CONTRACTS_PATHS", "")], "contracts.paths", &[], "STEWARD_CONTRACTS_PATHS");
    }

    #[test]
    fn variables_of_others_are_left_alone_and_unknown_ones_are_told() {
        let foreign = [
            "SPECS",
            "TEST_X",
            "SERVICE_HOST",
            "SERVICE_PORT_HTTP",
            "PORT",
            "PORT_8083_TCP",
            "KAFKA_PORT_9092_TCP_ADDR",
        ];
        for name in foreign {
            let raw = read_both("", &[(&format!("STEWARD_{name}"), "x")]);
            assert!(raw.errors.is_empty(), "{:?}", raw.errors);
        }
        let raw = read_both("", &[("STEWARD_WINDOW_SISE", "1m"), ("STEWARD_QQQQ", "x"), ("OTHER", "x")]);
        let remedies: Vec<_> = raw.errors.iter().map(|e| (e.key.as_str(), e.remedy.as_str())).collect();
        assert_eq!(remedies[1], ("STEWARD_WINDOW_SISE", "did you mean STEWARD_WINDOW_SIZE?"));
        assert!(remedies[0].1.starts_with("unset it"), "{remedies:?}");
    }

    #[test]
    fn an_unknown_key_of_the_file_is_told_with_its_line() {
        let raw = read_both("window:\n  sise: 1m\nnothing: {like: it}", &[]);
        let told: Vec<_> = raw.errors.iter().map(|e| (e.key.as_str(), e.line, e.remedy.as_str())).collect();
        assert_eq!(
            told,
            [
                ("nothing.like", 3, "remove it; config/steward.yaml lists every key"),
                ("window.sise", 2, "did you mean window.size?")
            ]
        );
    }
}
