//! The Open Data Product Standard as shapes.
//!
//! Source: the meaning of ODPS v1.0.0 and v1.1.0, prose and JSON Schema. The formats of dates and URIs are asserted here.

use crate::engine::contract::standard::Edition::Odps11;
use crate::engine::contract::standard::shape::{ANYTHING, FLAG, Key, Shape, TEXT, TEXTS, Word, key, list, mapping};
use crate::engine::contract::standard::text;

pub static PRODUCT: Shape = mapping(
    "data product",
    fixed!([
        key("apiVersion", &VERSIONS).required(),
        key("kind", &Shape::Words(&[Word("DataProduct", None)])).required(),
        key("id", &TEXT).required(),
        key("name", &TEXT),
        key("version", &TEXT),
        key("status", &TEXT).required_before(Odps11),
        key("domain", &TEXT),
        key("tenant", &TEXT),
        LINKS,
        key("description", &DESCRIPTION),
        CUSTOM,
        TAGS,
        key("inputPorts", &INPUT_PORTS),
        key("outputPorts", &OUTPUT_PORTS),
        key("managementPorts", &MANAGEMENT_PORTS),
        key("support", &SUPPORT),
        key("team", &TEAM),
        key("productCreatedTs", &Shape::TextThat { is: "a time as RFC 3339 writes it", holds: text::date_time }),
        key("type", &TEXT).since(Odps11),
        DEPRECATED,
        SYNONYMS_KEY,
        CONTEXT_KEY,
    ]),
);

static VERSIONS: Shape = Shape::Words(&[Word("v1.1.0", Some(Odps11)), Word("v1.0.0", None), Word("v0.9.0", None)]);

static URI: Shape = Shape::TextThat { is: "a URI", holds: text::uri };
static DATE: Shape = Shape::TextThat { is: "a date (2026-11-28)", holds: text::date };

const ID: Key = key("id", &TEXT).since(Odps11);
const DESCRIBED: Key = key("description", &TEXT);
const TAGS: Key = key("tags", &TEXTS);
const DEPRECATED: Key = key("deprecated", &FLAG).since(Odps11);
const SYNONYMS_KEY: Key = key("synonyms", &SYNONYMS).since(Odps11);
const CONTEXT_KEY: Key = key("context", &CONTEXT).since(Odps11);

const CUSTOM: Key = key(
    "customProperties",
    fixed!(list(fixed!(mapping(
        "custom property",
        fixed!([ID, key("property", &TEXT).required(), key("value", &ANYTHING).required(), DESCRIBED]),
    )))),
);

const LINKS: Key = key(
    "authoritativeDefinitions",
    fixed!(list(fixed!(mapping(
        "authoritative definition",
        fixed!([ID, key("type", &TEXT).required(), key("url", &URI).required(), DESCRIBED]),
    )))),
);

static DESCRIPTION: Shape = mapping(
    "description",
    fixed!([key("purpose", &TEXT), key("limitations", &TEXT), key("usage", &TEXT), LINKS, CUSTOM]),
);

static INPUT_PORTS: Shape = list(fixed!(mapping(
    "input port",
    fixed!([
        ID,
        key("name", &TEXT).required(),
        key("version", &TEXT).required_before(Odps11),
        key("contractId", &TEXT).required_before(Odps11),
        TAGS,
        CUSTOM,
        LINKS,
        DEPRECATED,
    ]),
)));

static OUTPUT_PORTS: Shape = list(fixed!(mapping(
    "output port",
    fixed!([
        ID,
        key("name", &TEXT).required(),
        key("version", &TEXT).required_before(Odps11),
        DESCRIBED,
        key("type", &TEXT),
        key("contractId", &TEXT),
        key("sbom", fixed!(list(fixed!(mapping("SBOM", BILL_OF_MATERIALS))))),
        key("inputContracts", fixed!(list(fixed!(mapping("input contract", INPUT_CONTRACT))))),
        TAGS,
        CUSTOM,
        LINKS,
        DEPRECATED,
        SYNONYMS_KEY,
        CONTEXT_KEY,
    ]),
)));

const BILL_OF_MATERIALS: &[Key] = &[ID, key("type", &TEXT), key("url", &URI).required_before(Odps11)];
const INPUT_CONTRACT: &[Key] = &[key("id", &TEXT).required(), key("version", &TEXT).required()];

static MANAGEMENT_PORTS: Shape = list(fixed!(mapping(
    "management port",
    fixed!([
        ID,
        key("name", &TEXT).required(),
        key("content", &TEXT).required(),
        key("type", &TEXT),
        key("url", &URI),
        key("channel", &TEXT),
        DESCRIBED,
        TAGS,
        CUSTOM,
        LINKS,
        DEPRECATED,
    ]),
)));

static SUPPORT: Shape = list(fixed!(mapping(
    "support channel",
    fixed!([
        ID,
        key("channel", &TEXT).required(),
        key("url", &URI).required(),
        DESCRIBED,
        key("tool", &TEXT),
        key("scope", &TEXT),
        key("invitationUrl", &URI),
        TAGS,
        CUSTOM,
        LINKS,
    ]),
)));

static TEAM: Shape = mapping(
    "team",
    fixed!([
        key("name", &TEXT),
        DESCRIBED,
        key("members", fixed!(list(fixed!(mapping("team member", MEMBER))))),
        TAGS,
        CUSTOM,
        LINKS,
    ]),
);

const MEMBER: &[Key] = &[
    ID,
    key("username", &TEXT).required(),
    key("name", &TEXT),
    DESCRIBED,
    key("role", &TEXT),
    key("dateIn", &DATE),
    key("dateOut", &DATE),
    key("replacedByUsername", &TEXT),
    TAGS,
    CUSTOM,
    LINKS,
];

static SYNONYMS: Shape = list(fixed!(mapping(
    "synonym",
    fixed!([
        ID,
        key("synonym", &TEXT).required(),
        DESCRIBED,
        key("locale", &TEXT),
        key("source", &TEXT),
        key("status", &TEXT),
        CUSTOM,
    ]),
)));

/// Unlike ODCS's, no mere text.
static CONTEXT: Shape = mapping(
    "context",
    fixed!([
        key("instructions", &TEXT),
        key("verifiedStatements", fixed!(list(fixed!(mapping("verified statement", STATEMENT))))),
        key("constraints", fixed!(list(fixed!(mapping("constraint", CONSTRAINT))))),
    ]),
);

const STATEMENT: &[Key] = &[ID, key("question", &TEXT).required(), key("answer", &TEXT), LINKS, TAGS, CUSTOM];
const CONSTRAINT: &[Key] = &[ID, key("constraint", &TEXT).required(), LINKS, TAGS, CUSTOM];
