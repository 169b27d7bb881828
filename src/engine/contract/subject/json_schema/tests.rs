//! JSON Schemas against a validator of its own: what we say of a record it says too, and what we do not measure we say.

use crate::engine::contract::compile::compile;
use crate::engine::contract::plan::Check;
use crate::engine::contract::subject;
use crate::engine::event::result::word;
use crate::engine::trial::run::Trial;
use serde_json::{Value, json};

const DRAFTS: [&str; 5] = [
    "http://json-schema.org/draft-04/schema#",
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
];

fn version(schema: &Value, references: Value) -> String {
    json!({"subject": "o-value", "version": 1, "schemaType": "JSON", "schema": schema.to_string(), "references": references})
        .to_string()
}

/// The rules that a record breaks, and those that are not measured.
fn asked(version: &str, record: &Value) -> (Vec<String>, Vec<String>) {
    let contract = subject::parse(version).contract.expect("a contract");
    let mut trial = Trial::of_json(&contract, None, 0).expect("an object");
    trial.line(1, record.to_string().as_bytes());
    let plan = compile(&contract);
    let results = trial.verdict().results;
    let broken = results.iter().filter(|result| word(result.status) == "fail").map(|result| result.id.clone());
    let open = plan.rules.iter().filter(|rule| matches!(rule.check, Check::Unmeasured(_))).map(|rule| rule.id.clone());
    (broken.collect(), open.collect())
}

#[test]
fn each_keyword_is_asked_or_said_not_to_be_measured() {
    let check = |schema: Value, record: Value, broken: &[&str], open: &[&str]| {
        let (found, unmeasured) = asked(&version(&schema, json!([])), &record);
        assert_eq!(found, broken, "{schema} of {record}");
        assert_eq!(unmeasured, open, "{schema}");
    };
    let of = |a: Value| json!({"type": "object", "properties": {"a": a}});
    check(of(json!({"type": "string", "minLength": 2})), json!({"a": "x"}), &["o.a.minLength"], &[]);
    check(of(json!({"type": "string"})), json!({"a": null}), &["o.a.nullValues"], &[]);
    check(of(json!({"type": ["string", "null"]})), json!({"a": null}), &[], &[]);
    check(of(json!({"type": ["string", "integer"]})), json!({"a": 0.5}), &["o.a.logicalType"], &[]);
    let both = json!({"allOf": [{"type": "number"}, {"type": "integer"}]});
    check(of(both), json!({"a": 0.5}), &["o.a.logicalType"], &[]);
    check(of(json!({"enum": ["x", 1]})), json!({"a": "y"}), &["o.a.enum"], &[]);
    check(of(json!({"const": "x"})), json!({"a": null}), &["o.a.nullValues"], &[]);
    check(of(json!({"items": {"maximum": 1}})), json!({"a": [1, 2]}), &["o.a[].maximum"], &[]);
    check(of(json!({"format": "date-time"})), json!({"a": "2026-11-28T10:00:00"}), &["o.a.format.2"], &[]);
    check(of(json!({"format": "uri-template"})), json!({"a": "x"}), &[], &["o.a.format"]);
    check(of(json!({"pattern": "(?=x)"})), json!({"a": "y"}), &[], &["o.a.pattern"]);
    check(of(json!({"not": {"type": "null"}})), json!({"a": null}), &[], &["o.a.not"]);
    check(of(json!({"oneOf": [{"type": "string"}, {"type": "integer"}]})), json!({"a": []}), &[], &["o.a.oneOf"]);
    let map = json!({"additionalProperties": {"type": "string"}, "propertyNames": {"maxLength": 1}});
    check(of(map.clone()), json!({"a": {"x": 1, "yy": ""}}), &["o.a{key}.maxLength", "o.a{value}.logicalType"], &[]);
    check(of(map.clone()), json!({"a": {"x": null}}), &["o.a{value}.nullValues"], &[]);
    check(map, json!({"x": 1}), &["o.{value}.logicalType"], &[]);
    let inner = json!({"additionalProperties": {"properties": {"b": {"minimum": 1}}, "required": ["b"]}});
    check(of(inner), json!({"a": {"x": {"b": 0}, "y": {}}}), &["o.a{value}.b.required", "o.a{value}.b.minimum"], &[]);
    let beside = json!({"properties": {"n": {}}, "additionalProperties": {"type": "string"}});
    check(of(beside), json!({"a": {"x": 1}}), &[], &["o.a.additionalProperties"]);
    let closed = json!({"properties": {"a": {}}, "additionalProperties": false, "required": ["a", "b"]});
    check(closed, json!({"a": null, "c": 1}), &["o.b.required", "o.additionalProperties"], &[]);
    let itself = json!({"type": "object", "properties": {"n": {"type": "integer"}, "child": {"$ref": "#"}}});
    check(itself, json!({"n": 1, "child": {"n": "x"}}), &[], &["o.child.$ref"]);
    check(
        json!({"$ref": "#/definitions/o", "definitions": {"o": of(json!({"minimum": 1}))}}),
        json!({"a": 0}),
        &["o.a.minimum"],
        &[],
    );
    check(of(json!({"$ref": "elsewhere.json"})), json!({"a": 0}), &[], &["o.a.$ref"]);
    let ids =
        json!({"properties": {"a": {"$id": "x", "$ref": "#/definitions/b"}}, "definitions": {"b": {"minimum": 1}}});
    check(ids, json!({"a": 0}), &[], &["o.a.$ref"]);
}

