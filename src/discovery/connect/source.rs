//! Which topics a source's configuration says that it writes, and what each comes from.

use crate::discovery::connect::answer::{Connector, list};
use crate::discovery::connect::outside::{Database, captured, file};
use crate::discovery::connect::route::route;
use crate::engine::lineage::node::Node;
use std::collections::BTreeSet;

/// A topic that a source writes, after all transforms.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    pub topic: String,
    /// The table or file behind it, where it has a name.
    pub from: Option<Node>,
}

/// All topics of a source; the error says why its configuration does not decide them.
pub fn decided(connector: &Connector) -> Result<BTreeSet<Flow>, String> {
    let class = connector.config.get("connector.class").map_or("", String::as_str);
    let key = |name: &str| connector.plain(name).ok_or(format!("{name} is not given, or looked up elsewhere"));
    match connector.class() {
        "FileStreamSource" => {
            // Without a file it reads its standard input.
            let from = connector.plain("file").map(file);
            Ok(BTreeSet::from([Flow { topic: route(&connector.config, key("topic")?)?, from }]))
        }
        "JdbcSource" => of_jdbc(connector),
        _ if class.starts_with("io.debezium.connector.") => of_debezium(connector),
        short => Err(format!("which topics a connector of class {short} writes is not known here")),
    }
}

/// `topic.prefix` and the name of the table without what qualifies it; a query has the prefix alone.
fn of_jdbc(connector: &Connector) -> Result<BTreeSet<Flow>, String> {
    let prefix = connector.config.get("topic.prefix").map_or("", |prefix| prefix.trim());
    if prefix.contains("${") {
        return Err("topic.prefix is looked up elsewhere".into());
    }
    if connector.plain("query").is_some() {
        return Ok(BTreeSet::from([Flow { topic: route(&connector.config, prefix)?, from: None }]));
    }
    let mut tables: Vec<String> = Vec::new();
    for key in ["table.whitelist", "table.include.list"] {
        tables.extend(list(&connector.config, key).into_iter().map(str::to_owned));
    }
    if let Some(pattern) = tables.iter().find(|table| !is_name(table)) {
        return Err(format!("its list of tables holds the pattern {pattern}"));
    }
    if tables.is_empty() {
        // Those that it has read from: `{"protocol": "1", "table": "shop.public.orders"}`.
        let read = connector.offsets.iter().filter_map(|place| place.partition["table"].as_str());
        tables = read.map(str::to_owned).collect();
    }
    if tables.is_empty() {
        return Err("it names no tables, and has read from none yet".into());
    }
    let database = connector.plain("connection.url").and_then(Database::of_jdbc);
    let flow = |table: &String| {
        let name = table.rsplit('.').next().unwrap_or(table).trim_matches(['"', '`', '[', ']']);
        let from = database.as_ref().and_then(|database| database.table(table));
        Ok(Flow { topic: route(&connector.config, &format!("{prefix}{name}"))?, from })
    };
    tables.iter().map(flow).collect()
}

/// `topic.prefix`, a dot, and the table as `table.include.list` has it.
fn of_debezium(connector: &Connector) -> Result<BTreeSet<Flow>, String> {
    let own = |key: &str| connector.config.get(key).is_some_and(|value| !value.trim().is_empty());
    if own("topic.naming.strategy") || own("topic.delimiter") {
        return Err("its topics are named by a strategy or a delimiter of its own".into());
    }
    let prefix = connector.plain("topic.prefix").ok_or("topic.prefix is not given, or looked up elsewhere")?;
    let key = if connector.class() == "MongoDb" { "collection.include.list" } else { "table.include.list" };
    let tables: Vec<String> = list(&connector.config, key).into_iter().map(|table| table.replace("\\.", ".")).collect();
    if tables.is_empty() {
        return Err(format!("{key} is not given: it captures whatever there is"));
    }
    if let Some(pattern) = tables.iter().find(|table| !is_name(table)) {
        return Err(format!("{key} holds the pattern {pattern}"));
    }
    let database = captured(connector);
    let flow = |table: &String| {
        // Several databases of SQL Server stand in the topic's name, before the schema.
        let topics = match (connector.class(), connector.plain("database.names")) {
            ("SqlServer", Some(names)) => {
                names.split(',').map(|name| format!("{prefix}.{}.{table}", name.trim())).collect::<Vec<_>>()
            }
            _ => vec![format!("{prefix}.{table}")],
        };
        topics.into_iter().map(|topic| {
            let captured = topic.strip_prefix(&format!("{prefix}.")).unwrap_or(&topic).to_owned();
            let from = database.as_ref().and_then(|database| database.table(&captured));
            Ok(Flow { topic: route(&connector.config, &legal(&topic))?, from })
        })
    };
    tables.iter().flat_map(flow).collect()
}

