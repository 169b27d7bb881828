//! Tables, files, buckets and collections behind connectors, as OpenLineage names them
//! (<https://openlineage.io/docs/spec/naming>). What it has no rule for, or the configuration does not tell, has no name here.

use crate::discovery::connect::answer::{Connector, plain};
use crate::engine::lineage::node::Node;

/// A database: its namespace, and what its tables' names begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    pub namespace: String,
    kind: &'static str,
    /// The database, or Oracle's service.
    pub name: String,
}

impl Database {
    pub fn new(kind: &'static str, host: &str, port: Option<&str>, name: &str) -> Option<Database> {
        let default = match kind {
            "postgres" => "5432",
            "mysql" | "mariadb" => "3306",
            "mssql" => "1433",
            "oracle" => "1521",
            "mongodb" => "27017",
            _ => return None,
        };
        let namespace = format!("{kind}://{host}:{}", port.filter(|p| !p.is_empty()).unwrap_or(default));
        (!host.is_empty()).then(|| Database { namespace, kind, name: name.to_owned() })
    }

    /// The one of a JDBC address: PostgreSQL, MySQL, MariaDB, SQL Server, Oracle.
    pub fn of_jdbc(url: &str) -> Option<Database> {
        let (scheme, rest) = url.strip_prefix("jdbc:")?.split_once(':')?;
        match scheme {
            "postgresql" | "mysql" | "mariadb" => {
                let (authority, path) = rest.strip_prefix("//")?.split_once('/')?;
                // Of several hosts the first one names it.
                let (host, port) = host_and_port(authority.split(',').next()?);
                let name = path.split(['?', ';']).next().filter(|name| !name.is_empty())?;
                Database::new(if scheme == "postgresql" { "postgres" } else { known(scheme) }, host, port, name)
            }
            "sqlserver" => {
                let mut parts = rest.strip_prefix("//")?.split(';');
                let (host, port) = host_and_port(parts.next()?);
                let host = host.split('\\').next()?;
                let pairs = parts.filter_map(|part| part.split_once('='));
                let mut names = pairs.filter(|(key, _)| {
                    key.eq_ignore_ascii_case("databaseName") || key.eq_ignore_ascii_case("database")
                });
                Database::new("mssql", host, port, names.next()?.1)
            }
            "oracle" => {
                let place = rest.split_once('@')?.1.trim_start_matches('/');
                let (host, rest) = place.split_once([':', '/'])?;
                let (port, name) = match rest.split_once([':', '/']) {
                    Some((port, name)) => (Some(port), name),
                    None => (None, rest),
                };
                Database::new("oracle", host, port, name)
            }
            _ => None,
        }
    }

    /// A table, by a name that may be qualified. `None` where its schema is not known.
    pub fn table(&self, name: &str) -> Option<Node> {
        let parts: Vec<&str> = name.split('.').map(|part| part.trim_matches(['"', '`', '[', ']'])).collect();
        let table = match (self.kind, parts.as_slice()) {
            (_, parts) if parts.iter().any(|part| part.is_empty()) => return None,
            ("mysql" | "mariadb" | "mongodb", [table]) => format!("{}.{table}", self.name),
            ("mysql" | "mariadb" | "mongodb", [database, table]) => format!("{database}.{table}"),
            // Where nothing else is configured, the server's own default schema.
            ("postgres", [table]) => format!("{}.public.{table}", self.name),
            ("mssql", [table]) => format!("{}.dbo.{table}", self.name),
            ("postgres" | "mssql" | "oracle", [schema, table]) => format!("{}.{schema}.{table}", self.name),
            ("postgres" | "mssql" | "oracle", [database, schema, table]) => format!("{database}.{schema}.{table}"),
            _ => return None,
        };
        Some(Node::dataset(&self.namespace, table))
    }
}

fn known(scheme: &str) -> &'static str {
    if scheme == "mysql" { "mysql" } else { "mariadb" }
}

/// Of `user:password@host:port`.
fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    let place = authority.rsplit('@').next().unwrap_or_default();
    // An IPv6 address has colons of its own, within brackets.
    match place.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())) {
        Some((host, port)) => (host, Some(port)),
        None => (place, None),
    }
}

