//! ODCS: objects, properties, and the relationships between them.

use crate::engine::contract::standard::Edition::Odcs32;
use crate::engine::contract::standard::odcs::{CONTEXT, CUSTOM, DESCRIBED, ID, LINKS, TAGS};
use crate::engine::contract::standard::quality::RULES;
use crate::engine::contract::standard::shape::{
    ANYTHING, Case, FLAG, INTEGER, Key, Mapping, NUMBER, OPEN, SCALAR, Shape, TEXT, TEXTS, When, Word, case, key, list,
    mapping,
};
use crate::engine::contract::standard::text;

pub static OBJECTS: Shape = list(fixed!(mapping(
    "schema object",
    fixed!([
        ID,
        key("name", &TEXT).required(),
        key("logicalType", &Shape::Words(&[Word("object", None)])),
        key("physicalType", &TEXT),
        key("physicalName", &TEXT),
        key("businessName", &TEXT),
        DESCRIBED,
        LINKS,
        TAGS,
        CUSTOM,
        key("deprecated", &FLAG).since(Odcs32),
        key("synonyms", &SYNONYMS).since(Odcs32),
        key("context", &CONTEXT).since(Odcs32),
        key("dataGranularityDescription", &TEXT),
        key("properties", &PROPERTIES),
        key("relationships", fixed!(list(&BETWEEN_OBJECTS))),
        key("quality", &RULES),
    ]),
)));

// What leads back to itself is made of statics and literals alone: a constant is looked through to its end.
static PROPERTIES: Shape = list(&NAMED);
static NAMED: Shape = Shape::Mapping(Mapping {
    base: Some(&PROPERTY),
    decided_by: Some("logicalType"),
    ..Mapping::of("property", fixed!([key("name", &TEXT).required()]))
});

/// What an array's items are, and a map's keys and values: a property that needs no name.
static ITEM: Shape = Shape::Mapping(PROPERTY);

static PROPERTY: Mapping = Mapping {
    cases: &BY_TYPE,
    decided_by: Some("logicalType"),
    ..Mapping::of(
        "property",
        fixed!([
            ID,
            key("name", &TEXT),
            key("logicalType", &TYPES),
            key("logicalTypeOptions", &OPEN),
            key("physicalType", &TEXT),
            key("physicalName", &TEXT),
            key("businessName", &TEXT),
            DESCRIBED,
            LINKS,
            TAGS,
            CUSTOM,
            key("primaryKey", &FLAG),
            key("primaryKeyPosition", &INTEGER),
            key("required", &FLAG),
            key("unique", &FLAG),
            key("partitioned", &FLAG),
            key("partitionKeyPosition", &INTEGER),
            key("classification", &TEXT),
            key("encryptedName", &TEXT),
            key("transformSourceObjects", &TEXTS),
            key("transformLogic", &TEXT),
            key("transformDescription", &TEXT),
            key("examples", fixed!(list(&ANYTHING))),
            key("criticalDataElement", &FLAG),
            key("relationships", fixed!(list(&OF_PROPERTIES))),
            key("quality", &RULES),
            key("deprecated", &FLAG).since(Odcs32),
            key("synonyms", &SYNONYMS).since(Odcs32),
            key("semanticType", &SEMANTIC_TYPES).since(Odcs32),
            key("enum", &ENUM).since(Odcs32),
        ]),
    )
};

static TYPES: Shape = Shape::Words(&[
    Word("string", None),
    Word("date", None),
    Word("timestamp", None),
    Word("time", None),
    Word("number", None),
    Word("integer", None),
    Word("object", None),
    Word("array", None),
    Word("boolean", None),
    Word("map", Some(Odcs32)),
    Word("vector", Some(Odcs32)),
]);

static SEMANTIC_TYPES: Shape = Shape::Words(&[Word("column", None), Word("measure", None), Word("dimension", None)]);

/// What stands with each logicalType. Without one no option is known, and both `properties` and `items` are.
static BY_TYPE: [Case; 13] = [
    Case {
        when: When::Missing("logicalType"),
        since: None,
        keys: &[key("logicalTypeOptions", fixed!(mapping("set of options without a logicalType", &[])))],
        one_of: &[],
    },
    Case {
        when: When::IsOrMissing("logicalType", "object"),
        since: None,
        keys: &[key("properties", &PROPERTIES)],
        one_of: &[],
    },
    Case { when: When::IsOrMissing("logicalType", "array"), since: None, keys: &[key("items", &ITEM)], one_of: &[] },
    case("logicalType", "string", fixed!([options(&OF_STRING)])),
    case("logicalType", "date", fixed!([options(&OF_DATE)])),
    case("logicalType", "timestamp", fixed!([options(&OF_TIME)])),
    case("logicalType", "time", fixed!([options(&OF_TIME)])),
    case("logicalType", "integer", fixed!([options(&OF_INTEGER)])),
    case("logicalType", "number", fixed!([options(&OF_NUMBER)])),
    case("logicalType", "object", fixed!([options(&OF_OBJECT)])),
    case("logicalType", "array", fixed!([options(&OF_ARRAY)])),
    Case {
        when: When::Is("logicalType", "map"),
        since: Some(Odcs32),
        keys: &[key("map", &MAP).required()],
        one_of: &[],
    },
    case("logicalType", "vector", fixed!([options(&OF_VECTOR)])).since(Odcs32),
];

