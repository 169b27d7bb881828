//! ODCS: quality rules.

use crate::engine::contract::standard::odcs::{CUSTOM, DESCRIBED, ID, LINKS, TAGS};
use crate::engine::contract::standard::shape::{
    ANYTHING, Case, Key, Mapping, NUMBER, OPEN, Shape, TEXT, When, Word, key, list,
};

pub static RULES: Shape = list(fixed!(Shape::Mapping(Mapping {
    cases: BY_TYPE,
    decided_by: Some("type"),
    ..Mapping::of(
        "quality rule",
        fixed!([
            ID,
            key("name", &TEXT),
            DESCRIBED,
            key("type", &TYPES),
            key("dimension", &DIMENSIONS),
            key("severity", &TEXT),
            key("unit", &TEXT),
            key("businessImpact", &TEXT),
            key("method", &TEXT),
            key("scheduler", &TEXT),
            key("schedule", &TEXT),
            TAGS,
            LINKS,
            CUSTOM,
        ]),
    )
})));

static TYPES: Shape =
    Shape::Words(&[Word("library", None), Word("text", None), Word("sql", None), Word("custom", None)]);

static DIMENSIONS: Shape = Shape::Words(&[
    Word("accuracy", None),
    Word("completeness", None),
    Word("conformity", None),
    Word("consistency", None),
    Word("coverage", None),
    Word("timeliness", None),
    Word("uniqueness", None),
]);

static METRICS: Shape = Shape::Words(&[
    Word("nullValues", None),
    Word("missingValues", None),
    Word("invalidValues", None),
    Word("duplicateValues", None),
    Word("rowCount", None),
]);

/// A rule with a metric is one of the library, whatever else its type makes of it.
const BY_TYPE: &[Case] = &[
    Case { when: When::Is("type", "library"), since: None, keys: LIBRARY, one_of: OPERATORS },
    Case { when: When::IsText("metric"), since: None, keys: LIBRARY, one_of: OPERATORS },
    Case { when: When::Is("type", "sql"), since: None, keys: &[key("query", &TEXT).required()], one_of: OPERATORS },
    Case {
        when: When::Is("type", "custom"),
        since: None,
        keys: &[
            key("engine", &TEXT).required(),
            key("implementation", &Shape::Either(fixed!([&TEXT, &OPEN]))).required(),
        ],
        one_of: &[],
    },
];

const LIBRARY: &[Key] = &[key("metric", &METRICS).required(), key("rule", &TEXT), key("arguments", &OPEN)];

const OPERATORS: &[Key] = &[
    key("mustBe", &ANYTHING),
    key("mustNotBe", &ANYTHING),
    key("mustBeGreaterThan", &NUMBER),
    key("mustBeGreaterOrEqualTo", &NUMBER),
    key("mustBeLessThan", &NUMBER),
    key("mustBeLessOrEqualTo", &NUMBER),
    key("mustBeBetween", &PAIR),
    key("mustNotBeBetween", &PAIR),
];

static PAIR: Shape = Shape::List { items: &NUMBER, least: 2, most: 2, distinct: true };
