//! Avro records by a real schema registry: every planted fault is found, and an outage costs time and no records.

use crate::apicurio::{self, Registry};
use crate::broker::records::{Read, Record};
use crate::broker::shared;
use crate::mesh::Mesh;
use crate::verdicts::Verdicts;
use crate::worker::{Worker, pause};
use mesh_steward::clock::now_ms;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long what is waited for may take: a window (5 s), its grace (2 s), two flushes and what the registry is given;
/// the rest is for a machine that runs other tests too.
const LIMIT: Duration = Duration::from_secs(60);

/// Framed orders that are judged as fast as they can be read: seconds of full speed.
const ORDERS: usize = 200_000;

/// No registry gives this id.
const UNKNOWN_ID: u32 = 2_000_000_000;

#[test]
pub fn framed_avro_is_judged_by_its_schemas_and_json_beside_it() {
    let registry = apicurio::shared();
    let settings = format!("registry: {{url: '{}', missing.grace: 500ms}}", registry.url);
    let mesh = Mesh::new(shared(), "avro", 3, &settings);
    let json = beside(&mesh);
    let schemas = Schemas::register(&registry, "avro");
    let (end, mut planted) = (now_ms(), BTreeMap::new());
    let time = |n, of| end - 20_000 + 20_000 * n as i64 / of;
    let writer = mesh.broker.writer(&mesh.topic);
    mesh.orders().write(
        ORDERS,
        |n| time(n, ORDERS as i64),
        |_| true,
        |rs| writer.write(&schemas.framed(rs, &mut planted)),
    );
    assert_eq!(planted.len(), FAULTS.len(), "a fault of each kind is planted: {planted:?}");
    mesh.orders().duplicates = false; // the row before the first is another product's
    let writer = mesh.broker.writer(&json);
    mesh.orders().write(1_000, |n| time(n, 1_000), |_| true, |records| writer.write(records));

    let worker = mesh.worker("a").ready();
    let ready = worker.get("/ready").1;
    assert!(ready.contains("keeps no rule sets"), "Apicurio drops them in silence: {ready}");
    let verdicts = mesh.judged(&[&worker]);
    let of = |product| verdicts.windows.iter().filter(move |w| w["product"] == product);
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for (reason, count) in of("shop/avro").filter_map(|w| w["undecodable"].as_object()).flatten() {
        *found.entry(reason.clone()).or_default() += count.as_u64().unwrap_or(0);
    }
    assert_eq!(found, planted, "why records are undecodable");
    assert_eq!(records(&verdicts, "shop/avro"), ORDERS as u64);
    assert_eq!(records(&verdicts, "shop/avro-json"), 1_000);
    assert_eq!(worker.metric("steward_registry_schemas"), Some(2.0), "two versions; the reference is no record's");
}

#[test]
pub fn a_partition_waits_for_a_stopped_registry_and_nothing_is_lost() {
    let registry = apicurio::shared();
    let settings = format!("registry: {{url: '{}', request.timeout: 1s, missing.grace: 500ms}}", registry.url);
    let mesh = Mesh::new(shared(), "outage", 2, &settings);
    let json = beside(&mesh);
    mesh.orders().duplicates = false; // one of a pair may be late for the window of the other
    let mut schemas = Schemas::register(&registry, "outage");
    let worker = mesh.worker("a").ready();
    let (avro_writer, json_writer) = (mesh.broker.writer(&mesh.topic), mesh.broker.writer(&json));
    let write = |schemas: &Schemas, count| {
        let (now, mut planted) = (now_ms(), BTreeMap::new());
        mesh.orders().write(count, |_| now, |_| true, |rs| avro_writer.write(&schemas.framed(rs, &mut planted)));
        planted
    };
    assert!(write(&schemas, 500).contains_key("unknown_schema"), "it must be known as such before the outage");
    let ends = || mesh.broker.ends(&mesh.topic).into_iter().map(|(p, (_, end))| (p, Some(end))).collect();
    let committed = || mesh.broker.committed(&mesh.group, &mesh.topic);
    until(&worker, "both partitions are read", || committed() == ends());

    schemas.later = Some(schemas.register_later(&registry, "outage"));
    let stopped = registry.stop();
    write(&schemas, 500);
    let now = now_ms();
    mesh.orders().write(400, |_| now, |_| true, |records| json_writer.write(records));
    until(&worker, "the product beside is judged", || {
        records(&Verdicts::read(mesh.broker, &mesh.events), "shop/outage-json") == 400
    });
    until(&worker, "the other partition is read", || committed()[&0] == ends()[&0]);
    let named = schemas.later.map(framed).unwrap_or_default();
    let names = |r: &&Read| r.value.as_ref().is_some_and(|value| value.starts_with(&named));
    let first = mesh.broker.read(&mesh.topic).iter().find(names).map(|r| r.offset);
    assert_eq!(committed()[&1], first, "it is held before the first record of the new schema");
    drop(stopped);

    let verdicts = mesh.judged(&[&worker]);
    assert_eq!(verdicts.gaps, Vec::<Value>::new());
    assert_eq!(committed(), ends());
    let unmeasured: Vec<_> = verdicts.windows.iter().filter(|w| !w["unmeasured"].is_null()).collect();
    assert_eq!(unmeasured, Vec::<&Value>::new());
    mesh.tried("a", &verdicts);
}

