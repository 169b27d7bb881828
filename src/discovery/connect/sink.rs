//! Which topics a sink's configuration says that it reads.

use crate::discovery::connect::Topics;
use crate::discovery::connect::answer::{Connector, list};
use fancy_regex::Regex;

/// How the configuration names a sink's topics.
pub enum Named {
    /// One by one.
    Each(Vec<String>),
    /// By an expression; these of the topics that there are.
    Matching(String, Vec<String>),
}

/// The error says why the configuration does not decide them.
pub fn decided(connector: &Connector, topics: &Topics) -> Result<Named, String> {
    let named = list(&connector.config, "topics");
    if let Some(text) = named.iter().find(|topic| topic.contains("${")) {
        return Err(format!("topics holds {text}, which is looked up elsewhere"));
    }
    if !named.is_empty() {
        return Ok(Named::Each(named.into_iter().map(str::to_owned).collect()));
    }
    let pattern = connector.config.get("topics.regex").ok_or("it names no topics")?.trim();
    let matching = matching(pattern, topics).map_err(|why| format!("topics.regex {pattern:?} {why}"))?;
    Ok(Named::Matching(pattern.to_owned(), matching))
}

/// As Java's `matches`: the whole name.
fn matching(pattern: &str, topics: &Topics) -> Result<Vec<String>, String> {
    let unknown = |e: fancy_regex::Error| format!("cannot be evaluated here: {e}");
    let regex = Regex::new(&format!("^(?:{pattern})$")).map_err(unknown)?;
    let mut found = Vec::new();
    for topic in topics {
        if regex.is_match(topic).map_err(unknown)? {
            found.push(topic.clone());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn check(key: &str, value: &str, expected: Result<&[&str], &str>) {
        let topics: Topics = ["shop.a", "shop.b", "other", "xshop.a"].map(str::to_owned).into();
        let config = BTreeMap::from([(key.to_owned(), value.to_owned())]);
        match (decided(&Connector { config, ..Connector::default() }, &topics), expected) {
            (Ok(Named::Each(named) | Named::Matching(_, named)), Ok(expected)) => assert_eq!(named, expected),
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            (other, _) => panic!("{} of {key} {value}", other.is_ok()),
        }
    }

    #[test]
    fn topics_of_a_sink_are_named_or_match() {
        check("topics", "a, b", Ok(&["a", "b"]));
        check("topics", "${file:x:y}", Err("looked up"));
        check("topics.regex", "shop\\..*", Ok(&["shop.a", "shop.b"]));
        check("topics.regex", "(?!shop).*", Ok(&["other", "xshop.a"]));
        check("topics.regex", "(", Err("cannot be evaluated"));
        check("file", "x", Err("names no topics"));
    }
}
