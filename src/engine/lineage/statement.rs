//! OpenLineage events of others, read leniently: what is there is taken, what a client left out is not missed.
//!
//! Written against <https://openlineage.io/spec/2-0-2/OpenLineage.json>. Refused is what nobody could use: no JSON object, no
//! job, run or dataset, names that are empty, a time without a zone.

use crate::engine::lineage::names::Aliases;
use crate::engine::lineage::node::Node;
use serde_json::{Map, Value};

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// When it happened, by its author, milliseconds since 1970.
    pub event_ms: i64,
    pub producer: String,
    pub about: About,
    pub inputs: Vec<Thing>,
    pub outputs: Vec<Thing>,
    /// The event as it came; null where a run was created, of which OpenLineage has no event.
    pub event: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub enum About {
    Run { job: Thing, run: String, state: &'static str, facets: Map<String, Value> },
    Job(Thing),
    Dataset(Thing),
}

/// A job or dataset, and what is said of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Thing {
    pub node: Node,
    pub facets: Map<String, Value>,
}

/// Of one event: Spark names hundreds.
const DATASETS_MAX: usize = 2_000;
/// A namespace or name beyond it is none.
const NAME_BYTES_MAX: usize = 2_048;

/// Reads an event; what is wrong with it, in words that tell what to do.
pub fn read(event: Value, aliases: &Aliases) -> Result<Statement, String> {
    let Some(members) = event.as_object() else { return Err("an OpenLineage event is a JSON object".into()) };
    let (run, job, dataset) = (member(members, "run"), member(members, "job"), member(members, "dataset"));
    let about = match (run, job, dataset) {
        (Some(run), Some(job), _) => {
            let id = text(run, "runId").ok_or("run.runId is missing")?;
            if uuid::Uuid::try_parse(id).is_err() {
                return Err(format!("run.runId {id:?} is no UUID"));
            }
            let state = state(members.get("eventType"))?;
            let (job, facets) = (thing(job, "job", aliases)?, facets(run, &["facets"]));
            About::Run { job, run: id.to_owned(), state, facets }
        }
        (Some(_), None, _) => return Err("job is missing: a run is one of a job".into()),
        (None, Some(_), Some(_)) => {
            return Err(
                "job and dataset stand beside each other without run: it is none of OpenLineage's events".into()
            );
        }
        (None, Some(job), None) => About::Job(thing(job, "job", aliases)?),
        (None, None, Some(dataset)) => About::Dataset(thing(dataset, "dataset", aliases)?),
        (None, None, None) => {
            return Err(
                "neither run, job nor dataset: this is no OpenLineage event, see https://openlineage.io/spec".into()
            );
        }
    };
    let event_ms = time(members.get("eventTime"))?;
    let producer = text(members, "producer").unwrap_or_default().to_owned();
    let (inputs, outputs) = match about {
        About::Dataset(_) => (Vec::new(), Vec::new()),
        _ => (datasets(members, "inputs", aliases)?, datasets(members, "outputs", aliases)?),
    };
    Ok(Statement { event_ms, producer, about, inputs, outputs, event })
}

/// Marquez' words for the states of a run.
fn state(kind: Option<&Value>) -> Result<&'static str, String> {
    match kind {
        None | Some(Value::Null) => Ok("RUNNING"),
        Some(Value::String(kind)) => match kind.to_ascii_uppercase().as_str() {
            "START" | "RUNNING" | "OTHER" => Ok("RUNNING"),
            "COMPLETE" => Ok("COMPLETED"),
            "FAIL" => Ok("FAILED"),
            "ABORT" => Ok("ABORTED"),
            _ => Err(format!("eventType {kind:?} is none of START, RUNNING, COMPLETE, ABORT, FAIL, OTHER")),
        },
        Some(other) => Err(format!("eventType {other} is no text")),
    }
}

fn time(value: Option<&Value>) -> Result<i64, String> {
    let text = value.and_then(Value::as_str).ok_or("eventTime is missing")?;
    let time: jiff::Timestamp =
        text.parse().map_err(|_| format!("eventTime {text:?} is no time with a zone; write 2026-11-24T10:00:00Z"))?;
    Ok(time.as_millisecond())
}

fn datasets(members: &Map<String, Value>, side: &str, aliases: &Aliases) -> Result<Vec<Thing>, String> {
    let items = match members.get(side) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) if items.len() > DATASETS_MAX => {
            return Err(format!("{side} are {}, more than {DATASETS_MAX}", items.len()));
        }
        Some(Value::Array(items)) => items,
        Some(_) => return Err(format!("{side} is no list")),
    };
    let one = |(i, item): (usize, &Value)| {
        let what = format!("{side}[{i}]");
        let members = item.as_object().ok_or(format!("{what} is no object"))?;
        thing(members, &what, aliases)
    };
    items.iter().enumerate().map(one).collect()
}

