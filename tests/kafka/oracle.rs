//! Orders with planted faults: deterministic, and with the exact counts that a steward must find.

use crate::broker::records::Record;
use mesh_steward::engine::contract::compile::compile;
use mesh_steward::engine::contract::odcs;
use std::collections::{BTreeMap, BTreeSet};

/// The rules of `contract`, by their ids.
pub mod rule {
    pub const NO_CUSTOMER: &str = "orders.customer.required";
    pub const NULL_CUSTOMER: &str = "customer-is-not-null";
    pub const MISSING_CUSTOMER: &str = "customer-is-known";
    pub const STATUS: &str = "status-is-known";
    pub const SKU: &str = "sku-has-its-form";
    pub const DUPLICATE: &str = "id-is-unique";
    pub const AMOUNT: &str = "orders.amount.minimum";
    pub const QUANTITY: &str = "orders.quantity.logicalType";
    /// No contract's own: it is asked of every record that is no tombstone.
    pub const DECODABLE: &str = "steward.decodable";
    pub const ALL: [&str; 9] =
        [NO_CUSTOMER, NULL_CUSTOMER, MISSING_CUSTOMER, STATUS, SKU, DUPLICATE, AMOUNT, QUANTITY, DECODABLE];
}

/// The contract that the orders break: `shop/NAME`, reading `topic`.
pub fn contract(name: &str, topic: &str, version: &str) -> String {
    format!(
        r#"apiVersion: v3.1.0
kind: DataContract
id: {name}-contract
name: {name}
version: {version}
status: active
domain: shop
team: {{name: order desk}}
schema:
  - name: orders
    physicalName: {topic}
    physicalType: topic
    logicalType: object
    properties:
      - name: id
        logicalType: string
        quality:
          - {{id: {duplicate}, type: library, metric: duplicateValues, mustBe: 0, dimension: uniqueness}}
      - name: customer
        logicalType: string
        required: true
        quality:
          - {{id: {null}, type: library, metric: nullValues, mustBe: 0, dimension: completeness}}
          - {{id: {missing}, type: library, metric: missingValues, arguments: {{missingValues: ["", "n/a"]}}, mustBe: 0, severity: warning}}
      - name: status
        logicalType: string
        quality:
          - {{id: {status}, type: library, metric: invalidValues, arguments: {{validValues: [new, paid, shipped]}}, mustBe: 0, severity: critical}}
      - name: sku
        logicalType: string
        quality:
          - {{id: {sku}, type: library, metric: invalidValues, arguments: {{pattern: '^[A-Z]{{3}}-[0-9]{{4}}$'}}, mustBe: 0}}
      - name: amount
        logicalType: number
        logicalTypeOptions: {{minimum: 0}}
      - name: quantity
        logicalType: integer
"#,
        duplicate = rule::DUPLICATE,
        null = rule::NULL_CUSTOMER,
        missing = rule::MISSING_CUSTOMER,
        status = rule::STATUS,
        sku = rule::SKU,
    )
}

/// What a steward must find in all orders written so far.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Every record, tombstones and undecodable ones too.
    pub records: u64,
    pub tombstones: u64,
    pub undecodable: u64,
    /// Rows that break each rule.
    pub failed: BTreeMap<&'static str, u64>,
    /// Where they stand, by rule: partition and offset.
    pub places: BTreeMap<&'static str, BTreeSet<(i32, i64)>>,
    /// By partition: the first offset written, and the one after the last.
    pub offsets: BTreeMap<i32, (i64, i64)>,
}

/// A source of orders. The same seed gives the same orders.
pub struct Orders {
    pub expected: Expected,
    /// Whether copies of rows are planted. Not where the two rows of a pair may be judged apart: by two contract
    /// versions, or in two fragments of late records.
    pub duplicates: bool,
    seed: u64,
    partitions: i32,
    next: u64,
    /// The last row that could be read, for duplicates of it.
    last: Option<(u64, i64)>,
}