#[test]
pub fn records_whose_registry_stays_away_are_not_measured_and_never_pass() {
    let registry = apicurio::shared();
    let times = "request.timeout: 500ms, unavailable.max: 3s";
    let mesh = Mesh::new(shared(), "away", 2, &format!("registry: {{url: '{}', {times}}}", registry.url));
    let schemas = Schemas::register(&registry, "away");
    let later = schemas.register_later(&registry, "away");
    let worker = mesh.worker("a").ready();
    let writer = mesh.broker.writer(&mesh.topic);
    let write = |id: u32, partition: i32, count: u64| {
        let good = |n| Record {
            partition,
            timestamp_ms: now_ms(),
            key: None,
            value: Some(schemas.encode(
                id,
                &json!({"id": format!("{id}-{partition}-{}-{n}", now_ms()), "customer": "ada",
                "status": "new", "sku": "ABC-0001", "amount": 1, "quantity": 1}),
            )),
            headers: Vec::new(),
        };
        writer.write(&(0..count).map(good).collect::<Vec<_>>())
    };
    write(schemas.second, 0, 10);
    write(schemas.second, 1, 10);
    let read = || Verdicts::read(mesh.broker, &mesh.events);
    until(&worker, "what it knows is judged", || records(&read(), "shop/away") == 20);

    let stopped = registry.stop();
    let offsets = write(later, 0, 20);
    write(schemas.second, 1, 10);
    let unmeasured = |verdicts: &Verdicts| -> u64 { counted(verdicts, "unmeasured") };
    until(&worker, "they are given up", || unmeasured(&read()) == 20);
    let verdicts = read();
    let mut spans = Vec::new();
    for window in verdicts.windows.iter().filter(|w| !w["unmeasured"].is_null()) {
        assert_eq!(window["status"], "unknown", "{window:#}");
        for result in window["results"].as_array().into_iter().flatten() {
            assert_ne!(result["status"], "pass", "{result:#}");
        }
        for span in window["unmeasured"].as_array().into_iter().flatten() {
            assert_eq!(span["partition"], 0, "{span}");
            spans.push((span["from"].as_i64().unwrap_or(-1), span["to"].as_i64().unwrap_or(-1)));
        }
    }
    spans.sort_unstable();
    let (first, end) = (offsets[0], offsets[offsets.len() - 1] + 1);
    assert!(spans.first().is_some_and(|s| s.0 == first) && spans.last().is_some_and(|s| s.1 == end), "{spans:?}");
    assert_eq!(counted(&verdicts, "undecodable"), 0, "nobody is accused");

    drop(stopped);
    until(&worker, "the registry has answered", || worker.metric("steward_registry_schemas") == Some(2.0));
    pause(1_000); // the task hears of it after the metric moves
    write(later, 0, 30);
    until(&worker, "new records are judged", || records(&read(), "shop/away") == 80);
    let verdicts = read();
    assert_eq!((unmeasured(&verdicts), counted(&verdicts, "undecodable")), (20, 0));
    assert_eq!(verdicts.windows.last().map(|w| &w["status"]), Some(&json!("pass")));
    assert_eq!(verdicts.gaps, Vec::<Value>::new());
}

/// A product whose records are JSON, in the same daemon; its topic.
fn beside(mesh: &Mesh<'_>) -> String {
    let topic = format!("{}.json", mesh.topic);
    mesh.broker.create_topic(&topic, mesh.broker.partitions(&mesh.topic), &[]);
    mesh.put_contract_of(&format!("{}-json", mesh.name), &topic);
    topic
}

/// Records that windows of a product count.
fn records(verdicts: &Verdicts, product: &str) -> u64 {
    let of = verdicts.windows.iter().filter(|w| w["product"] == product);
    of.filter_map(|w| w["counts"]["records"].as_u64()).sum()
}

fn counted(verdicts: &Verdicts, what: &str) -> u64 {
    verdicts.windows.iter().filter_map(|w| w["counts"][what].as_u64()).sum()
}

fn until(worker: &Worker, what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < LIMIT, "not within {LIMIT:?}: {what}; ready: {:?}", worker.get("/ready"));
        pause(200);
    }
}

/// Schemas of orders at the registry, and orders written by them: by hand, from Avro's specification.
struct Schemas {
    /// Without a customer.
    first: u32,
    second: u32,
    /// With a note; then by it the rows of partition 1 are written that have a customer.
    later: Option<u32>,
}

