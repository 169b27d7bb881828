//! The Open Data Contract Standard as shapes: the whole document, and what stands in many places of it.
//!
//! Source: the meaning of ODCS v3.1.0 and v3.2.0, prose and JSON Schema. The formats of dates and URIs are annotations there.

use crate::engine::contract::standard::Edition::Odcs32;
use crate::engine::contract::standard::elements::OBJECTS;
use crate::engine::contract::standard::servers::SERVERS;
use crate::engine::contract::standard::shape::{
    ANYTHING, Key, Mapping, NUMBER, SCALAR, Shape, TEXT, TEXTS, Word, key, list, mapping,
};
use crate::engine::contract::standard::text;

pub static CONTRACT: Shape = mapping(
    "contract",
    fixed!([
        key("version", &TEXT).required(),
        key("kind", &Shape::Words(&[Word("DataContract", None)])).required(),
        key("apiVersion", &VERSIONS).required(),
        key("id", &TEXT).required(),
        key("name", &TEXT),
        key("tenant", &TEXT),
        key("tags", &TEXTS),
        key("status", &TEXT).required_before(Odcs32),
        key("servers", &SERVERS),
        key("dataProduct", &TEXT),
        key("description", &DESCRIPTION),
        key("domain", &TEXT),
        key("schema", &OBJECTS),
        key("support", &SUPPORT),
        key("price", &PRICE),
        key("team", &TEAM),
        key("roles", &ROLES),
        key("slaDefaultElement", &TEXT),
        key("slaProperties", &SLA),
        LINKS,
        CUSTOM,
        key("contractCreatedTs", &TEXT),
        key("context", &CONTEXT).since(Odcs32),
    ]),
);

static VERSIONS: Shape = Shape::Words(&[
    Word("v3.2.0", Some(Odcs32)),
    Word("v3.1.0", None),
    Word("v3.0.2", None),
    Word("v3.0.1", None),
    Word("v3.0.0", None),
    Word("v2.2.2", None),
    Word("v2.2.1", None),
    Word("v2.2.0", None),
]);

pub const ID: Key = key("id", &STABLE_ID);
pub const TAGS: Key = key("tags", &TEXTS);
pub const CUSTOM: Key = key("customProperties", &CUSTOM_PROPERTIES);
pub const LINKS: Key = key("authoritativeDefinitions", &DEFINITIONS);
pub const DESCRIBED: Key = key("description", &TEXT);

static STABLE_ID: Shape = Shape::Changed {
    before: &Shape::TextThat { is: "a stable id (letters, digits, _ and -)", holds: text::stable_id },
    since: Odcs32,
    after: &Shape::TextThat {
        is: "a stable id (no white space, and none of . # / \\ @ ! % & ^)",
        holds: text::stable_id_of_any_script,
    },
};

pub static CUSTOM_PROPERTIES: Shape = list(fixed!(mapping(
    "custom property",
    fixed!([
        ID,
        key("property", &TEXT).required(),
        key("value", &ANYTHING).required(),
        DESCRIBED,
        key("vendor", &TEXT).since(Odcs32),
    ]),
)));

static DEFINITIONS: Shape = list(fixed!(mapping(
    "authoritative definition",
    fixed!([ID, key("url", &TEXT).required(), key("type", &TEXT).required(), DESCRIBED]),
)));

static DESCRIPTION: Shape = Shape::Mapping(Mapping {
    open: true,
    ..Mapping::of(
        "description",
        fixed!([key("usage", &TEXT), key("purpose", &TEXT), key("limitations", &TEXT), LINKS, CUSTOM]),
    )
});

static SUPPORT: Shape = list(fixed!(mapping(
    "support channel",
    fixed!([
        ID,
        key("channel", &TEXT).required(),
        key("url", &TEXT),
        DESCRIBED,
        key("tool", &TEXT),
        key("scope", &TEXT),
        key("invitationUrl", &TEXT),
        CUSTOM,
    ]),
)));

static PRICE: Shape =
    mapping("price", fixed!([ID, key("priceAmount", &NUMBER), key("priceCurrency", &TEXT), key("priceUnit", &TEXT)]));

/// A list of members is the old form.
static TEAM: Shape = Shape::Either(fixed!([
    fixed!(
        mapping("team", fixed!([ID, key("name", &TEXT), DESCRIBED, key("members", &MEMBERS), TAGS, CUSTOM, LINKS]),)
    ),
    &MEMBERS,
]));

static MEMBERS: Shape = list(fixed!(mapping(
    "team member",
    fixed!([
        ID,
        key("username", &TEXT).required(),
        key("name", &TEXT),
        DESCRIBED,
        key("role", &TEXT),
        key("dateIn", &TEXT),
        key("dateOut", &TEXT),
        key("replacedByUsername", &TEXT),
        TAGS,
        CUSTOM,
        LINKS,
    ]),
)));

pub static ROLES: Shape = list(fixed!(mapping(
    "role",
    fixed!([
        ID,
        key("role", &TEXT).required(),
        DESCRIBED,
        key("access", &TEXT),
        key("firstLevelApprovers", &TEXT),
        key("secondLevelApprovers", &TEXT),
        CUSTOM,
    ]),
)));

static SLA: Shape = list(fixed!(mapping(
    "SLA property",
    fixed!([
        ID,
        key("property", &TEXT).required(),
        key("value", &SCALAR).required(),
        key("valueExt", &SCALAR),
        key("unit", &TEXT),
        key("element", &TEXT),
        key("driver", &TEXT),
        DESCRIBED,
        key("scheduler", &TEXT),
        key("schedule", &TEXT),
        CUSTOM.since(Odcs32),
        LINKS.since(Odcs32),
    ]),
)));

/// What agents that read the contract are told.
pub static CONTEXT: Shape = Shape::Either(fixed!([
    &TEXT,
    fixed!(mapping(
        "context",
        fixed!([
            key("instructions", &TEXT),
            key("verifiedStatements", fixed!(list(fixed!(mapping("verified statement", STATEMENT))))),
            key("constraints", fixed!(list(fixed!(mapping("constraint", CONSTRAINT))))),
        ]),
    )),
]));

/// Their ids are any text.
const STATEMENT: &[Key] =
    &[key("id", &TEXT), key("question", &TEXT).required(), key("answer", &TEXT), LINKS, TAGS, CUSTOM];
const CONSTRAINT: &[Key] = &[key("id", &TEXT), key("constraint", &TEXT).required(), LINKS, TAGS, CUSTOM];
