//! What contents alone say of a generated mesh of 50 topics: precision and recall by operator, written to
//! `docs/lineage-content.md`; and that sketches merge.

use mesh_steward::engine::check::key::Hashes;
use mesh_steward::engine::lineage::content::infer::{Table, edges};
use mesh_steward::engine::lineage::content::kmv::{K, Kmv};
use mesh_steward::engine::profile::scalar::{Keyed, Scalar};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/lineage-content.md");
const BEGIN: &str = "<!-- figures: UPDATE_DOCS=1 cargo test --test lineage generated_mesh -->\n";
const PRECISION_MIN: f64 = 0.95;

#[test]
fn of_a_generated_mesh_nineteen_of_twenty_inferred_edges_are_true() {
    let mesh = Mesh::generated();
    assert_eq!(mesh.tables.len(), 50);
    let found: BTreeSet<(String, String)> = edges(&mesh.tables).into_iter().map(|e| (e.from, e.to)).collect();
    let wrong: Vec<_> = found.iter().filter(|edge| !mesh.truth.contains_key(*edge)).collect();
    let right = found.len() - wrong.len();
    let mut table = String::from(
        "| operator | edges | found | recall | false edges into such topics | precision |\n|---|---|---|---|---|---|\n",
    );
    let mut line = |name: &str, edges: usize, found: usize, wrong: usize| {
        let part = |n: usize, of: usize| if of == 0 { "-".to_owned() } else { format!("{:.2}", n as f64 / of as f64) };
        let (recall, precision) = (part(found, edges), part(found, found + wrong));
        writeln!(table, "| {name} | {edges} | {found} | {recall} | {wrong} | {precision} |").expect("a string");
    };
    for operator in OPERATORS {
        let of: Vec<_> = mesh.truth.iter().filter(|(_, o)| **o == operator).map(|(edge, _)| edge).collect();
        let into = wrong.iter().filter(|(_, to)| mesh.operators.get(to) == Some(&operator)).count();
        line(operator, of.len(), of.iter().filter(|edge| found.contains(**edge)).count(), into);
    }
    line("**all**", mesh.truth.len(), right, wrong.len());
    assert!(right >= 15, "{table}");
    assert!(right as f64 >= PRECISION_MIN * found.len() as f64, "{wrong:?}\n{table}");
    let page = std::fs::read_to_string(PAGE).expect("the page");
    let (before, after) = page.split_once(BEGIN).expect("its place");
    let rest = after.trim_start().trim_start_matches('|').split_once("\n\n").map_or("", |(_, rest)| rest);
    let expected = format!("{before}{BEGIN}\n{table}\n{rest}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &expected).expect("the page is written");
        return;
    }
    let stale = !after.trim_start().starts_with(table.trim_end());
    assert!(
        !stale,
        "docs/lineage-content.md is stale: UPDATE_DOCS=1 cargo test --test lineage generated_mesh\n{table}"
    );
}

const OPERATORS: [&str; 9] = ["copy", "filter", "project", "rename", "join", "mask", "aggregate", "decoy", "source"];

struct Mesh {
    tables: BTreeMap<String, Table>,
    truth: BTreeMap<(String, String), &'static str>,
    operators: BTreeMap<String, &'static str>,
    keyed: Keyed,
}

const CUSTOMERS: u64 = 1_500;
const ORDERS: u64 = 3_000;
const APART_MS: i64 = 100;

impl Mesh {
    /// Five domains of ten topics; their sequences, times and names are the same values.
    fn generated() -> Mesh {
        let keyed = Keyed::of(&Hashes::new(&[7; 16]), 1);
        let mut mesh = Mesh { tables: BTreeMap::new(), truth: BTreeMap::new(), operators: BTreeMap::new(), keyed };
        (0..5).for_each(|domain| mesh.domain(domain));
        mesh
    }

