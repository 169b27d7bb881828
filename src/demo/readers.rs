//! Who reads the sample mesh: jobs that tell of themselves in OpenLineage, as Flink, Spark and Airflow do. The broker in memory cannot
//! be asked for its groups, and a mesh without readers shows nobody who would break.

use crate::engine::event::envelope::rfc3339;
use crate::flow::io::Ms;
use serde_json::{Value, json};

/// Whose it is, its name, what it reads, what it writes.
type Job = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const JOBS: [Job; 3] = [
    ("billing", "monthly-invoices", &["shop.orders", "shop.payments"], &[]),
    ("dispatch", "parcel-planner", &["shop.orders"], &["logistics.shipments"]),
    ("risk", "open-positions", &["trading.trades", "trading.quotes"], &[]),
];

/// That each of them runs. `namespace`: what catalogs know the cluster by.
pub fn events(namespace: &str, now: Ms) -> Value {
    let of = |topics: &[&str]| topics.iter().map(|topic| json!({"namespace": namespace, "name": topic})).collect();
    let event = |(number, (owner, name, inputs, outputs)): (usize, &Job)| {
        let (inputs, outputs): (Value, Value) = (of(inputs), of(outputs));
        json!({
            "eventType": "RUNNING",
            "eventTime": rfc3339(now),
            "producer": "https://github.com/mesh-steward/mesh-steward",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": {"runId": format!("0190a5f0-0000-7000-8000-{number:012}")},
            "job": {"namespace": owner, "name": name},
            "inputs": inputs,
            "outputs": outputs,
        })
    };
    JOBS.iter().enumerate().map(event).collect()
}
