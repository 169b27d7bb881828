//! What Connect's REST API says, read leniently: what is missing or of another shape is as if it were not there.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A connector, as one round found it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connector {
    pub name: String,
    pub kind: Kind,
    pub config: Settings,
    /// RUNNING, PAUSED, STOPPED, FAILED, UNASSIGNED, RESTARTING; empty where it is not known.
    pub state: String,
    /// States of its tasks.
    pub tasks: Vec<String>,
    /// The first line of the first failure.
    pub trace: Option<String>,
    /// Topics that it has used since it was made or they were reset; `None`: that is not known.
    pub active: Option<BTreeSet<String>>,
    pub offsets: Vec<Place>,
}

pub type Settings = BTreeMap<String, String>;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    Source,
    Sink,
    #[default]
    Unknown,
}

/// How far a connector has come with a part of what it reads: a file, a table, a partition.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub partition: Value,
    pub offset: Value,
}

impl Connector {
    /// The class without its package and without `Connector` at its end, as Connect itself abbreviates it.
    pub fn class(&self) -> &str {
        let class = self.config.get("connector.class").map_or("", String::as_str);
        let short = class.rsplit('.').next().unwrap_or_default();
        short.strip_suffix("Connector").unwrap_or(short)
    }

    /// A value that is typed and not looked up elsewhere, as `${file:…}` is.
    pub fn plain(&self, key: &str) -> Option<&str> {
        plain(&self.config, key)
    }

    /// The consumer group of a sink's tasks.
    pub fn group(&self) -> String {
        match self.plain("consumer.override.group.id") {
            Some(group) => group.to_owned(),
            None => format!("connect-{}", self.name),
        }
    }

    /// Whether it moves data: a task runs.
    pub fn runs(&self) -> bool {
        self.state == "RUNNING" && self.tasks.iter().any(|task| task == "RUNNING")
    }

    /// The connector's own state, or that a task of it has failed: Connect calls such a connector RUNNING.
    pub fn standing(&self) -> &str {
        match self.state.as_str() {
            "RUNNING" if self.tasks.iter().any(|task| task == "FAILED") => "FAILED",
            "" => "UNKNOWN",
            state => state,
        }
    }
}

pub fn plain<'a>(config: &'a Settings, key: &str) -> Option<&'a str> {
    config.get(key).map(|value| value.trim()).filter(|value| !value.is_empty() && !value.contains("${"))
}

/// The items of a list that commas separate.
pub fn list<'a>(config: &'a Settings, key: &str) -> Vec<&'a str> {
    let items = config.get(key).map_or("", String::as_str).split(',').map(str::trim);
    items.filter(|item| !item.is_empty()).collect()
}

/// `GET /connectors?expand=info&expand=status`: an object by name.
pub fn connectors(json: &Value) -> Vec<Connector> {
    let Some(by_name) = json.as_object() else { return Vec::new() };
    by_name.iter().map(|(name, told)| connector(name, told)).collect()
}

fn connector(name: &str, told: &Value) -> Connector {
    let (info, status) = (&told["info"], &told["status"]);
    let settings = info["config"].as_object().into_iter().flatten();
    let config: Settings = settings.filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect();
    let kind = match info["type"].as_str().or(status["type"].as_str()) {
        Some("source") => Kind::Source,
        Some("sink") => Kind::Sink,
        // Only sinks are told topics to read.
        _ if config.contains_key("topics.regex") => Kind::Sink,
        _ => Kind::Unknown,
    };
    let tasks = status["tasks"].as_array().map_or(&[][..], Vec::as_slice);
    let traces = std::iter::once(&status["connector"]["trace"]).chain(tasks.iter().map(|task| &task["trace"]));
    Connector {
        name: name.to_owned(),
        kind,
        config,
        state: status["connector"]["state"].as_str().unwrap_or_default().to_owned(),
        tasks: tasks.iter().filter_map(|task| Some(task["state"].as_str()?.to_owned())).collect(),
        trace: traces.filter_map(Value::as_str).next().map(first_line),
        active: None,
        offsets: Vec::new(),
    }
}

/// Values are texts; a service that types them is understood too.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

fn first_line(trace: &str) -> String {
    trace.lines().next().unwrap_or_default().chars().take(300).collect()
}

/// `GET /connectors/{name}/topics`: `{name: {topics: […]}}`.
pub fn topics(json: &Value, name: &str) -> Option<BTreeSet<String>> {
    let topics = json[name]["topics"].as_array()?;
    Some(topics.iter().filter_map(|topic| Some(topic.as_str()?.to_owned())).collect())
}

/// `GET /connectors/{name}/offsets`: `{offsets: [{partition, offset}]}`.
pub fn offsets(json: &Value) -> Vec<Place> {
    let places = json["offsets"].as_array().into_iter().flatten();
    places.map(|place| Place { partition: place["partition"].clone(), offset: place["offset"].clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_connector_is_read_as_far_as_it_is_told() {
        let told = json!({
            "orders": {
                "info": {"name": "orders", "config": {"connector.class": "x.y.FileStreamSinkConnector", "tasks.max": 2,
                    "topics": "a,b", "password": null}, "type": "sink"},
                "status": {"connector": {"state": "RUNNING"}, "tasks": [{"id": 0, "state": "RUNNING"},
                    {"id": 1, "state": "FAILED", "trace": "java.lang.X: no\n\tat y"}]},
            },
            "empty": {},
            "odd": {"info": [1], "status": "?"},
        });
        let connectors = connectors(&told);
        assert_eq!(connectors.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["empty", "odd", "orders"]);
        assert_eq!(connectors[0], Connector { name: "empty".into(), ..Connector::default() });
        let orders = &connectors[2];
        assert_eq!((orders.kind, orders.class(), orders.standing()), (Kind::Sink, "FileStreamSink", "FAILED"));
        assert!(orders.runs(), "one task of two");
        assert_eq!(orders.trace.as_deref(), Some("java.lang.X: no"));
        assert_eq!(orders.config["tasks.max"], "2");
        assert_eq!(list(&orders.config, "topics"), ["a", "b"]);
        assert_eq!(orders.group(), "connect-orders");
    }

    #[test]
    fn topics_and_offsets_of_other_shapes_are_none() {
        assert_eq!(topics(&json!({"c": {"topics": ["a", 1]}}), "c"), Some(BTreeSet::from(["a".to_owned()])));
        assert_eq!(topics(&json!({"d": {"topics": ["a"]}}), "c"), None);
        assert_eq!(topics(&json!([]), "c"), None);
        assert_eq!(offsets(&json!({"offsets": [{"partition": {"p": 1}}]})).len(), 1);
        assert_eq!(offsets(&json!({"offsets": "none"})).len(), 0);
    }
}