    fn domain(&mut self, domain: u64) {
        let topic = |name: &str| format!("d{domain}.{name}");
        let orders = topic("orders");
        // A chain in every other domain, else siblings.
        let chained = if domain % 2 == 1 { topic("copy") } else { orders.clone() };
        let edges: [(&str, &'static str, Vec<String>); 10] = [
            ("customers", "source", vec![]),
            ("orders", "source", vec![]),
            ("copy", "copy", vec![orders.clone()]),
            ("filter", "filter", vec![chained]),
            ("project", "project", vec![orders.clone()]),
            ("rename", "rename", vec![orders.clone()]),
            ("join", "join", vec![orders.clone(), topic("customers")]),
            ("mask", "mask", vec![orders.clone()]),
            ("aggregate", "aggregate", vec![orders.clone()]),
            ("shipments", "decoy", vec![]),
        ];
        for (name, operator, sources) in edges {
            self.operators.insert(topic(name), operator);
            self.tables.entry(topic(name)).or_default();
            self.truth.extend(sources.into_iter().map(|source| ((source, topic(name)), operator)));
        }
        for n in 0..CUSTOMERS {
            let row = [("customer_id", id("c", domain, n)), ("email", email(domain, n)), ("name", name(n))];
            self.row(&topic("customers"), n as i64, &row);
        }
        let mut sums = BTreeMap::<u64, (u64, u64)>::new();
        for n in 0..ORDERS {
            let customer = dice("of", domain, n) % CUSTOMERS;
            let cents = dice("amount", domain, n) % 100_000_000;
            let (amount, created) = (format!("{}.{:02}", cents / 100, cents % 100), second(n));
            let (order_id, customer_id) = (id("o", domain, n), id("c", domain, customer));
            let at = 10_000 + n as i64 * APART_MS;
            let late = |what: &str, base: i64| base + (dice(what, domain, n) % 2_000) as i64;
            let of = |names: [&'static str; 5]| {
                let values = [order_id.clone(), n.to_string(), customer_id.clone(), amount.clone(), created.clone()];
                names.into_iter().zip(values).collect::<Vec<_>>()
            };
            let whole = of(["order_id", "number", "customer_id", "amount", "created"]);
            self.row(&orders_of(domain), at, &whole);
            let copied = at + late("copy", 500);
            self.row(&topic("copy"), copied, &whole);
            if dice("filter", domain, n).is_multiple_of(2) {
                let from = if domain % 2 == 1 { copied } else { at };
                self.row(&topic("filter"), from + late("filtered", 700), &whole);
            }
            self.row(&topic("project"), at + late("project", 900), &[whole[0].clone(), whole[3].clone()]);
            self.row(&topic("rename"), at + late("rename", 200), &of(["id", "no", "client", "total", "ts"]));
            let mut joined = whole.clone();
            joined.push(("email", email(domain, customer)));
            joined.push(("name", name(customer)));
            self.row(&topic("join"), at + late("join", 1_500), &joined);
            // Where the key is masked too, nothing tells the rows.
            let mut masked = whole.clone();
            masked[2].1 = id("masked", domain, customer);
            if domain % 2 == 1 {
                masked[0].1 = id("hidden", domain, n);
            }
            self.row(&topic("mask"), at + late("mask", 300), &masked);
            let sum = sums.entry(customer).or_default();
            *sum = (sum.0 + 1, sum.1 + cents);
            let shipped = [
                ("shipment_id", id("s", domain, n)),
                ("number", n.to_string()),
                ("order_id", order_id.clone()),
                ("customer_id", customer_id.clone()),
                ("created", second(n + 50)),
            ];
            self.row(&topic("shipments"), at + late("ship", 5_000), &shipped);
        }
        for (customer, (count, sum)) in sums {
            let at = 10_000 + ORDERS as i64 * APART_MS + 5_000;
            let row =
                [("customer_id", id("c", domain, customer)), ("orders", count.to_string()), ("sum", sum.to_string())];
            self.row(&topic("aggregate"), at, &row);
        }
    }

    fn row(&mut self, topic: &str, at_ms: i64, row: &[(&'static str, String)]) {
        let table = self.tables.get_mut(topic).expect("a topic");
        for (name, text) in row {
            let scalar = match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(value), _) => Scalar::Whole { value, double: false },
                (_, Ok(double)) if double.fract() == 0.0 => Scalar::Whole { value: double as i64, double: true },
                (_, Ok(double)) => Scalar::Fraction(double),
                _ => Scalar::Text(text),
            };
            table.entry((*name).to_owned()).or_default().see(scalar, &self.keyed, at_ms);
        }
    }
}

fn orders_of(domain: u64) -> String {
    format!("d{domain}.orders")
}

/// The same in each run.
fn dice(what: &str, domain: u64, n: u64) -> u64 {
    Hashes::new(&[1; 16]).within(domain << 32 | n).text("dice", what)
}

fn id(kind: &str, domain: u64, n: u64) -> String {
    format!("{kind}-{:016x}", dice(kind, domain, n))
}

fn email(domain: u64, n: u64) -> String {
    format!("{:x}@example.org", dice("mail", domain, n))
}

/// One of 2,000, in every domain.
fn name(n: u64) -> String {
    format!("name {:x}", dice("name", 99, n % 2_000) % 0xffff_ffff)
}

fn second(n: u64) -> String {
    let second = n / 10;
    format!("2026-01-31T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

fn sketch(values: &[(u64, i64)]) -> Kmv {
    let mut sketch = Kmv::default();
    for (hash, at_ms) in values {
        sketch.see(*hash, *at_ms);
    }
    sketch
}

fn merged(mut a: Kmv, b: &Kmv) -> Kmv {
    a.merge(b);
    a
}

/// Few hashes, that they meet; many, that sketches fill.
fn values() -> impl Strategy<Value = Vec<(u64, i64)>> {
    proptest::collection::vec((0u64..3_000, 0i64..50), 0..2 * K)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn sketches_merge_in_any_order_and_as_if_one_had_seen_all(a in values(), b in values(), c in values()) {
        let (x, y, z) = (sketch(&a), sketch(&b), sketch(&c));
        prop_assert_eq!(merged(x.clone(), &y), merged(y.clone(), &x));
        prop_assert_eq!(merged(merged(x.clone(), &y), &z), merged(x.clone(), &merged(y.clone(), &z)));
        prop_assert_eq!(merged(x.clone(), &x), x.clone());
        prop_assert_eq!(merged(x, &y), sketch(&[a, b].concat()));
    }
}
