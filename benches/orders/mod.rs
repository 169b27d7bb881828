//! What is measured on: a thousand orders of ten fields, as JSON and as Avro, and a contract of ten rules.

use apache_avro::types::{Record, Value};
use apache_avro::writer::datum::GenericDatumWriter;
use mesh_steward::engine::contract::plan::Plan;
use mesh_steward::engine::contract::{compile, odcs};
use mesh_steward::engine::record::RawRecord;

pub const COUNT: usize = 1_000;
pub const TOPIC: &str = "orders";
pub const START_MS: i64 = 1_764_000_000_000;

/// Ten rules beside those that types make.
pub const CONTRACT: &str = "
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
domain: bench
name: orders
schema:
  - name: orders
    physicalType: topic
    physicalName: orders
    properties:
      - {name: order_id, required: true, unique: true}
      - {name: customer_id, required: true}
      - name: status
        quality: [{id: status, metric: invalidValues, arguments: {validValues: [placed, paid, shipped]}, mustBe: 0}]
      - {name: amount, logicalType: number, logicalTypeOptions: {minimum: 0}}
      - {name: quantity, logicalType: integer}
      - name: currency
        quality: [{id: currency, metric: invalidValues, arguments: {pattern: '^[A-Z]{3}$'}, mustBe: 0}]
      - name: email
        quality: [{id: email, metric: nullValues, mustBeLessThan: 5, unit: percent}]
    quality:
      - {id: arrive, metric: rowCount, mustBeGreaterOrEqualTo: 1}
";

pub const SCHEMA: &str = r#"{"type": "record", "name": "Order", "fields": [
  {"name": "order_id", "type": "string"}, {"name": "customer_id", "type": "string"},
  {"name": "status", "type": "string"}, {"name": "amount", "type": "double"}, {"name": "quantity", "type": "int"},
  {"name": "currency", "type": "string"}, {"name": "created_at", "type": "long"}, {"name": "country", "type": "string"},
  {"name": "email", "type": ["null", "string"]}, {"name": "priority", "type": "boolean"}]}"#;

/// The contract, compiled.
pub fn plan() -> Plan {
    compile::compile(&odcs::parse(CONTRACT).contract.expect("a contract"))
}

pub fn schema() -> apache_avro::Schema {
    apache_avro::Schema::parse_str(SCHEMA).expect("a schema")
}

/// Orders as JSON, some 220 bytes each.
pub fn json(from: usize) -> Vec<Vec<u8>> {
    let order = |n: usize| {
        let Order { id, customer, status, amount, quantity, currency, created_ms, country, email } = Order::of(n);
        serde_json::json!({
            "order_id": id, "customer_id": customer, "status": status, "amount": amount, "quantity": quantity,
            "currency": currency, "created_at": created_ms, "country": country, "email": email, "priority": n.is_multiple_of(7),
        })
        .to_string()
        .into_bytes()
    };
    (from..from + COUNT).map(order).collect()
}

/// The same orders as Avro, without a frame.
pub fn avro(schema: &apache_avro::Schema) -> Vec<Vec<u8>> {
    let writer = GenericDatumWriter::builder(schema).build().expect("a writer");
    let order = |n: usize| {
        let Order { id, customer, status, amount, quantity, currency, created_ms, country, email } = Order::of(n);
        let mut record = Record::new(schema).expect("a record's schema");
        record.put("order_id", id);
        record.put("customer_id", customer);
        record.put("status", status);
        record.put("amount", amount);
        record.put("quantity", quantity);
        record.put("currency", currency);
        record.put("created_at", created_ms);
        record.put("country", country);
        let email = email.map_or((0, Value::Null), |email| (1, Value::String(email)));
        record.put("email", Value::Union(email.0, Box::new(email.1)));
        record.put("priority", n.is_multiple_of(7));
        writer.write_value_to_vec(record).expect("a record")
    };
    (0..COUNT).map(order).collect()
}

/// Records of a topic, from an offset on.
pub fn records(values: &[Vec<u8>], first: i64) -> Vec<RawRecord<'_>> {
    let mut offsets = first..;
    let mut record = |value| {
        let offset = offsets.next().unwrap_or_default();
        let timestamp_ms = START_MS + offset % 60_000;
        RawRecord { offset, timestamp_ms, key: None, value: Some(value), schema_header: None, headers: None }
    };
    values.iter().map(|value| record(value.as_slice())).collect()
}

/// An order's values: every n gives another id, and few customers, statuses and countries.
struct Order {
    id: String,
    customer: String,
    status: &'static str,
    amount: f64,
    quantity: i32,
    currency: &'static str,
    created_ms: i64,
    country: &'static str,
    email: Option<String>,
}

impl Order {
    fn of(n: usize) -> Order {
        // Steps that share no factor with what they are taken of visit all of it.
        let pick = |of: &[&'static str], step: usize| of[n * step % of.len()];
        Order {
            id: format!("7f3c-{n:012}"),
            customer: format!("customer-{:05}", n * 7_919 % 20_011),
            status: pick(&["placed", "paid", "shipped"], 1),
            amount: (n * 104_729 % 1_000_003) as f64 / 100.0,
            quantity: (n % 9) as i32 + 1,
            currency: pick(&["EUR", "USD", "GBP", "CHF"], 3),
            created_ms: START_MS + (n % 60_000) as i64,
            country: pick(&["DE", "FR", "IT", "US", "GB", "CH", "AT"], 5),
            email: (!n.is_multiple_of(50)).then(|| format!("user{}@example.com", n % 9_973)),
        }
    }
}