/// A record that breaks a rule, by its place in the batch.
type Planted = (usize, &'static str);

impl Orders {
    pub fn new(seed: u64, partitions: i32) -> Orders {
        Orders { expected: Expected::default(), duplicates: true, seed, partitions, next: 0, last: None }
    }

    /// The topic has grown: the next orders go to all its partitions.
    pub fn spread(&mut self, partitions: i32) {
        self.partitions = partitions;
    }

    /// The next `count` orders, the n-th at `time_ms(n)`, handed to `write`, which returns their offsets. They count as
    /// expected where `counts` says so of their place; an aborted record is read by nobody.
    pub fn write(
        &mut self,
        count: usize,
        time_ms: impl Fn(usize) -> i64,
        counts: impl Fn(usize) -> bool,
        write: impl FnOnce(&[Record]) -> Vec<i64>,
    ) {
        let mut records = Vec::with_capacity(count);
        let mut planted: Vec<Planted> = Vec::new();
        for place in 0..count {
            let (record, broken) = self.order(time_ms(place), counts(place));
            planted.extend(broken.iter().map(|rule| (place, *rule)));
            records.push(record);
        }
        let offsets = write(&records);
        for (place, record) in records.iter().enumerate().filter(|(place, _)| counts(*place)) {
            let (first, next) = self.expected.offsets.entry(record.partition).or_insert((offsets[place], 0));
            (*first, *next) = ((*first).min(offsets[place]), (*next).max(offsets[place] + 1));
        }
        for (place, rule) in planted.into_iter().filter(|(place, _)| counts(*place)) {
            *self.expected.failed.entry(rule).or_default() += 1;
            self.expected.places.entry(rule).or_default().insert((records[place].partition, offsets[place]));
        }
    }

    /// One order and the rules that it breaks.
    fn order(&mut self, time_ms: i64, counts: bool) -> (Record, &'static [&'static str]) {
        let number = self.next;
        self.next += 1;
        let dice = mix(self.seed ^ mix(number));
        let fault = if dice % 1000 < FAULTY_PER_MILLE { Some((dice >> 32) % FAULTS) } else { None };
        let mut record = Record {
            partition: (number % self.partitions as u64) as i32,
            timestamp_ms: time_ms,
            key: Some(format!("order-{number}").into_bytes()),
            value: None,
            headers: Vec::new(),
        };
        let mut row = Row::good(number, dice);
        let broken: &[&str] = match fault {
            None => &[],
            Some(0) => {
                row.customer = r#","customer":null"#;
                &[rule::NO_CUSTOMER, rule::NULL_CUSTOMER]
            }
            Some(1) => {
                row.customer = "";
                &[rule::NO_CUSTOMER, rule::MISSING_CUSTOMER]
            }
            Some(2) => {
                row.customer = r#","customer":"n/a""#;
                &[rule::MISSING_CUSTOMER]
            }
            Some(3) => {
                row.status = "lost";
                &[rule::STATUS]
            }
            Some(4) => {
                row.sku = "abc-12";
                &[rule::SKU]
            }
            Some(5) => {
                row.amount = "-0.01";
                &[rule::AMOUNT]
            }
            Some(6) => {
                row.quantity = r#""three""#;
                &[rule::QUANTITY]
            }
            // A copy of the row before, in its window; in another partition where there is more than one.
            Some(7) if self.duplicates && counts && self.last.is_some() => {
                let (id, time_ms) = self.last.unwrap_or_default();
                (row.id, record.timestamp_ms) = (id, time_ms);
                &[rule::DUPLICATE]
            }
            Some(7) => &[],
            Some(8) => {
                self.expected.records += counts as u64;
                self.expected.tombstones += counts as u64;
                return (record, &[]);
            }
            Some(_) => {
                self.expected.records += counts as u64;
                self.expected.undecodable += counts as u64;
                record.value = Some(UNDECODABLE[(dice >> 40) as usize % UNDECODABLE.len()].to_vec());
                return (record, &[rule::DECODABLE]);
            }
        };
        if counts {
            self.expected.records += 1;
            self.last = Some((row.id, record.timestamp_ms));
        }
        record.value = Some(row.json());
        (record, broken)
    }
}

/// Enough that every kind stands in every few seconds of load.
const FAULTY_PER_MILLE: u64 = 50;

/// The kinds of fault in `Orders::order`.
const FAULTS: u64 = 10;

/// Cut short, no object, no UTF-8.
const UNDECODABLE: [&[u8]; 3] = [br#"{"id":"o-1","custo"#, br#"["id"]"#, b"{\"id\":\"\xff\xfe\"}"];

struct Row {
    id: u64,
    customer: &'static str,
    status: &'static str,
    sku: &'static str,
    amount: &'static str,
    quantity: &'static str,
}

impl Row {
    fn good(id: u64, dice: u64) -> Row {
        let one_of = |words: [&'static str; 3]| words[(dice >> 20) as usize % 3];
        Row {
            id,
            customer: one_of([r#","customer":"ada""#, r#","customer":"grace""#, r#","customer":"edsger""#]),
            status: one_of(["new", "paid", "shipped"]),
            sku: one_of(["ABC-0001", "XYZ-9999", "QRS-1234"]),
            amount: one_of(["0", "19.99", "1e3"]),
            quantity: one_of(["1", "2", "3"]),
        }
    }

    fn json(&self) -> Vec<u8> {
        let Row { id, customer, status, sku, amount, quantity } = self;
        format!(
            r#"{{"id":"o-{id}"{customer},"status":"{status}","sku":"{sku}","amount":{amount},"quantity":{quantity}}}"#
        )
        .into_bytes()
    }
}

/// Spreads the bits of a number (splitmix64's last step).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[test]
fn the_contract_holds_every_rule_that_orders_break() {
    let parsed = odcs::parse(&contract("orders", "orders", "1.0.0"));
    assert_eq!(parsed.problems, []);
    let plan = compile(&parsed.contract.expect("a contract"));
    assert_eq!(plan.product.to_string(), "shop/orders");
    let ids: Vec<&str> = plan.rules.iter().map(|r| r.id.as_str()).collect();
    for rule in rule::ALL.into_iter().filter(|rule| *rule != rule::DECODABLE) {
        assert!(ids.contains(&rule), "no rule `{rule}` in {ids:?}");
    }
}

#[test]
fn a_seed_gives_the_same_orders_with_every_kind_of_fault() {
    let write = || {
        let (mut orders, mut written) = (Orders::new(7, 3), Vec::new());
        orders.write(
            5_000,
            |n| n as i64,
            |_| true,
            |records| {
                written = records.iter().map(|r| (r.partition, r.timestamp_ms, r.value.clone())).collect();
                (0..records.len() as i64).map(|n| n / 3).collect()
            },
        );
        (orders.expected, written)
    };
    let (expected, written) = write();
    assert_eq!(written, write().1);
    assert_eq!(expected.records, 5_000);
    assert!(expected.tombstones > 0 && expected.undecodable > 0);
    assert!(rule::ALL.iter().all(|rule| expected.failed[rule] > 0), "{:?}", expected.failed);
}