/// What a topic of Debezium's that was seen comes from, where no transform may have renamed it.
pub fn captured_by(connector: &Connector, topic: &str) -> Option<Node> {
    let prefix = connector.plain("topic.prefix")?;
    let table = topic.strip_prefix(prefix)?.strip_prefix('.')?;
    let renamed = route(&connector.config, topic).is_ok_and(|routed| routed == topic);
    let qualified = table.contains('.');
    (renamed && qualified).then(|| captured(connector)?.table(table)).flatten()
}

/// Debezium writes `_` for what Kafka takes in no name.
fn legal(topic: &str) -> String {
    let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    topic.chars().map(|c| if legal(c) { c } else { '_' }).collect()
}

/// Whether it is a table's name and no pattern.
fn is_name(table: &str) -> bool {
    let of_name = |c: char| c.is_alphanumeric() || "._-$ \"`".contains(c);
    !table.is_empty() && !table.contains("${") && table.chars().all(of_name)
}

/// Topics that connectors keep for themselves, and that hold nobody's data: heartbeats, transactions, schema history, offsets.
pub fn is_bookkeeping(connector: &Connector, topic: &str) -> bool {
    if topic.starts_with("__") || crate::discovery::connect::mirror::is_bookkeeping(topic) {
        return true;
    }
    if !connector.config.get("connector.class").is_some_and(|class| class.starts_with("io.debezium.")) {
        return false;
    }
    let named = ["schema.history.internal.kafka.topic", "signal.kafka.topic", "notification.sink.topic.name"];
    let heartbeat = connector.plain("topic.heartbeat.prefix");
    let prefix = connector.plain("topic.prefix").unwrap_or_default();
    topic == prefix
        || topic == format!("{prefix}.transaction")
        || topic == format!("{prefix}-signal")
        || named.iter().any(|key| connector.plain(key) == Some(topic))
        || heartbeat.is_some_and(|heartbeat| topic.starts_with(&format!("{heartbeat}.")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::connect::answer::Place;
    use serde_json::{Value, json};

    fn connector(config: &[(&str, &str)]) -> Connector {
        let config = config.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Connector { name: "c".into(), config, ..Connector::default() }
    }

    /// `topic <- dataset`, or part of the reason why nothing is decided.
    fn check(config: &[(&str, &str)], expected: Result<&[&str], &str>) {
        let flows = decided(&connector(config));
        let shown = |flow: &Flow| match &flow.from {
            Some(from) => format!("{} <- {} {}", flow.topic, from.namespace(), from.name()),
            None => flow.topic.clone(),
        };
        match (&flows, expected) {
            (Ok(flows), Ok(expected)) => assert_eq!(flows.iter().map(shown).collect::<Vec<_>>(), expected),
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            _ => panic!("{flows:?}, expected {expected:?}"),
        }
    }

    const FILE: (&str, &str) = ("connector.class", "org.apache.kafka.connect.file.FileStreamSourceConnector");
    const JDBC: (&str, &str) = ("connector.class", "io.confluent.connect.jdbc.JdbcSourceConnector");
    const POSTGRES: (&str, &str) = ("connector.class", "io.debezium.connector.postgresql.PostgresConnector");

    #[test]
    fn topics_of_a_source_are_those_that_its_configuration_decides() {
        check(&[FILE, ("file", "/in"), ("topic", "a")], Ok(&["a <- file /in"]));
        check(&[FILE, ("topic", "a")], Ok(&["a"]));
        check(&[FILE, ("topic", "${env:T}")], Err("looked up elsewhere"));
        let jdbc = ("connection.url", "jdbc:postgresql://db/shop");
        check(
            &[JDBC, jdbc, ("topic.prefix", "pg-"), ("table.whitelist", "orders, sales.lines")],
            Ok(&[
                "pg-lines <- postgres://db:5432 shop.sales.lines",
                "pg-orders <- postgres://db:5432 shop.public.orders",
            ]),
        );
        check(&[JDBC, jdbc, ("topic.prefix", "pg-q"), ("query", "select 1")], Ok(&["pg-q"]));
        check(&[JDBC, jdbc, ("topic.prefix", "pg-")], Err("names no tables"));
        check(&[JDBC, jdbc, ("table.include.list", "sales[.].*")], Err("pattern"));
        let cdc = [POSTGRES, ("topic.prefix", "shop"), ("database.hostname", "db"), ("database.dbname", "sales")];
        let with = |more: &[(&'static str, &'static str)]| [&cdc[..], more].concat();
        check(
            &with(&[("table.include.list", "public\\.orders")]),
            Ok(&["shop.public.orders <- postgres://db:5432 sales.public.orders"]),
        );
        check(&with(&[("table.include.list", "public.(a|b)")]), Err("pattern"));
        check(&with(&[]), Err("whatever there is"));
        check(&with(&[("table.include.list", "public.a"), ("topic.delimiter", "_")]), Err("delimiter"));
        check(
            &with(&[
                ("table.include.list", "public.outbox"),
                ("transforms", "o"),
                ("transforms.o.type", "io.debezium.transforms.outbox.EventRouter"),
            ]),
            Err("EventRouter"),
        );
        check(&[("connector.class", "com.example.MineSourceConnector")], Err("MineSource"));
    }

    #[test]
    fn tables_that_were_read_are_known_by_their_offsets() {
        let mut jdbc = connector(&[JDBC, ("topic.prefix", "pg-"), ("connection.url", "jdbc:mysql://db/shop")]);
        let partition = json!({"protocol": "1", "table": "shop.orders"});
        jdbc.offsets.push(Place { partition, offset: Value::Null });
        let flows = decided(&jdbc).unwrap();
        assert_eq!(flows.len(), 1);
        let flow = flows.first().unwrap();
        assert_eq!((flow.topic.as_str(), flow.from.as_ref().map(Node::name)), ("pg-orders", Some("shop.orders")));
    }

    #[test]
    fn bookkeeping_is_nobodys_data() {
        let cdc = connector(&[
            POSTGRES,
            ("topic.prefix", "shop"),
            ("schema.history.internal.kafka.topic", "history"),
            ("topic.heartbeat.prefix", "beat"),
        ]);
        for (topic, is) in [
            ("shop", true),
            ("shop.transaction", true),
            ("history", true),
            ("beat.shop", true),
            ("__debezium-heartbeat.shop", true),
            ("shop.public.orders", false),
            ("orders", false),
        ] {
            assert_eq!(is_bookkeeping(&cdc, topic), is, "{topic}");
        }
        assert!(!is_bookkeeping(&connector(&[FILE]), "shop"));
    }

    #[test]
    fn a_captured_table_is_known_by_its_topic_unless_something_renames() {
        let cdc = [POSTGRES, ("topic.prefix", "s"), ("database.hostname", "db"), ("database.dbname", "d")];
        let name = |connector: &Connector, topic: &str| captured_by(connector, topic).map(|n| n.name().to_owned());
        assert_eq!(name(&connector(&cdc), "s.public.orders").as_deref(), Some("d.public.orders"));
        assert_eq!(name(&connector(&cdc), "other.public.orders"), None);
        assert_eq!(name(&connector(&cdc), "s.transaction"), None);
        let renaming = [("transforms", "r"), ("transforms.r.type", "x.TimestampRouter")];
        assert_eq!(name(&connector(&[&cdc[..], &renaming[..]].concat()), "s.public.orders"), None);
    }
}