/// The database that one of Debezium's sources captures.
pub fn captured(connector: &Connector) -> Option<Database> {
    let key = |name: &str| connector.plain(name);
    let (kind, name) = match connector.class() {
        "Postgres" => ("postgres", key("database.dbname")?),
        "MySql" => ("mysql", ""),
        "MariaDb" => ("mariadb", ""),
        // Several databases of one server: their names stand in the topics.
        "SqlServer" => ("mssql", key("database.names")?),
        "Oracle" => ("oracle", key("database.pdb.name").or(key("database.dbname"))?),
        "MongoDb" => return of_mongodb(key("mongodb.connection.string")?, ""),
        _ => return None,
    };
    Database::new(kind, key("database.hostname")?, key("database.port"), name)
}

/// `mongodb://user:password@host:port,…/database?…`.
pub fn of_mongodb(uri: &str, name: &str) -> Option<Database> {
    let authority = uri.strip_prefix("mongodb://")?.split('/').next()?;
    let (host, port) = host_and_port(authority.rsplit('@').next()?.split(',').next()?);
    Database::new("mongodb", host, port, name)
}

/// A file of a worker's own disk.
pub fn file(path: &str) -> Node {
    Node::dataset("file", path)
}

/// What a sink writes the records of a topic to; `routed`: the topic's name after the sink's transforms. The error says why it has no name.
pub fn written(connector: &Connector, routed: &str) -> Result<Node, String> {
    let config = &connector.config;
    let lacks = |key: &str| format!("{key} is not given, or looked up elsewhere");
    let key = |name: &str| plain(config, name).ok_or_else(|| lacks(name));
    let folder = |default: &str| match plain(config, "topics.dir").unwrap_or(default).trim_matches('/') {
        "" => routed.to_owned(),
        folder => format!("{folder}/{routed}"),
    };
    match connector.class() {
        "FileStreamSink" => Ok(file(key("file")?)),
        "S3Sink" => Ok(Node::dataset(format!("s3://{}", key("s3.bucket.name")?), folder("topics"))),
        "AivenKafkaConnectS3Sink" => {
            let prefix = plain(config, "aws.s3.prefix").or(plain(config, "file.name.prefix")).unwrap_or("/");
            let bucket = key("aws.s3.bucket.name").or(key("aws.s3.bucket"))?;
            Ok(Node::dataset(format!("s3://{bucket}"), prefix))
        }
        "GcsSink" => Ok(Node::dataset(format!("gs://{}", key("gcs.bucket.name")?), folder("topics"))),
        "JdbcSink" => {
            let database = Database::of_jdbc(key("connection.url")?).ok_or("its address names no known database")?;
            let debezium = config.get("connector.class").is_some_and(|class| class.starts_with("io.debezium."));
            let keys =
                if debezium { ["collection.name.format", "table.name.format"] } else { ["table.name.format"; 2] };
            let format = keys.iter().find_map(|key| config.get(*key)).map_or("${topic}", String::as_str);
            let table = format.replace("${topic}", routed);
            // Debezium's own rule for names.
            let table = if debezium { table.replace('.', "_") } else { table };
            if table.contains("${") {
                return Err(format!("table names are made of records: {format}"));
            }
            database.table(&table).ok_or_else(|| format!("the schema of table {table} is not configured"))
        }
        "MongoSink" => {
            let database = of_mongodb(key("connection.uri")?, key("database")?).ok_or("its address names no host")?;
            let collection = plain(config, "collection").unwrap_or(routed);
            Ok(Node::dataset(&database.namespace, format!("{}.{collection}", database.name)))
        }
        "BigQuerySink" => {
            let (project, dataset) = (key("project")?, key("defaultDataset")?);
            Ok(Node::dataset("bigquery", format!("{project}.{dataset}.{routed}")))
        }
        class => Err(format!("what a connector of class {class} writes to is not known here")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_called_as_openlineage_calls_them() {
        for (url, table, expected) in [
            ("jdbc:postgresql://db.example.com/shop", "orders", "postgres://db.example.com:5432 shop.public.orders"),
            (
                "jdbc:postgresql://db:6432/shop?user=a&password=b",
                "sales.orders",
                "postgres://db:6432 shop.sales.orders",
            ),
            ("jdbc:postgresql://a:1,b:2/shop", "\"s\".\"t\"", "postgres://a:1 shop.s.t"),
            ("jdbc:mysql://me:secret@db:3307/shop", "orders", "mysql://db:3307 shop.orders"),
            ("jdbc:mariadb://db/shop", "other.orders", "mariadb://db:3306 other.orders"),
            ("jdbc:sqlserver://db\\inst;databaseName=shop;encrypt=true", "orders", "mssql://db:1433 shop.dbo.orders"),
            ("jdbc:oracle:thin:@//db:1522/svc", "HR.EMP", "oracle://db:1522 svc.HR.EMP"),
            ("jdbc:oracle:thin:@db:1521:sid", "HR.EMP", "oracle://db:1521 sid.HR.EMP"),
            ("jdbc:oracle:thin:@db:1521:sid", "EMP", ""),
            ("jdbc:postgresql://[::1]:6432/shop", "t", "postgres://[::1]:6432 shop.public.t"),
            ("jdbc:postgresql://db", "t", ""),
            ("jdbc:sqlite:/tmp/x.db", "t", ""),
            ("http://db/shop", "t", ""),
        ] {
            let node = Database::of_jdbc(url).and_then(|database| database.table(table));
            let named = node.map_or(String::new(), |node| format!("{} {}", node.namespace(), node.name()));
            assert_eq!(named, expected, "{url} {table}");
        }
    }

    #[test]
    fn what_a_sink_writes_to_has_a_name_where_its_configuration_gives_one() {
        for (class, config, expected) in [
            ("a.FileStreamSinkConnector", &[("file", "/tmp/o")][..], Ok("file /tmp/o")),
            ("a.FileStreamSinkConnector", &[], Err("file is not given")),
            ("a.FileStreamSinkConnector", &[("file", "${file:/x:y}")], Err("looked up elsewhere")),
            ("a.S3SinkConnector", &[("s3.bucket.name", "lake")], Ok("s3://lake topics/shop.orders")),
            (
                "a.S3SinkConnector",
                &[("s3.bucket.name", "lake"), ("topics.dir", "/raw/")],
                Ok("s3://lake raw/shop.orders"),
            ),
            ("a.GcsSinkConnector", &[("gcs.bucket.name", "lake")], Ok("gs://lake topics/shop.orders")),
            (
                "io.confluent.connect.jdbc.JdbcSinkConnector",
                &[("connection.url", "jdbc:postgresql://db/dwh"), ("table.name.format", "in_${topic}")],
                Ok("postgres://db:5432 dwh.in_shop.orders"),
            ),
            (
                "io.debezium.connector.jdbc.JdbcSinkConnector",
                &[("connection.url", "jdbc:postgresql://db/dwh")],
                Ok("postgres://db:5432 dwh.public.shop_orders"),
            ),
            (
                "io.confluent.connect.jdbc.JdbcSinkConnector",
                &[("connection.url", "jdbc:mysql://db/dwh"), ("table.name.format", "${topic}_${timestamp}")],
                Err("made of records"),
            ),
            (
                "com.mongodb.kafka.connect.MongoSinkConnector",
                &[("connection.uri", "mongodb://u:p@m1,m2/x"), ("database", "d"), ("collection", "c")],
                Ok("mongodb://m1:27017 d.c"),
            ),
            ("com.example.MySinkConnector", &[], Err("com.example.MySink".rsplit('.').next().unwrap_or_default())),
        ] {
            let mut connector = Connector::default();
            connector.config.insert("connector.class".into(), class.into());
            connector.config.extend(config.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
            match (written(&connector, "shop.orders"), expected) {
                (Ok(node), Ok(expected)) => assert_eq!(format!("{} {}", node.namespace(), node.name()), expected),
                (Err(why), Err(part)) => assert!(why.contains(part), "{class}: {why}"),
                (other, _) => panic!("{class}: {other:?}, expected {expected:?}"),
            }
        }
    }
}
