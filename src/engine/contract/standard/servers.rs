//! ODCS: servers, each type with what it is reached by.

use crate::engine::contract::standard::Edition::Odcs32;
use crate::engine::contract::standard::odcs::{CUSTOM, DESCRIBED, ID, ROLES};
use crate::engine::contract::standard::shape::{Case, INTEGER, Key, Mapping, Shape, TEXT, case, key, list};
use crate::engine::contract::standard::text;

pub static SERVERS: Shape = list(fixed!(Shape::Mapping(Mapping {
    cases: BY_TYPE,
    decided_by: Some("type"),
    ..Mapping::of(
        "server",
        fixed!([
            ID,
            key("server", &TEXT).required(),
            key("type", &Shape::WordOf(BY_TYPE)).required(),
            DESCRIBED,
            key("environment", &TEXT),
            key("roles", &ROLES),
            CUSTOM,
        ]),
    )
})));

const HOST: Key = key("host", &TEXT);
const PORT: Key = key("port", fixed!(Shape::Changed { before: &INTEGER, since: Odcs32, after: &INTEGER_OR_TEXT }));
const DATABASE: Key = key("database", &TEXT);
const SCHEMA: Key = key("schema", &TEXT);
const CATALOG: Key = key("catalog", &TEXT);
const ACCOUNT: Key = key("account", &TEXT);
const PROJECT: Key = key("project", &TEXT);
const LOCATION: Key = key("location", &TEXT);
const FORMAT: Key = key("format", &TEXT);
const DELIMITER: Key = key("delimiter", &TEXT);
const ENCODING: Key = key("encoding", &TEXT).since(Odcs32);

/// A variable's name may stand for it.
static INTEGER_OR_TEXT: Shape = Shape::Either(fixed!([&INTEGER, &TEXT]));

/// Where files of an SFTP server lie.
const SFTP_LOCATION: Key =
    key("location", &Shape::TextThat { is: "a URL that begins with sftp://", holds: text::sftp });

/// What many databases are reached by.
const HOST_PORT_DATABASE: &[Key] = &[HOST.required(), PORT.required(), DATABASE.required()];
const HOST_DATABASE: &[Key] = &[HOST.required(), PORT, DATABASE.required()];
const HOST_PORT_DATABASE_SCHEMA: &[Key] = &[HOST.required(), PORT.required(), DATABASE.required(), SCHEMA.required()];
const DATABASE_ALONE: &[Key] = &[HOST, PORT, DATABASE.required()];

const fn server(word: &'static str, keys: &'static [Key]) -> Case {
    case("type", word, keys)
}

const BY_TYPE: &[Case] = &[
    server("api", fixed!([LOCATION.required()])),
    server(
        "athena",
        fixed!([
            key("stagingDir", &TEXT).required_before(Odcs32),
            SCHEMA.required(),
            CATALOG,
            key("regionName", &TEXT),
            key("workgroup", &TEXT).since(Odcs32),
        ]),
    ),
    server("azure", fixed!([LOCATION.required(), FORMAT.required(), DELIMITER, ENCODING])),
    server("bigquery", fixed!([PROJECT.required(), key("dataset", &TEXT).required()])),
    server("btrieve", HOST_DATABASE).since(Odcs32),
    server("clickhouse", HOST_PORT_DATABASE),
    server("cloudsql", HOST_PORT_DATABASE_SCHEMA),
    server("custom", CUSTOM_SERVER),
    server("databricks", fixed!([HOST, CATALOG.required(), SCHEMA.required()])),
    server("db2", fixed!([HOST.required(), PORT.required(), DATABASE.required(), SCHEMA])),
    server("denodo", fixed!([HOST.required(), PORT.required(), DATABASE])),
    server("dremio", fixed!([HOST.required(), PORT.required(), SCHEMA])),
    server("duckdb", fixed!([DATABASE.required(), SCHEMA])),
    server("exasol", fixed!([HOST.required(), PORT, SCHEMA])).since(Odcs32),
    server("fastobjects", DATABASE_ALONE).since(Odcs32),
    server("glue", fixed!([ACCOUNT.required(), DATABASE.required(), LOCATION, FORMAT, ENCODING])),
    server("hana", fixed!([HOST.required(), PORT, DATABASE, SCHEMA])).since(Odcs32),
    server("hive", HOST_DATABASE),
    server(
        "iceberg",
        fixed!([
            CATALOG.required(),
            key("catalogUrl", &TEXT).required(),
            key("namespace", &TEXT),
            key("warehouse", &TEXT)
        ]),
    )
    .since(Odcs32),
    server("impala", HOST_DATABASE),
    server("informix", HOST_DATABASE),
    server("ingres", HOST_DATABASE).since(Odcs32),
    server("kafka", fixed!([HOST.required(), FORMAT, ENCODING])),
    server("kinesis", fixed!([key("region", &TEXT), FORMAT, ENCODING])),
    server("local", fixed!([key("path", &TEXT).required(), FORMAT.required(), ENCODING])),
    server("mysql", HOST_PORT_DATABASE),
    server("oracle", fixed!([HOST.required(), PORT.required(), key("serviceName", &TEXT).required()])),
    server("poet", DATABASE_ALONE).since(Odcs32),
    server("postgres", HOST_PORT_DATABASE_SCHEMA),
    server("postgresql", HOST_PORT_DATABASE_SCHEMA),
    server("presto", fixed!([HOST.required(), CATALOG, SCHEMA])),
    server("pubsub", fixed!([PROJECT.required()])),
    server("redshift", fixed!([HOST, DATABASE.required(), SCHEMA.required(), key("region", &TEXT), ACCOUNT])),
    server("s3", fixed!([LOCATION.required(), key("endpointUrl", &TEXT), FORMAT, DELIMITER, ENCODING])),
    server("sftp", fixed!([SFTP_LOCATION.required(), FORMAT, DELIMITER, ENCODING])),
    server(
        "snowflake",
        fixed!([HOST, PORT, ACCOUNT.required(), DATABASE.required(), SCHEMA.required(), key("warehouse", &TEXT)]),
    ),
    server("sqlserver", fixed!([HOST.required(), PORT, DATABASE.required(), SCHEMA.required()])),
    server("synapse", HOST_PORT_DATABASE),
    server("teradata", fixed!([HOST.required(), PORT, DATABASE])).since(Odcs32),
    server("trino", fixed!([HOST.required(), PORT.required(), CATALOG.required(), SCHEMA.required()])),
    server("vectorwise", HOST_DATABASE).since(Odcs32),
    server("versant", DATABASE_ALONE).since(Odcs32),
    server("vertica", HOST_PORT_DATABASE_SCHEMA),
    server("zen", HOST_DATABASE),
];

/// A server of no known type may be reached by any of these.
const CUSTOM_SERVER: &[Key] = &[
    ACCOUNT,
    CATALOG,
    DATABASE,
    key("dataset", &TEXT),
    DELIMITER,
    ENCODING,
    key("endpointUrl", &TEXT),
    FORMAT,
    HOST,
    LOCATION,
    key("path", &TEXT),
    PORT,
    PROJECT,
    key("region", &TEXT),
    key("regionName", &TEXT),
    SCHEMA,
    key("serviceName", &TEXT),
    key("stagingDir", &TEXT),
    key("warehouse", &TEXT),
    key("stream", &TEXT),
];
