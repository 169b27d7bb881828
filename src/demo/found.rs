//! What the daemon found, as any consumer of the governance topic learns it: from its events alone.

use crate::demo::mesh::{LATE, PRODUCTS, key};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a reading waits for an event before its thread looks around.
const POLL: Duration = Duration::from_millis(100);

/// An event of the governance topic.
#[derive(Clone, Debug)]
pub struct Event {
    /// `ce_id`
    pub id: String,
    /// `ce_type`
    pub kind: String,
    pub value: Value,
}

/// All events so far, summed up.
#[derive(Debug, Default)]
pub struct Found {
    seen: BTreeSet<String>,
    /// Rows that broke a rule, by `domain/product#rule`.
    failed: BTreeMap<String, u64>,
    /// Incidents of rules that ask how many rows there are: no row breaks them.
    counted: BTreeMap<String, u64>,
    /// Records judged, by `domain/product`.
    pub records: BTreeMap<String, u64>,
    pub windows: u64,
    /// Windows that say that something in them was counted twice.
    pub inexact: u64,
    /// Offsets that nobody judged, and records too late to be judged.
    pub lost: u64,
}

impl Found {
    pub fn take(&mut self, event: &Event) {
        // A repeat is known by its id.
        if !self.seen.insert(event.id.clone()) {
            return;
        }
        let value = &event.value;
        let product = value["product"].as_str().unwrap_or_default();
        // What a visitor publishes is no part of what was planted.
        if !PRODUCTS.iter().any(|planted| planted.name == product) {
            return;
        }
        match event.kind.as_str() {
            "io.meshsteward.quality.window.v1" => self.window(product, value),
            "io.meshsteward.incident.v1"
                if value["state"] == "opened" && value["result"]["measure"]["metric"] == "rowCount" =>
            {
                *self.counted.entry(key(product, value["rule"].as_str().unwrap_or_default())).or_default() += 1;
            }
            "io.meshsteward.coverage.gap.v1" => self.lost += value["offsets"].as_u64().unwrap_or(1),
            _ => {}
        }
    }

    fn window(&mut self, product: &str, value: &Value) {
        let records = value["counts"]["records"].as_u64().unwrap_or(0);
        self.windows += 1;
        self.inexact += (value["exact"] != true) as u64;
        self.lost += value["counts"]["late"].as_u64().unwrap_or(0);
        *self.records.entry(product.into()).or_default() += records;
        if value["window"]["late"] == true {
            *self.failed.entry(key(product, LATE)).or_default() += records;
        }
        for result in value["results"].as_array().into_iter().flatten() {
            let failed = result["measure"]["failedRowCount"].as_u64().unwrap_or(0);
            if failed > 0 {
                *self.failed.entry(key(product, result["id"].as_str().unwrap_or_default())).or_default() += failed;
            }
        }
    }

    /// Faults by `domain/product#rule`.
    pub fn faults(&self) -> BTreeMap<String, u64> {
        let mut faults = self.failed.clone();
        faults.extend(self.counted.iter().map(|(key, n)| (key.clone(), *n)));
        faults
    }
}

/// Reads the governance topic from its start.
pub struct Reader(BaseConsumer);

impl Reader {
    pub fn open(bootstrap: &str, topic: &str, partitions: i32) -> KafkaResult<Reader> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap).set("group.id", "demo-audience");
        config.set("isolation.level", "read_committed").set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create()?;
        let mut all = TopicPartitionList::new();
        for partition in 0..partitions {
            all.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
        consumer.assign(&all)?;
        Ok(Reader(consumer))
    }

    /// The next event, if one comes soon. What librdkafka tries again by itself is no end: what is not read then shows
    /// as planted and not found.
    pub fn next(&self) -> KafkaResult<Option<Event>> {
        match self.0.poll(POLL) {
            Some(Ok(message)) => Ok(Some(event(&message))),
            Some(Err(KafkaError::MessageConsumptionFatal(code))) => Err(KafkaError::MessageConsumptionFatal(code)),
            Some(Err(error)) => {
                tracing::info!(%error, "the governance topic could not be read for a moment");
                Ok(None)
            }
            None => Ok(None),
        }
    }
}

fn event(message: &BorrowedMessage<'_>) -> Event {
    let header = |name: &str| {
        let found = message.headers().and_then(|headers| headers.iter().find(|h| h.key == name));
        String::from_utf8_lossy(found.and_then(|h| h.value).unwrap_or_default()).into_owned()
    };
    let value = serde_json::from_slice(message.payload().unwrap_or_default()).unwrap_or(Value::Null);
    Event { id: header("ce_id"), kind: header("ce_type"), value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn window(id: &str, late: bool, failed: u64, exact: bool) -> Event {
        let result = |id: &str, n: u64| json!({"id": id, "status": "fail", "measure": {"metric": "required", "failedRowCount": n}});
        let value = json!({
            "product": "sales/orders", "exact": exact, "window": {"late": late}, "counts": {"records": 10, "late": 0},
            "results": [result("a", failed), result("b", 0)],
        });
        Event { id: id.into(), kind: "io.meshsteward.quality.window.v1".into(), value }
    }

    #[test]
    fn failed_rows_and_late_records_add_up_and_a_repeat_does_not() {
        let mut found = Found::default();
        for event in [window("1", false, 3, true), window("1", false, 3, true), window("2", true, 0, false)] {
            found.take(&event);
        }
        let faults: Vec<_> = found.faults().into_iter().collect();
        assert_eq!(faults, [("sales/orders#a".to_string(), 3), ("sales/orders#late".to_string(), 10)]);
        assert_eq!((found.windows, found.inexact, found.records["sales/orders"]), (2, 1, 20));
    }

    #[test]
    fn a_rule_without_rows_is_found_once_an_incident() {
        let mut found = Found::default();
        for (id, state) in [("1", "opened"), ("2", "updated"), ("3", "resolved")] {
            let value = json!({"product": "logistics/returns", "state": state, "rule": "r", "result": {"measure": {"metric": "rowCount"}}});
            found.take(&Event { id: id.into(), kind: "io.meshsteward.incident.v1".into(), value });
        }
        assert_eq!(found.faults().into_iter().collect::<Vec<_>>(), [("logistics/returns#r".to_string(), 1)]);
    }
}