const fn options(shape: &'static Shape) -> Key {
    key("logicalTypeOptions", shape)
}

static COUNT: Shape = Shape::Integer { least: Some(0) };
static ABOVE_ZERO: Shape = Shape::Number { above_zero: true };

static OF_STRING: Shape = mapping(
    "set of options of a string",
    fixed!([key("minLength", &COUNT), key("maxLength", &COUNT), key("pattern", &TEXT), key("format", &TEXT)]),
);

/// Bounds are written as the values are.
const MOMENT: &[Key] = &[
    key("format", &TEXT),
    key("minimum", &TEXT),
    key("maximum", &TEXT),
    key("exclusiveMinimum", &TEXT),
    key("exclusiveMaximum", &TEXT),
];
static OF_DATE: Shape = mapping("set of options of a date", MOMENT);
static OF_TIME: Shape = Shape::Mapping(Mapping {
    base: Some(fixed!(Mapping::of("", MOMENT))),
    ..Mapping::of(
        "set of options of a timestamp or a time",
        fixed!([key("timezone", &FLAG), key("defaultTimezone", &TEXT)]),
    )
});

const RANGE: &[Key] = &[
    key("multipleOf", &ABOVE_ZERO),
    key("minimum", &NUMBER),
    key("maximum", &NUMBER),
    key("exclusiveMinimum", &NUMBER),
    key("exclusiveMaximum", &NUMBER),
];
static OF_INTEGER: Shape = Shape::Mapping(Mapping {
    base: Some(fixed!(Mapping::of("", RANGE))),
    ..Mapping::of("set of options of an integer", fixed!([key("format", &INTEGERS)]))
});
static OF_NUMBER: Shape = Shape::Mapping(Mapping {
    base: Some(fixed!(Mapping::of("", RANGE))),
    ..Mapping::of(
        "set of options of a number",
        fixed!([key("format", &Shape::Words(&[Word("f32", None), Word("f64", None)]))]),
    )
});
static INTEGERS: Shape = Shape::Words(&[
    Word("i8", None),
    Word("i16", None),
    Word("i32", None),
    Word("i64", None),
    Word("i128", None),
    Word("u8", None),
    Word("u16", None),
    Word("u32", None),
    Word("u64", None),
    Word("u128", None),
]);

static OF_OBJECT: Shape = mapping(
    "set of options of an object",
    fixed!([
        key("minProperties", &COUNT),
        key("maxProperties", &COUNT),
        key("required", fixed!(Shape::List { items: &TEXT, least: 1, most: usize::MAX, distinct: true })),
    ]),
);

static OF_ARRAY: Shape = mapping(
    "set of options of an array",
    fixed!([key("minItems", &COUNT), key("maxItems", &COUNT), key("uniqueItems", &FLAG)]),
);

static OF_VECTOR: Shape = mapping(
    "set of options of a vector",
    fixed!([
        key("dimensions", &Shape::Integer { least: Some(1) }).required(),
        key("elementType", &ELEMENT_TYPES),
        key("distanceMetric", &DISTANCES),
        key("embeddingModel", &TEXT),
        key("embeddingModelVersion", &TEXT),
        key("normalized", &FLAG),
    ]),
);
static ELEMENT_TYPES: Shape = Shape::Words(&[
    Word("bfloat16", None),
    Word("binary", None),
    Word("float16", None),
    Word("float32", None),
    Word("float64", None),
    Word("int8", None),
    Word("uint8", None),
]);
static DISTANCES: Shape = Shape::Words(&[
    Word("cosine", None),
    Word("dotProduct", None),
    Word("euclidean", None),
    Word("hamming", None),
    Word("manhattan", None),
]);

static MAP: Shape = Shape::Mapping(Mapping {
    keys: &[key("key", &ITEM).required(), key("value", &ITEM).required()],
    ..Mapping::of("map", &[])
});

static ENUM: Shape = Shape::List { items: &ENUM_VALUE, least: 1, most: usize::MAX, distinct: true };
static ENUM_VALUE: Shape = mapping(
    "value of an enum",
    fixed!([ID, key("value", &SCALAR).required(), key("label", &TEXT), DESCRIBED, LINKS, TAGS, CUSTOM]),
);

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

static BETWEEN_OBJECTS: Shape = Shape::Mapping(Mapping {
    alike: &["from", "to"],
    base: Some(&RELATIONSHIP),
    ..Mapping::of("relationship", fixed!([key("from", &REFERENCES).required()]))
});

/// It begins at the property where it stands.
static OF_PROPERTIES: Shape = Shape::Mapping(RELATIONSHIP);

const RELATIONSHIP: Mapping = Mapping::of(
    "relationship",
    fixed!([
        key("type", &Shape::Words(&[Word("foreignKey", None)])),
        key("to", &REFERENCES).required(),
        CUSTOM,
        key("id", &TEXT).since(Odcs32),
    ]),
);

static REFERENCES: Shape = Shape::Either(fixed!([
    &REFERENCE,
    &Shape::List { items: &REFERENCE, least: 1, most: usize::MAX, distinct: false }
]));

static REFERENCE: Shape = Shape::Changed {
    before: &Shape::TextThat { is: "a reference (object.property, or a path of ids)", holds: text::reference },
    since: Odcs32,
    after: &Shape::TextThat {
        is: "a reference (object.property, or a path of ids)",
        holds: text::reference_of_any_depth,
    },
};