#[test]
fn what_the_schema_refers_to_is_asked_where_it_is_there() {
    let schema = json!({"properties": {"buyer": {"$ref": "buyer.json"}}});
    let buyer = json!({"type": "object", "properties": {"town": {"$ref": "#/definitions/town"}}, "definitions": {"town": {"minLength": 2}}});
    let whole = version(&schema, json!([{"name": "buyer.json", "schema": buyer.to_string()}]));
    assert_eq!(asked(&whole, &json!({"buyer": {"town": "x"}})).0, ["o.buyer.town.minLength"]);
}

#[test]
fn a_validator_of_its_own_says_the_same_of_random_schemas_and_records() {
    let mut draw = Draw(20_261_128);
    let (mut valid, mut invalid, mut open) = (0, 0, 0);
    for round in 0..1_000 {
        let draft = round % DRAFTS.len();
        let mut schema = draw.object(draft, 0);
        schema["$schema"] = DRAFTS[draft].into();
        schema["definitions"] =
            json!({"d": draw.schema(draft, 2), "e": {"allOf": [{"$ref": "#/definitions/d"}, draw.schema(draft, 2)]}});
        let Ok(validator) = jsonschema::validator_for(&schema) else { panic!("{schema} is no schema") };
        for _ in 0..4 {
            let record = draw.record(0);
            let (broken, unmeasured) = asked(&version(&schema, json!([])), &record);
            let is_valid = validator.is_valid(&record);
            let told = format!("{schema:#}\n{record}\nbroken {broken:?}, not measured {unmeasured:?}");
            match (broken.is_empty(), unmeasured.is_empty()) {
                (false, _) => assert!(!is_valid, "it holds: {told}"),
                (true, true) => assert!(is_valid, "it does not hold: {told}"),
                (true, false) => open += 1,
            }
            valid += usize::from(is_valid);
            invalid += usize::from(!broken.is_empty());
        }
    }
    assert!(valid > 1_000 && invalid > 1_000 && open < 1_000, "{valid} hold, {invalid} are found, {open} not measured");
}

/// Draws from a fixed seed (Marsaglia's xorshift64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as u64) as usize]
    }

    fn object(&mut self, draft: usize, depth: usize) -> Value {
        let mut schema = json!({"type": "object", "properties": {}});
        for name in ["a", "b", "c"] {
            if self.below(2) > 0 {
                schema["properties"][name] = self.schema(draft, depth + 1);
            }
        }
        if self.below(5) == 0 {
            schema["required"] = json!([self.of(&["a", "b", "d"])]);
        }
        if self.below(4) == 0 {
            schema["additionalProperties"] = self.of(&[json!(false), json!(true)]).clone();
        }
        if draft > 0 && self.below(8) == 0 {
            schema["propertyNames"] = json!({"pattern": "^[ab]"});
        }
        match self.below(8) {
            0 => schema["minProperties"] = json!(2),
            1 => schema["maxProperties"] = json!(1),
            2 => schema["allOf"] = json!([self.object(draft, depth + 2)]),
            3 => schema["patternProperties"] = json!({"^x": {"type": "string"}}),
            _ => {}
        }
        schema
    }

    fn schema(&mut self, draft: usize, depth: usize) -> Value {
        let leaf = depth > 3;
        let mut schema = match self.below(if leaf { 8 } else { 15 }) {
            0 => json!({"type": "string", "minLength": self.below(3), "maxLength": 2}),
            1 => json!({"type": ["string", "null"], "pattern": "^a"}),
            2 => json!({"type": "integer", "minimum": self.below(3)}),
            3 => json!({"type": "number", "multipleOf": 0.5}),
            4 => json!({"enum": ["a", 1, null, {"a": 1}]}),
            5 => json!({"type": ["integer", "string"]}),
            6 => json!({"type": "boolean"}),
            7 => json!({"minLength": 2, "maximum": 1}),
            8 => json!({"type": "array", "items": self.schema(draft, depth + 1), "minItems": self.below(2)}),
            9 => json!({"type": "array", "uniqueItems": true, "maxItems": 2}),
            10 => self.object(draft, depth),
            11 => json!({"oneOf": [{"type": "null"}, self.schema(draft, depth + 1)]}),
            14 => json!({"type": "object", "additionalProperties": self.schema(draft, depth + 1)}),
            12 => json!({"anyOf": [self.schema(draft, depth + 1), {"type": "null"}]}),
            _ => json!({"$ref": self.of(&["#/definitions/d", "#/definitions/e"])}),
        };
        match (draft, self.below(12)) {
            (0, 0 | 1) if schema.get("minimum").is_some() => schema["exclusiveMinimum"] = true.into(),
            (1.., 0) => schema["const"] = self.of(&[json!(1), json!("a"), json!(null)]).clone(),
            (1.., 1) => schema["exclusiveMaximum"] = json!(2),
            (_, 2) => schema["not"] = json!({"type": "boolean"}),
            (_, 3) => schema["allOf"] = json!([self.schema(draft, depth + 1)]),
            (2.., 4) => schema["if"] = json!({"type": "string"}),
            _ => {}
        }
        schema
    }

    fn record(&mut self, depth: usize) -> Value {
        let mut record = json!({});
        for name in ["a", "b", "c", "x"] {
            if self.below(3) == 0 {
                record[name] = self.value(depth + 1);
            }
        }
        record
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth > 2 { 8 } else { 11 }) {
            0 => Value::Null,
            1 => true.into(),
            2 | 3 => self.below(4).into(),
            4 => json!(0.5),
            5 => json!(1.25),
            6 | 7 => (*self.of(&["", "a", "ab", "xyz"])).into(),
            8 | 9 => (0..self.below(4)).map(|_| self.value(depth + 1)).collect(),
            _ => self.record(depth),
        }
    }
}