fn thing(members: &Map<String, Value>, what: &str, aliases: &Aliases) -> Result<Thing, String> {
    let named = |key: &str| match text(members, key) {
        None => Err(format!("{what}.{key} is missing")),
        Some(text) if text.len() > NAME_BYTES_MAX => Err(format!("{what}.{key} is longer than {NAME_BYTES_MAX} bytes")),
        Some(text) => Ok(text),
    };
    let (namespace, name) = (aliases.canonical(named("namespace")?), named("name")?);
    let node = match what {
        "job" => Node::job(namespace, name),
        _ => Node::dataset(namespace, name),
    };
    let mut facets = facets(members, &["facets", "inputFacets", "outputFacets"]);
    for name in ["columnLineage", "lineage"] {
        facets.get_mut(name).into_iter().for_each(|facet| rename(facet, aliases));
    }
    Ok(Thing { node, facets })
}

/// What a facet names goes by its canonical namespace, too.
fn rename(value: &mut Value, aliases: &Aliases) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, aliases)),
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(namespace) if name == "namespace" => *namespace = aliases.canonical(namespace),
                    _ => rename(value, aliases),
                }
            }
        }
        _ => {}
    }
}

/// Older clients write null for a facet that they have not.
fn facets(members: &Map<String, Value>, places: &[&str]) -> Map<String, Value> {
    let all = places.iter().filter_map(|place| members.get(*place)?.as_object()).flatten();
    all.filter(|(_, facet)| facet.is_object()).map(|(name, facet)| (name.clone(), facet.clone())).collect()
}

fn member<'m>(members: &'m Map<String, Value>, name: &str) -> Option<&'m Map<String, Value>> {
    members.get(name).and_then(Value::as_object)
}

fn text<'m>(members: &'m Map<String, Value>, name: &str) -> Option<&'m str> {
    members.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run() -> Value {
        json!({
            "eventTime": "2026-11-24T10:00:00.000+01:00",
            "run": {"runId": "0190a5f0-0000-7000-8000-000000000001"},
            "job": {"namespace": "airflow", "name": "load"},
            "inputs": [{"namespace": "kafka://b1:9092", "name": "orders", "facets": {"schema": {"fields": []}, "old": null}}],
        })
    }

    #[test]
    fn what_clients_leave_out_is_not_missed() {
        let aliases = Aliases([("kafka://b1:9092".into(), "kafka://prod:9092".into())].into());
        let told = read(run(), &aliases).expect("a run");
        assert_eq!((told.event_ms, told.producer.as_str(), told.outputs.len()), (1_795_510_800_000, "", 0));
        assert!(
            matches!(&told.about, About::Run { state: "RUNNING", job, .. } if job.node == Node::job("airflow", "load"))
        );
        assert_eq!(told.inputs[0].node, Node::dataset("kafka://prod:9092", "orders"));
        assert_eq!(told.inputs[0].facets.keys().collect::<Vec<_>>(), ["schema"]);
        let job =
            json!({"eventTime": "2026-11-24T09:00:00Z", "job": {"namespace": "dbt", "name": "m"}, "outputs": null});
        assert!(matches!(read(job, &aliases).expect("a job").about, About::Job(_)));
        let dataset = json!({"eventTime": "2026-11-24T09:00:00Z", "dataset": {"namespace": "x", "name": "t"}});
        assert!(matches!(read(dataset, &aliases).expect("a dataset").about, About::Dataset(_)));
    }

    #[test]
    fn what_nobody_could_use_is_refused_in_words() {
        let check = |at: &str, put: Value, words: &str| {
            let mut event = run();
            match at.rsplit_once('/') {
                None => event = put,
                Some((above, name)) => event.pointer_mut(above).expect(above)[name] = put,
            }
            let why = read(event, &Aliases::default()).expect_err(at);
            assert!(why.contains(words), "{at}: {why}");
        };
        check("", json!([]), "a JSON object");
        check("/job", Value::Null, "job is missing");
        check("/run", json!({}), "run.runId is missing");
        check("/run/runId", json!("zzz"), "no UUID");
        check("/job/name", json!(" "), "job.name is missing");
        check("/job/namespace", json!(7), "job.namespace is missing");
        check("/eventTime", Value::Null, "eventTime is missing");
        check("/eventTime", json!("2026-11-24T10:00:00"), "no time with a zone");
        check("/eventType", json!("STARTED"), "none of START");
        check("/inputs", json!({}), "inputs is no list");
        check("/inputs", json!([7]), "inputs[0] is no object");
        check("/inputs", json!([{"name": "x"}]), "inputs[0].namespace is missing");
        check("/outputs", Value::from(vec![json!({}); DATASETS_MAX + 1]), "more than");
    }
}
