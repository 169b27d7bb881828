//! Texts into names, numbers, durations and words, by the table of keys; what is wrong is collected.

use crate::config::error::ConfigError;
use crate::config::kafka;
use crate::config::keys::{self, Kind};
use crate::config::raw::Setting;
use crate::config::secret::Text;
use std::collections::BTreeMap;

/// Reads typed values; a wrong one is told and stands as 0 or empty until the report is given out.
pub struct Typed<'a> {
    pub settings: &'a BTreeMap<String, Setting>,
    pub errors: Vec<ConfigError>,
}

impl Typed<'_> {
    /// A name that Kafka takes for topics and group instance ids.
    pub fn name(&mut self, path: &str, name: &str) {
        let legal = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if name.is_empty() || name == "." || name == ".." || name.len() > NAME_MAX || !legal {
            // What was typed is shown masked where it must be; a host name was not typed.
            let typed = self.settings.get(path).is_some_and(|s| s.texts.iter().any(|t| !t.expose().is_empty()));
            let what = if typed || name.is_empty() {
                String::new()
            } else {
                format!("stands for the host name {name}, which ")
            };
            let remedy = format!("use letters, digits, `.`, `_` and `-`, 1 to {NAME_MAX} of them");
            self.wrong(path, format!("{what}is no name that Kafka takes"), &remedy);
        }
    }

    pub fn text(&mut self, path: &str) -> String {
        let Some(setting) = self.settings.get(path) else { return String::new() };
        match setting.texts.as_slice() {
            [text] if !setting.list => text.expose().to_string(),
            _ => {
                self.wrong(path, "is a list".into(), "write one value");
                String::new()
            }
        }
    }

    pub fn list(&self, path: &str) -> Vec<Text> {
        self.settings.get(path).map(|setting| setting.texts.clone()).unwrap_or_default()
    }

    pub fn word(&mut self, path: &str) -> String {
        let text = self.text(path);
        if let Some(Kind::Word(words)) = keys::find(path).map(|key| key.kind)
            && !words.contains(&text.as_str())
        {
            self.wrong(path, "is none of the words for it".into(), &format!("write one of: {}", words.join(", ")));
        }
        text
    }

    pub fn flag(&mut self, path: &str) -> bool {
        match self.text(path).as_str() {
            "true" => true,
            "false" => false,
            _ => {
                self.wrong(path, "is neither true nor false".into(), "write true or false");
                false
            }
        }
    }

    pub fn whole(&mut self, path: &str) -> i64 {
        let (min, max) = match keys::find(path).map(|key| key.kind) {
            Some(Kind::Whole { min, max }) => (min, max),
            _ => (i64::MIN, i64::MAX),
        };
        match self.text(path).parse() {
            Ok(number) if (min..=max).contains(&number) => number,
            Ok(_) => {
                self.wrong(path, "is out of bounds".into(), &format!("write a number from {min} to {max}"));
                0
            }
            Err(_) => {
                self.wrong(path, "is no whole number".into(), &format!("write a number from {min} to {max}"));
                0
            }
        }
    }

    pub fn duration(&mut self, path: &str) -> i64 {
        let (min, max) = match keys::find(path).map(|key| key.kind) {
            Some(Kind::Duration { min_ms, max_ms }) => (min_ms, max_ms),
            _ => (0, i64::MAX),
        };
        match parse_duration(&self.text(path)) {
            Some(ms) if (min..=max).contains(&ms) => ms,
            Some(_) => {
                let remedy = format!("write one from {} to {}", duration_text(min), duration_text(max));
                self.wrong(path, "is out of bounds".into(), &remedy);
                0
            }
            None => {
                self.wrong(path, "is no duration".into(), "write a number and a unit: 500ms, 10s, 1m, 24h, 7d");
                0
            }
        }
    }

    /// Only the first thing wrong with a key is told: the others mostly follow from it.
    pub fn wrong(&mut self, path: &str, problem: String, remedy: &str) {
        let Some(setting) = self.settings.get(path) else { return };
        let same = |e: &ConfigError| e.key == path && keys::find(path).is_none_or(|key| key.kind != Kind::List);
        if !self.errors.iter().any(same) {
            let (place, line, value) = (setting.place.clone(), setting.line, Some(value_text(path, setting)));
            self.errors.push(ConfigError { key: path.into(), place, line, value, problem, remedy: remedy.into() });
        }
    }
}

/// Kafka's names have at most 249 bytes, and `group.worker.stage.number` must be one: twice 100, and 49 for the rest.
const NAME_MAX: usize = 100;

/// `90s` and the like; `None` for what is none, or does not fit.
pub fn parse_duration(text: &str) -> Option<i64> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let unit_ms = match text[unit_at..].trim_start() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    text[..unit_at].parse::<i64>().ok()?.checked_mul(unit_ms)
}

/// In the largest units that say it exactly: `1h30m`, `3d12h`.
pub fn duration_text(ms: i64) -> String {
    let mut rest = ms;
    let mut out = String::new();
    for (unit, unit_ms) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= unit_ms {
            out.push_str(&format!("{}{unit}", rest / unit_ms));
            rest %= unit_ms;
        }
    }
    if out.is_empty() { "0s".into() } else { out }
}

/// As the operator may see it.
pub fn value_text(path: &str, setting: &Setting) -> String {
    let secret = keys::find(path).is_some_and(|key| key.kind == Kind::Secret);
    let texts = setting.texts.iter().map(Text::to_string);
    match setting.texts.as_slice() {
        [text] if text.expose().is_empty() => "\"\"".into(),
        _ if secret => "***".into(),
        [_] if !setting.list => kafka::shown(path, setting).to_string(),
        _ => format!("[{}]", texts.collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_write_the_same() {
        for (text, ms) in
            [("0s", 0), ("500ms", 500), ("10s", 10_000), ("1m", 60_000), ("24h", 86_400_000), ("7d", 604_800_000)]
        {
            assert_eq!(parse_duration(text), Some(ms), "{text}");
            assert_eq!(parse_duration(&duration_text(ms)), Some(ms), "{text}");
        }
        for text in ["", "5", "s", "-1s", "1.5h", "1h30m", "1w", "99999999999999999d"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
