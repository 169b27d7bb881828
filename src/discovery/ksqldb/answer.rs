//! What ksqlDB's `/ksql` answers, read leniently: `SHOW QUERIES EXTENDED`, `LIST STREAMS EXTENDED`, `LIST TABLES EXTENDED`, and the
//! same without `EXTENDED`.
//!
//! An answer is a list of results, each with `@type`: `queryDescriptions` or `queries`; `source_descriptions`, `streams` or `tables`.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A persistent query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub id: String,
    pub statement: String,
    pub state: String,
    /// Streams and tables that it reads; empty where that is not told.
    pub sources: BTreeSet<String>,
    /// Streams and tables that it writes.
    pub sinks: BTreeSet<String>,
    /// Topics that it writes.
    pub topics: BTreeSet<String>,
}

/// Streams and tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The topic of each, by name.
    pub topics: BTreeMap<String, String>,
    /// The consumer group of a query, by the query's id.
    pub groups: BTreeMap<String, String>,
}

/// Persistent queries of an answer; others run for as long as somebody looks at them.
pub fn queries(json: &Value) -> Vec<Query> {
    let results = json.as_array().into_iter().flatten();
    let told = results.flat_map(|result| list(&result["queryDescriptions"]).iter().chain(list(&result["queries"])));
    told.filter(|query| matches!(query["queryType"].as_str(), None | Some("PERSISTENT"))).filter_map(query).collect()
}

fn query(told: &Value) -> Option<Query> {
    let state = told["state"].as_str().map(str::to_owned).or_else(|| status(told));
    Some(Query {
        // `id` may be an object in older servers: `{"id": "CSAS_A_0"}`.
        id: told["id"].as_str().or(told["id"]["id"].as_str())?.to_owned(),
        statement: told["statementText"].as_str().or(told["queryString"].as_str()).unwrap_or_default().to_owned(),
        state: state.unwrap_or_default(),
        sources: texts(&told["sources"]),
        sinks: texts(&told["sinks"]),
        topics: texts(&told["sinkKafkaTopics"]),
    })
}

/// Of several hosts: ERROR where one says so, else what the first says. `{"host:8088": "RUNNING"}`, `{"RUNNING": 2}`.
fn status(told: &Value) -> Option<String> {
    let hosts = told["ksqlHostQueryStatus"].as_object().into_iter().flatten().filter_map(|(_, state)| state.as_str());
    let counts = told["statusCount"].as_object().into_iter().flatten().map(|(state, _)| state.as_str());
    let states: Vec<&str> = hosts.chain(counts).collect();
    states.iter().find(|state| **state == "ERROR").or(states.first()).map(|state| (*state).to_owned())
}

/// Adds the streams and tables of an answer.
pub fn sources(json: &Value, sources: &mut Sources) {
    for result in json.as_array().into_iter().flatten() {
        let told = ["sourceDescriptions", "streams", "tables"].into_iter().flat_map(|key| list(&result[key]));
        for source in told {
            let (Some(name), Some(topic)) = (source["name"].as_str(), source["topic"].as_str()) else { continue };
            sources.topics.insert(name.to_owned(), topic.to_owned());
            for summary in list(&source["queryOffsetSummaries"]) {
                let Some(group) = summary["groupId"].as_str() else { continue };
                // `_confluent-ksql-default_query_CSAS_A_0`: the id stands at its end, and is among those that read the source.
                let reads = list(&source["readQueries"]).iter().chain(list(&source["writeQueries"]));
                let ids = reads.filter_map(|query| query["id"].as_str().or(query["id"]["id"].as_str()));
                if let Some(id) = ids.filter(|id| group.ends_with(&format!("query_{id}"))).max_by_key(|id| id.len()) {
                    sources.groups.insert(id.to_owned(), group.to_owned());
                }
            }
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn texts(value: &Value) -> BTreeSet<String> {
    list(value).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn queries_are_read_in_both_shapes_and_others_left_out() {
        let extended = json!([{"@type": "queryDescriptions", "statementText": "SHOW QUERIES EXTENDED;", "queryDescriptions": [
            {"id": "CSAS_BIG_0", "statementText": "CREATE STREAM BIG AS SELECT * FROM ORDERS", "sources": ["ORDERS"],
             "sinks": ["BIG"], "ksqlHostQueryStatus": {"a:8088": "RUNNING", "b:8088": "ERROR"}, "queryType": "PERSISTENT"},
            {"id": "transient_1", "queryType": "PUSH", "sources": ["ORDERS"]},
            {"statementText": "no id"}]}]);
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let big = Query {
            id: "CSAS_BIG_0".into(),
            statement: "CREATE STREAM BIG AS SELECT * FROM ORDERS".into(),
            state: "ERROR".into(),
            sources: set(&["ORDERS"]),
            sinks: set(&["BIG"]),
            topics: BTreeSet::new(),
        };
        assert_eq!(queries(&extended), [big]);
        let plain = json!([{"@type": "queries", "queries": [{"queryString": "INSERT …", "sinks": ["BIG"],
            "sinkKafkaTopics": ["big"], "id": {"id": "INSERTQUERY_1"}, "statusCount": {"RUNNING": 1}}]}]);
        let found = queries(&plain);
        assert_eq!((found[0].id.as_str(), found[0].state.as_str()), ("INSERTQUERY_1", "RUNNING"));
        assert_eq!(found[0].topics, set(&["big"]));
        for odd in [json!(null), json!({}), json!([1, {"queries": 3}, {"queryDescriptions": [null, {"id": 7}]}])] {
            assert_eq!(queries(&odd), []);
        }
    }

    #[test]
    fn streams_and_tables_tell_topics_and_groups() {
        let mut found = Sources::default();
        let extended = json!([{"@type": "source_descriptions", "sourceDescriptions": [
            {"name": "ORDERS", "topic": "shop.orders", "type": "STREAM", "readQueries": [{"id": "CSAS_BIG_0"}, {"id": "G_0"}],
             "queryOffsetSummaries": [{"groupId": "_confluent-ksql-default_query_CSAS_BIG_0", "topicSummaries": []},
                {"groupId": "somebody"}]},
            {"name": "NOTOPIC"}]}]);
        sources(&extended, &mut found);
        sources(&json!([{"@type": "tables", "tables": [{"name": "T", "topic": "t", "type": "TABLE"}]}]), &mut found);
        let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let topics = pairs(&[("ORDERS", "shop.orders"), ("T", "t")]);
        let groups = pairs(&[("CSAS_BIG_0", "_confluent-ksql-default_query_CSAS_BIG_0")]);
        assert_eq!(found, Sources { topics, groups });
    }
}
