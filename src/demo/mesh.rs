//! The sample mesh: a shop, its logistics and a trading floor; six products in three domains, what is wrong with them, and a topic that is no
//! product yet.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// A data product, its producer and its faults. Rates make 2,000 records a second in all: the embedded broker keeps
/// 5 MB a partition, at 150 bytes and 200 records a second three minutes of it.
pub struct Product {
    /// `domain/name`
    pub name: &'static str,
    pub topic: &'static str,
    pub partitions: i32,
    pub per_second: u64,
    pub encoding: Encoding,
    /// The contract's file name and text; `{$schema}` stands for the schema.
    pub contract: (&'static str, &'static str),
    /// The n-th record, as it should be.
    pub record: fn(u64) -> Value,
    /// The field that is the record's key too.
    pub key: &'static str,
    pub faults: &'static [Planting],
}

/// How a product's records are written; schemas as their text.
#[derive(Clone, Copy, Debug)]
pub enum Encoding {
    Json,
    /// Without a frame: the contract has the schema.
    Avro(&'static str),
    /// Behind a zero byte and the schema's id, as the registry's own serialisers do.
    Framed(u32, &'static str),
}

impl Encoding {
    pub fn schema(self) -> Option<&'static str> {
        match self {
            Encoding::Json => None,
            Encoding::Avro(schema) | Encoding::Framed(_, schema) => Some(schema.trim_ascii()),
        }
    }
}

/// One kind of fault in one product, and the rule that must find it.
pub struct Planting {
    pub rule: &'static str,
    /// One record of so many.
    pub every: u64,
    pub fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    Null(&'static str),
    /// A value that the contract does not list, or that has another form.
    Text(&'static str, &'static str),
    /// A number out of range.
    Number(&'static str, f64),
    /// The key of the record before.
    Duplicate,
    /// The event time of a window that is closed already.
    Late,
    /// Half of the bytes.
    CutOff,
    /// No record at all.
    Silence,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Null(field) => write!(f, "{field} is null"),
            Fault::Text(field, text) => write!(f, "{field} is {text:?}"),
            Fault::Number(field, number) => write!(f, "{field} is {number}"),
            Fault::Duplicate => write!(f, "the record before, once more"),
            Fault::Late => write!(f, "its window had closed"),
            Fault::CutOff => write!(f, "half of the bytes"),
            Fault::Silence => write!(f, "no record at all"),
        }
    }
}

/// A topic that no contract names, and its n-th record: a visitor makes a product of it.
pub const UNGOVERNED: (&str, fn(u64) -> Value) = (
    "shop.carts",
    |n| json!({"cart_id": format!("cart-{n}"), "customer_id": format!("c-{}", n % 977), "items": 1 + n % 5, "total": cents(n)}),
);
/// Of it: enough for a draft within seconds.
pub const UNGOVERNED_PER_SECOND: u64 = 20;

/// What stands after `#` for records that came late; no rule of a contract.
pub const LATE: &str = "late";

const fn plant(rule: &'static str, every: u64, fault: Fault) -> Planting {
    Planting { rule, every, fault }
}

pub const PRODUCTS: [Product; 6] = [
    Product {
        name: "sales/orders",
        topic: "shop.orders",
        partitions: 3,
        per_second: 600,
        encoding: Encoding::Json,
        contract: ("orders.odcs.yaml", include_str!("contracts/orders.odcs.yaml")),
        record: |n| json!({"order_id": format!("o-{n}"), "customer_id": format!("c-{}", n % 977), "amount": cents(n), "currency": "EUR"}),
        key: "order_id",
        faults: &[
            plant("orders.customer_id.required", 211, Fault::Null("customer_id")),
            plant("orders.order_id.primaryKey", 307, Fault::Duplicate),
            plant("orders.amount.minimum", 401, Fault::Number("amount", -1.0)),
        ],
    },
    Product {
        name: "sales/payments",
        topic: "shop.payments",
        partitions: 3,
        per_second: 500,
        encoding: Encoding::Framed(1, include_str!("contracts/payment.avsc")),
        contract: ("payments.odcs.yaml", include_str!("contracts/payments.odcs.yaml")),
        record: |n| json!({"payment_id": format!("p-{n}"), "order_id": format!("o-{n}"), "method": pick(n, &["card", "transfer", "invoice"]), "amount": cents(n)}),
        key: "payment_id",
        faults: &[
            plant("method_is_known", 151, Fault::Text("method", "crypto")),
            plant("steward.decodable", 263, Fault::CutOff),
        ],
    },
    Product {
        name: "logistics/shipments",
        topic: "logistics.shipments",
        partitions: 2,
        per_second: 200,
        encoding: Encoding::Json,
        contract: ("shipments.odcs.yaml", include_str!("contracts/shipments.odcs.yaml")),
        record: |n| json!({"parcel": format!("s-{n}"), "carrier": pick(n, &["rail", "road", "air"]), "weight_kg": cents(n) + 0.5}),
        key: "parcel",
        faults: &[
            plant("carrier_is_known", 89, Fault::Text("carrier", "drone")),
            plant("shipments.weight_kg.maximum", 227, Fault::Number("weight_kg", 1_000_000.0)),
        ],
    },
    Product {
        name: "logistics/returns",
        topic: "logistics.returns",
        partitions: 1,
        per_second: 0,
        encoding: Encoding::Json,
        contract: ("returns.odcs.yaml", include_str!("contracts/returns.odcs.yaml")),
        record: |n| json!({"parcel": format!("s-{n}")}),
        key: "parcel",
        faults: &[plant("returns_arrive", 0, Fault::Silence)],
    },
    Product {
        name: "trading/trades",
        topic: "trading.trades",
        partitions: 3,
        per_second: 300,
        encoding: Encoding::Avro(include_str!("contracts/trade.avsc")),
        contract: ("trades.odcs.yaml", include_str!("contracts/trades.odcs.yaml")),
        record: |n| json!({"trade_id": format!("t-{n}"), "symbol": pick(n, SYMBOLS), "quantity": 1 + n % 500, "price": cents(n) + 1.0}),
        key: "trade_id",
        faults: &[
            plant("trades.quantity.minimum", 131, Fault::Number("quantity", 0.0)),
            plant("trades.price.required", 311, Fault::Null("price")),
        ],
    },
    Product {
        name: "trading/quotes",
        topic: "trading.quotes",
        partitions: 2,
        per_second: 400,
        encoding: Encoding::Framed(2, include_str!("contracts/quote.avsc")),
        contract: ("quotes.odcs.yaml", include_str!("contracts/quotes.odcs.yaml")),
        record: |n| json!({"symbol": pick(n, SYMBOLS), "bid": cents(n) + 1.0, "ask": cents(n) + 1.01}),
        key: "symbol",
        faults: &[plant(LATE, 173, Fault::Late), plant("quotes.symbol.pattern", 449, Fault::Text("symbol", "n/a"))],
    },
];

/// What is planted under each `domain/product#rule`, in words.
pub fn words() -> BTreeMap<String, String> {
    let of = |product: &'static Product| {
        product.faults.iter().map(|planting| (key(product.name, planting.rule), planting.fault.to_string()))
    };
    PRODUCTS.iter().flat_map(of).collect()
}

/// How planted and found name a fault: `domain/product#rule`.
pub fn key(product: &str, rule: &str) -> String {
    format!("{product}#{rule}")
}

const SYMBOLS: &[&str] = &["ACME", "HOOLI", "VANDA"];

fn pick(n: u64, of: &[&'static str]) -> &'static str {
    of[n as usize % of.len()]
}

/// Some amount, the same for the same number.
fn cents(n: u64) -> f64 {
    (n * 37 % 20_000) as f64 / 100.0
}
