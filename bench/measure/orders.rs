//! What is measured on: orders of ten fields, as JSON and as Avro, with planted faults, and a contract of ten rules.

use std::collections::BTreeMap;

pub const PARTITIONS: i32 = 4;
/// Their time is long ago: the broker's retention of seven days would delete them while they are read.
pub const KEPT: (&str, &str) = ("retention.ms", "-1");
/// The start of a minute, so that duplicates never part.
pub const START_MS: i64 = 1_764_000_000_000;
/// Ten thousand records a second of event time.
const RECORDS_PER_MS: u64 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Avro,
}

/// By the daemon's rule ids, how many rows break each; undecodable records under `UNDECODABLE`.
pub type Faults = BTreeMap<String, u64>;
pub const UNDECODABLE: &str = "undecodable";

pub const SCHEMA: &str = r#"{"type": "record", "name": "Order", "fields": [
  {"name": "order_id", "type": "string"}, {"name": "customer_id", "type": ["null", "string"]},
  {"name": "status", "type": "string"}, {"name": "amount", "type": "double"}, {"name": "quantity", "type": "int"},
  {"name": "currency", "type": "string"}, {"name": "created_at", "type": "long"}, {"name": "country", "type": "string"},
  {"name": "email", "type": ["null", "string"]}, {"name": "priority", "type": "boolean"}]}"#;

/// Ten rules on the topic, and every field known to it, so that each has a full profile.
pub fn contract(topic: &str, format: Format) -> String {
    let encoding = match format {
        Format::Json => String::new(),
        Format::Avro => {
            format!("customProperties:\n  - {{property: steward.avroSchema, value: '{}'}}\n", SCHEMA.replace('\n', ""))
        }
    };
    format!(
        "apiVersion: v3.1.0
kind: DataContract
id: {topic}
version: 1.0.0
status: active
domain: bench
name: {topic}
{encoding}schema:
  - name: orders
    physicalType: topic
    physicalName: {topic}
    properties:
      - {{name: order_id, required: true, unique: true}}
      - {{name: customer_id, required: true}}
      - name: status
        quality: [{{id: status, metric: invalidValues, arguments: {{validValues: [placed, paid, shipped]}}, mustBe: 0}}]
      - {{name: amount, logicalType: number, logicalTypeOptions: {{minimum: 0}}}}
      - {{name: quantity, logicalType: integer}}
      - name: currency
        quality: [{{id: currency, metric: invalidValues, arguments: {{pattern: '^[A-Z]{{3}}$'}}, mustBe: 0}}]
      - {{name: created_at}}
      - {{name: country}}
      - name: email
        quality: [{{id: email, metric: nullValues, mustBeLessThan: 5, unit: percent}}]
      - {{name: priority}}
    quality:
      - {{id: arrive, metric: rowCount, mustBeGreaterOrEqualTo: 1}}
"
    )
}

/// Event time of the n-th order.
pub fn time_ms(n: u64) -> i64 {
    START_MS + (n / RECORDS_PER_MS) as i64
}

/// The n-th order as the topic holds it; what is wrong with it is counted.
pub fn value(n: u64, format: Format, faults: &mut Faults) -> Vec<u8> {
    let order = Order::of(n);
    let mut bytes = match format {
        Format::Json => order.json().into_bytes(),
        Format::Avro => order.avro(),
    };
    if let Some(fault) = order.fault {
        *faults.entry(fault.to_string()).or_default() += 1;
        if fault == UNDECODABLE {
            bytes.pop();
        }
    }
    bytes
}

/// The number of the k-th order among those without fault and without null.
pub fn good(k: u64) -> u64 {
    10 * k + 3
}

/// One in a thousand breaks each of four rules; one in ten thousand is cut short, and one repeats an id of its minute.
fn fault(n: u64) -> Option<&'static str> {
    match (n % 1_000, n % 10_000) {
        (11, _) => Some("status"),
        (211, _) => Some("orders.amount.minimum"),
        (411, _) => Some("currency"),
        (611, _) => Some("orders.customer_id.required"),
        (_, 811) => Some(UNDECODABLE),
        (_, 7) => Some("orders.order_id.unique"),
        _ => None,
    }
}

/// Every n gives another id, and few customers, statuses and countries.
struct Order {
    id: u64,
    customer: Option<u64>,
    status: &'static str,
    amount: f64,
    quantity: u64,
    currency: &'static str,
    created_ms: i64,
    country: &'static str,
    /// The number of a mailbox.
    email: Option<u64>,
    priority: bool,
    fault: Option<&'static str>,
}

impl Order {
    fn of(n: u64) -> Order {
        // Steps that share no factor with what they are taken of visit all of it.
        let pick = |of: &[&'static str], step: u64| of[(n * step % of.len() as u64) as usize];
        let fault = fault(n);
        let broken = |rule: &str| fault == Some(rule);
        Order {
            // The order four before it lies in the same partition, and in the same millisecond.
            id: if broken("orders.order_id.unique") { n - 4 } else { n },
            customer: (!broken("orders.customer_id.required")).then_some(n * 7_919 % 20_011),
            status: if broken("status") { "lost" } else { pick(&["placed", "paid", "shipped"], 1) },
            amount: if broken("orders.amount.minimum") { -1.5 } else { (n * 104_729 % 1_000_003) as f64 / 100.0 },
            quantity: n % 9 + 1,
            currency: if broken("currency") { "eur" } else { pick(&["EUR", "USD", "GBP", "CHF"], 3) },
            created_ms: time_ms(n),
            country: pick(&["DE", "FR", "IT", "US", "GB", "CH", "AT"], 5),
            email: (!n.is_multiple_of(50)).then_some(n % 9_973),
            priority: n.is_multiple_of(7),
            fault,
        }
    }

    fn json(&self) -> String {
        let Order { id, status, amount, quantity, currency, created_ms, country, priority, .. } = self;
        let customer = self.customer.map_or(String::new(), |c| format!(r#""customer_id":"c-{c:06}","#));
        let email = self.email.map_or("null".into(), |e| format!(r#""user{e}@example.com""#));
        format!(
            r#"{{"order_id":"7f3-{id:08}",{customer}"status":"{status}","amount":{amount:.2},"quantity":{quantity},"currency":"{currency}","created_at":{created_ms},"country":"{country}","email":{email},"priority":{priority}}}"#
        )
    }

    fn avro(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(96);
        text(&mut bytes, &format!("7f3-{:08}", self.id));
        option(&mut bytes, self.customer.map(|c| format!("c-{c:06}")));
        text(&mut bytes, self.status);
        bytes.extend(self.amount.to_le_bytes());
        long(&mut bytes, self.quantity as i64);
        text(&mut bytes, self.currency);
        long(&mut bytes, self.created_ms);
        text(&mut bytes, self.country);
        option(&mut bytes, self.email.map(|e| format!("user{e}@example.com")));
        bytes.push(self.priority.into());
        bytes
    }
}

/// Zigzag, then seven bits a byte, the lowest first.
fn long(bytes: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    long(bytes, text.len() as i64);
    bytes.extend(text.as_bytes());
}

/// The union of null and a text.
fn option(bytes: &mut Vec<u8>, value: Option<String>) {
    long(bytes, value.is_some().into());
    if let Some(value) = value {
        text(bytes, &value);
    }
}