type Fault = (&'static str, fn(&Schemas, Vec<u8>) -> Vec<u8>);

/// How a good record is broken, by the reason that must be found.
const FAULTS: [Fault; 5] = [
    ("unknown_schema", |_, good| [&framed(UNKNOWN_ID)[..], &good[5..]].concat()),
    ("truncated", |_, good| good[..good.len() - 1].to_vec()),
    ("trailing_bytes", |_, good| [&good[..], &[0]].concat()),
    ("bad_magic", |_, good| [&[7], &good[1..]].concat()),
    // The address comes first: street, a text without bytes; then the floor, which has two branches.
    ("wrong_union_index", |schemas, _| [&framed(schemas.second)[..], &[0, 4]].concat()),
];

impl Schemas {
    fn register(registry: &Registry, name: &str) -> Schemas {
        registry.register(
            &address_of(name),
            &json!({
            "type": "record", "name": "Address", "namespace": name, "fields": [
                {"name": "street", "type": "string"},
                {"name": "floor", "type": ["null", "int"]}]}),
            &[],
        );
        let order = |more: &[Value]| register_order(registry, name, more);
        let (first, second) = (order(&[]), order(&[customer()]));
        assert_ne!(first, second, "two versions have two ids");
        Schemas { first, second, later: None }
    }

    fn register_later(&self, registry: &Registry, name: &str) -> u32 {
        register_order(registry, name, &[customer(), json!({"name": "note", "type": "string", "default": ""})])
    }

    /// Orders in Avro; what was no JSON is broken in one way after the other, counted in `planted` by its reason.
    fn framed(&self, orders: &[Record], planted: &mut BTreeMap<String, u64>) -> Vec<Record> {
        let mut faults = FAULTS.iter().cycle();
        let mut framed = |partition: i32, text: &Vec<u8>| match serde_json::from_slice::<Value>(text) {
            Ok(row) if row.get("customer").is_some() => {
                let later = self.later.filter(|_| partition == 1);
                self.encode(later.unwrap_or(self.second), &row)
            }
            Ok(row) if row.is_object() => self.encode(self.first, &row),
            _ => {
                let good =
                    json!({"id": "o", "customer": "ada", "status": "new", "sku": "A", "amount": 1, "quantity": 1});
                let (reason, broken) = faults.next().expect("a circle has no end");
                *planted.entry((*reason).to_owned()).or_default() += 1;
                broken(self, self.encode(self.second, &good))
            }
        };
        let mut value = |r: &Record| r.value.as_ref().map(|text| framed(r.partition, text));
        orders.iter().map(|r| Record { value: value(r), ..r.clone() }).collect()
    }

    fn encode(&self, id: u32, row: &Value) -> Vec<u8> {
        let mut bytes = framed(id);
        text(&mut bytes, "Main Street"); // a reference read wrongly shifts all that follows
        bytes.extend([2, 6]); // the floor: branch 1, 3
        text(&mut bytes, row["id"].as_str().expect("an id"));
        let status = STATUSES.iter().position(|s| row["status"] == *s).expect("a status of the enum");
        long(&mut bytes, status as i64);
        text(&mut bytes, row["sku"].as_str().expect("a sku"));
        bytes.extend(row["amount"].as_f64().expect("an amount").to_le_bytes());
        match row["quantity"].as_i64() {
            Some(quantity) => [0, quantity].into_iter().for_each(|n| long(&mut bytes, n)),
            None => {
                long(&mut bytes, 1);
                text(&mut bytes, row["quantity"].as_str().expect("a number or a text"));
            }
        }
        if id == self.first {
            return bytes;
        }
        match row["customer"].as_str() {
            Some(customer) => {
                long(&mut bytes, 1);
                text(&mut bytes, customer);
            }
            None => long(&mut bytes, 0),
        }
        if id != self.second {
            text(&mut bytes, "by the back door");
        }
        bytes
    }
}

const STATUSES: [&str; 4] = ["new", "paid", "shipped", "lost"];

fn address_of(name: &str) -> String {
    format!("{name}-address")
}

fn customer() -> Value {
    json!({"name": "customer", "type": ["null", "string"], "default": null})
}

fn register_order(registry: &Registry, name: &str, more: &[Value]) -> u32 {
    let address = format!("{name}.Address");
    let fields = json!([
        {"name": "address", "type": address},
        {"name": "id", "type": "string"},
        {"name": "status", "type": {"type": "enum", "name": "Status", "symbols": STATUSES}},
        {"name": "sku", "type": "string"},
        {"name": "amount", "type": "double"},
        {"name": "quantity", "type": ["long", "string"]}]);
    let fields = [fields.as_array().map_or(&[][..], Vec::as_slice), more].concat();
    let schema = json!({"type": "record", "name": "Order", "namespace": name, "fields": fields});
    registry.register(&format!("{name}.orders-value"), &schema, &[(&address, &address_of(name))])
}

/// Confluent's frame: a zero byte and the id, the highest byte first.
fn framed(id: u32) -> Vec<u8> {
    [&[0], &id.to_be_bytes()[..]].concat()
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
