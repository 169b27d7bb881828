//! Which way each change goes: old, new, and every change as `path how direction`.

use super::{Advice, Change, Direction, How, Level, Perspective, advice, compare, document, is_enough};

fn changes(old: &str, new: &str) -> Vec<Change> {
    let read = |text: &str| document(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    compare(&read(old), &read(new)).unwrap_or_else(|e| panic!("{e}")).changes
}

fn shown(change: &Change) -> String {
    let how = match change.how {
        How::Added => "added",
        How::Removed => "removed",
        How::Updated => "updated",
    };
    let direction = match change.direction {
        None => "null",
        Some(Direction::Tightens) => "tightens",
        Some(Direction::Loosens) => "loosens",
        Some(Direction::Both) => "both",
        Some(Direction::Undetermined) => "undetermined",
    };
    format!("{} {how} {direction}", change.path)
}

/// In any order.
fn check(old: &str, new: &str, expected: &[&str]) {
    let mut found: Vec<String> = changes(old, new).iter().map(shown).collect();
    let mut expected = expected.to_vec();
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "\n{old}\n=>\n{new}");
}

/// Both ways: what tightens one way loosens the other.
fn check_both_ways(old: &str, new: &str, expected: &[&str]) {
    check(old, new, expected);
    let turn = |line: &&str| {
        let words = line.split(' ').map(|word| match word {
            "tightens" => "loosens",
            "loosens" => "tightens",
            "added" => "removed",
            "removed" => "added",
            other => other,
        });
        words.collect::<Vec<_>>().join(" ")
    };
    let back: Vec<String> = expected.iter().map(turn).collect();
    check(new, old, &back.iter().map(String::as_str).collect::<Vec<_>>());
}

fn contract(rest: &str) -> String {
    format!("kind: DataContract\napiVersion: v3.2.0\nid: c\nversion: 1.0.0\n{rest}\n")
}

/// A contract of one object with one property, in YAML's flow style.
fn property(keys: &str) -> String {
    contract(&format!("schema: [{{name: o, properties: [{{name: p, {keys}}}]}}]"))
}

fn of_property(old: &str, new: &str, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|line| format!("schema.o.properties.p.{line}")).collect();
    check_both_ways(&property(old), &property(new), &expected.iter().map(String::as_str).collect::<Vec<_>>());
}

fn of_option(old: &str, new: &str, expected: &[&str]) {
    let options = |keys: &str| format!("logicalType: string, logicalTypeOptions: {{{keys}}}");
    let expected: Vec<String> = expected.iter().map(|line| format!("logicalTypeOptions.{line}")).collect();
    of_property(&options(old), &options(new), &expected.iter().map(String::as_str).collect::<Vec<_>>());
}

fn of_rule(old: &str, new: &str, expected: &[&str]) {
    let rule = |keys: &str| format!("quality: [{{id: r, metric: nullValues, {keys}}}]");
    let expected: Vec<String> = expected.iter().map(|line| format!("quality.r.{line}")).collect();
    of_property(&rule(old), &rule(new), &expected.iter().map(String::as_str).collect::<Vec<_>>());
}

fn of_sla(old: &str, new: &str, expected: &[&str]) {
    let sla = |keys: &str| contract(&format!("slaProperties: [{{{keys}}}]"));
    let expected: Vec<String> = expected.iter().map(|line| format!("slaProperties.{line}")).collect();
    check_both_ways(&sla(old), &sla(new), &expected.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn properties_ask_more_or_promise_less() {
    of_property("required: false", "required: true", &["required updated tightens"]);
    of_property("unique: false", "unique: true", &["unique updated tightens"]);
    of_property("x: 1", "required: true, x: 1", &["required added tightens"]);
    of_property("x: 1", "required: false, x: 1", &["required added null"]);
    of_property("primaryKey: false", "primaryKey: true", &["primaryKey updated tightens"]);
    of_property("logicalType: string", "logicalType: integer", &["logicalType updated both"]);
    of_property("physicalType: int", "physicalType: long", &["physicalType updated both"]);
    of_property("physicalType: INT", "physicalType: int", &["physicalType updated null"]);
    of_property("classification: public", "classification: secret", &["classification updated undetermined"]);
    of_property("description: a", "description: b", &["description updated null"]);
    of_property("tags: [a, b]", "tags: [b, a]", &[]);
    of_property("tags: [a]", "tags: [b]", &["tags updated null"]);
    of_property("deprecated: false", "deprecated: true", &["deprecated updated null"]);
    of_property("primaryKeyPosition: 1", "primaryKeyPosition: 2", &["primaryKeyPosition updated null"]);
    of_property("transformLogic: a", "transformLogic: b", &["transformLogic updated undetermined"]);
    of_property("physicalName: a", "physicalName: b", &["physicalName updated both"]);
    of_property("x: 1", "physicalName: p, x: 1", &["physicalName added null"]);
    of_property("x: 1", "physicalName: q, x: 1", &["physicalName added both"]);
    of_property("enum: [{value: a}]", "enum: [{value: b}, {value: a}]", &["enum.b added loosens"]);
    of_property("enum: [{value: 1, label: a}]", "enum: [{value: 1, label: b}]", &["enum.1.label updated null"]);
    of_property("x: 1", "enum: [{value: a}], x: 1", &["enum added tightens"]);
    of_property(
        "logicalType: array, items: {logicalType: string}",
        "logicalType: array, items: {logicalType: date}",
        &["items.logicalType updated both"],
    );
    of_property(
        "logicalType: map, map: {key: {}, value: {unique: true}}",
        "logicalType: map, map: {key: {}, value: {}}",
        &["map.value.unique removed loosens"],
    );
    of_property(
        "relationships: [{to: a.b}]",
        "relationships: [{to: a.b}, {to: c.d}]",
        &["relationships.->c.d added tightens"],
    );
}

#[test]
fn options_go_the_way_of_their_meaning() {
    of_option("minLength: 1", "minLength: 2", &["minLength updated tightens"]);
    of_option("maxLength: 2", "maxLength: 1", &["maxLength updated tightens"]);
    of_option("x: 1", "maxLength: 1, x: 1", &["maxLength added tightens"]);
    of_option("pattern: a", "pattern: b", &["pattern updated undetermined"]);
    of_option("x: 1", "pattern: b, x: 1", &["pattern added tightens"]);
    of_option("format: uuid", "format: email", &["format updated both"]);
    of_option("format: i64", "format: i32", &["format updated tightens"]);
    of_option("format: i8", "format: u8", &["format updated both"]);
    of_option("minimum: 1", "minimum: 2", &["minimum updated tightens"]);
    of_option("maximum: 2", "maximum: 1.5", &["maximum updated tightens"]);
    of_option("minimum: 1", "exclusiveMinimum: 1", &["minimum removed tightens", "exclusiveMinimum added tightens"]);
    of_option("exclusiveMaximum: 3, maximum: 3", "exclusiveMaximum: 3, maximum: 4", &["maximum updated null"]);
    of_option("minimum: '2020-01-01'", "minimum: '2021-01-01'", &["minimum updated tightens"]);
    of_option("minimum: 12:00", "minimum: noon", &["minimum updated undetermined"]);
    of_option("multipleOf: 1", "multipleOf: 2", &["multipleOf updated tightens"]);
    of_option("multipleOf: 0.1", "multipleOf: 0.3", &["multipleOf updated tightens"]);
    of_option("multipleOf: 2", "multipleOf: 3", &["multipleOf updated both"]);
    of_option("required: [a]", "required: [b, a]", &["required updated tightens"]);
    of_option("required: [a]", "required: [b]", &["required updated both"]);
    of_option("uniqueItems: false", "uniqueItems: true", &["uniqueItems updated tightens"]);
    of_option("timezone: true", "timezone: false", &["timezone updated both"]);
    of_option("distanceMetric: cosine", "distanceMetric: hamming", &["distanceMetric updated null"]);
}

#[test]
fn rules_allow_more_or_fewer_measures() {
    of_rule("mustBeLessThan: 10", "mustBeLessThan: 5", &["mustBeLessThan updated tightens"]);
    of_rule("mustBeGreaterThan: 5", "mustBeGreaterThan: 10", &["mustBeGreaterThan updated tightens"]);
    of_rule("mustBeBetween: [0, 10]", "mustBeBetween: [1, 9]", &["mustBeBetween updated tightens"]);
    of_rule("mustBeBetween: [0, 10]", "mustBeBetween: [1, 11]", &["mustBeBetween updated both"]);
    of_rule("mustNotBe: 1", "mustNotBe: 2", &["mustNotBe updated both"]);
    of_rule("mustBe: 0, unit: rows", "mustBe: 0, unit: percent", &["unit updated both"]);
    of_rule("mustBe: 0", "mustBe: 0, unit: rows", &["unit added null"]);
    of_rule("mustBe: 0, severity: warning", "mustBe: 0, severity: error", &["severity updated tightens"]);
    of_rule("mustBe: 0, dimension: accuracy", "mustBe: 0, dimension: coverage", &["dimension updated null"]);
    of_rule("mustBe: 0, schedule: daily", "mustBe: 0, schedule: hourly", &["schedule updated null"]);
    let allowed = |values: &str| format!("mustBe: 0, arguments: {{validValues: [{values}]}}");
    of_rule(&allowed("a, b"), &allowed("b"), &["arguments.validValues updated tightens"]);
    let missing = |values: &str| format!("mustBeLessThan: 5, arguments: {{missingValues: [{values}]}}");
    of_rule(&missing("a"), &missing("a, b"), &["arguments.missingValues updated tightens"]);
    let many = |values: &str| format!("mustBeGreaterThan: 5, arguments: {{missingValues: [{values}]}}");
    of_rule(&many("a, b"), &many("a"), &["arguments.missingValues updated tightens"]);
    let unique = |names: &str| format!("mustBe: 0, arguments: {{properties: [{names}]}}");
    of_rule(&unique("a, b"), &unique("a"), &["arguments.properties updated tightens"]);
}

#[test]
fn an_operator_that_takes_the_place_of_another_is_one_change() {
    let rule = |operator: &str| property(&format!("quality: [{{metric: nullValues, {operator}}}]"));
    let at = "schema.o.properties.p.quality.nullValues";
    check(&rule("mustBe: 0"), &rule("mustBeLessThan: 5"), &[&format!("{at}.mustBeLessThan updated loosens")]);
    check(&rule("mustBeLessThan: 5"), &rule("mustBe: 0"), &[&format!("{at}.mustBe updated tightens")]);
    check(&rule("mustBeLessOrEqualTo: 0"), &rule("mustBe: 0"), &[&format!("{at}.mustBe updated null")]);
    let change = changes(&rule("mustBe: 0"), &rule("mustBeLessThan: 5")).remove(0);
    assert_eq!((change.old.as_deref(), change.new.as_deref()), (Some("mustBe 0"), Some("mustBeLessThan 5")));
    let metric = |metric: &str| property(&format!("quality: [{{id: r, metric: {metric}, mustBe: 0}}]"));
    check(&metric("nullValues"), &metric("rowCount"), &["schema.o.properties.p.quality.r.metric updated both"]);
    let sql = |query: &str| property(&format!("quality: [{{type: sql, id: r, query: {query}, mustBe: 0}}]"));
    check(&sql("a"), &sql("b"), &["schema.o.properties.p.quality.r.query updated undetermined"]);
}

#[test]
fn service_levels_go_the_way_of_their_meaning() {
    of_sla(
        "property: latency, value: 10, unit: m",
        "property: latency, value: 5, unit: m",
        &["latency.value updated tightens"],
    );
    of_sla(
        "property: retention, value: 1, unit: y",
        "property: retention, value: 2, unit: y",
        &["retention.value updated tightens"],
    );
    of_sla(
        "property: frequency, value: 1, unit: d",
        "property: frequency, value: 1, unit: h",
        &["frequency.unit updated tightens"],
    );
    of_sla(
        "property: availability, value: 99.9",
        "property: availability, value: 99.99",
        &["availability.value updated tightens"],
    );
    of_sla("property: errorRate, value: 2", "property: errorRate, value: 1", &["errorRate.value updated tightens"]);
    of_sla(
        "property: latency, value: 60, unit: s",
        "property: latency, value: 1, unit: m",
        &["latency.value updated null", "latency.unit updated null"],
    );
    of_sla(
        "property: endOfLife, value: '2027-01-01'",
        "property: endOfLife, value: '2028-01-01'",
        &["endOfLife.value updated tightens"],
    );
    of_sla(
        "property: timeOfAvailability, value: '09:00'",
        "property: timeOfAvailability, value: '08:00'",
        &["timeOfAvailability.value updated tightens"],
    );
    of_sla("property: mood, value: 1", "property: mood, value: 2", &["mood.value updated undetermined"]);
    of_sla(
        "id: a, property: latency, value: 1",
        "id: a, property: latency, value: 1, schedule: daily",
        &["latency.schedule added null"],
    );
}

#[test]
fn only_the_topmost_of_what_came_or_went_is_told() {
    let object = |properties: &str| contract(&format!("schema: [{{name: o, properties: [{properties}]}}]"));
    check(
        &object("{name: a}"),
        &object("{name: a}, {name: b, logicalType: string}"),
        &["schema.o.properties.b added null"],
    );
    check(
        &object("{name: a}"),
        &object("{name: a}, {name: b, required: true}"),
        &["schema.o.properties.b added tightens"],
    );
    check(
        &object("{name: a}, {name: b, required: true, quality: [{metric: nullValues}]}"),
        &object("{name: a}"),
        &["schema.o.properties.b removed loosens"],
    );
    check(&contract(""), &object("{name: a}"), &["schema.o added tightens"]);
    check(&object("{name: a}"), &contract(""), &["schema.o removed loosens"]);
    let rules = |rules: &str| property(&format!("quality: [{rules}]"));
    check_both_ways(
        &rules(""),
        &rules("{id: r, metric: nullValues, mustBe: 0}"),
        &["schema.o.properties.p.quality.r added tightens"],
    );
    check_both_ways(&rules(""), &rules("{id: r, type: text}"), &["schema.o.properties.p.quality.r added null"]);
}

#[test]
fn elements_are_paired_by_id_else_by_name_else_by_meaning() {
    let object = |properties: &str| contract(&format!("schema: [{{name: o, properties: [{properties}]}}]"));
    check(&object("{name: a}, {name: b}"), &object("{name: b}, {name: a}"), &[]);
    check(
        &object("{id: x, name: a, required: true}"),
        &object("{id: x, name: b, required: true}"),
        &["schema.o.properties.b.name updated both"],
    );
    check(
        &object("{id: x, name: a, physicalName: f}"),
        &object("{id: x, name: b, physicalName: f}"),
        &["schema.o.properties.b.name updated null"],
    );
    let rules = |rules: &str| property(&format!("quality: [{rules}]"));
    check(
        &rules("{metric: nullValues, mustBe: 0}, {metric: rowCount, mustBeGreaterThan: 1}"),
        &rules("{metric: rowCount, mustBeGreaterThan: 2}, {metric: nullValues, mustBe: 0}"),
        &["schema.o.properties.p.quality.rowCount.mustBeGreaterThan updated tightens"],
    );
    let slas = |slas: &str| contract(&format!("slaProperties: [{slas}]"));
    check(
        &slas("{property: latency, value: 5, element: a.x}, {property: latency, value: 7, element: b.x}"),
        &slas("{property: ly, value: 8, element: b.x}, {property: latency, value: 5, element: a.x}"),
        &["slaProperties.ly.property updated null", "slaProperties.ly.value updated loosens"],
    );
}

#[test]
fn servers_and_the_contract_itself() {
    let server = |keys: &str| contract(&format!("servers: [{{server: s, type: kafka, {keys}}}]"));
    check(&server("host: a"), &server("host: b"), &["servers.s.host updated both"]);
    check(&server("host: a"), &server("host: a, description: x"), &["servers.s.description added null"]);
    check(&server("host: a"), &contract(""), &["servers.s removed loosens"]);
    check(&contract(""), &server("host: a"), &["servers.s added null"]);
    check(&server("format: json"), &server("format: avro"), &["servers.s.format updated both"]);
    let object = |keys: &str| contract(&format!("schema: [{{name: o, {keys}}}]"));
    check(&object("physicalName: t"), &object("physicalName: u"), &["schema.o.physicalName updated both"]);
    check(&object("physicalType: topic"), &object("physicalType: table"), &["schema.o.physicalType updated both"]);
    check(&contract("status: draft"), &contract("status: active"), &["status updated null"]);
    check(&contract("status: active"), &contract("status: retired"), &["status updated loosens"]);
    check(
        &contract("team: {name: a}"),
        &contract("team: {name: b, members: [{username: u}]}"),
        &["team.name updated null", "team.members added null"],
    );
    check(
        &contract("description: {purpose: a}"),
        &contract("description: {purpose: b}"),
        &["description.purpose updated null"],
    );
    check(
        &contract("roles: [{role: r, access: read}]"),
        &contract("roles: [{role: r, access: write}]"),
        &["roles.r.access updated null"],
    );
    let custom = |value: &str| contract(&format!("customProperties: [{{property: steward.encoding, value: {value}}}]"));
    check(&custom("json"), &custom("avro"), &["customProperties.steward.encoding.value updated undetermined"]);
}

#[test]
fn a_rule_that_is_rolled_out_further_tightens() {
    let mode = |word: &str| contract(&format!("customProperties: [{{property: steward.mode, value: {word}}}]"));
    let (none, value) = (contract(""), "customProperties.steward.mode.value updated");
    for (old, new, expected) in [
        (mode("observe"), mode("warn"), vec![format!("{value} tightens")]),
        (mode("enforce"), mode("warn"), vec![format!("{value} loosens")]),
        (mode("warn"), mode("warn"), vec![]),
        (mode("warn"), mode("strict"), vec![format!("{value} undetermined")]),
        (none.clone(), mode("enforce"), vec!["customProperties.steward.mode added tightens".to_owned()]),
        (none.clone(), mode("observe"), vec!["customProperties.steward.mode added loosens".to_owned()]),
        (mode("observe"), none.clone(), vec!["customProperties.steward.mode removed tightens".to_owned()]),
        (none.clone(), mode("warn"), vec!["customProperties.steward.mode added null".to_owned()]),
    ] {
        check(&old, &new, &expected.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

#[test]
fn each_perspective_has_its_own_breaking_changes() {
    let levels = |direction| {
        [Perspective::Consumer, Perspective::Producer].map(|of| {
            let change = Change {
                path: String::new(),
                how: How::Updated,
                old: None,
                new: None,
                direction,
                message: String::new(),
                line: 1,
            };
            change.level(of)
        })
    };
    use Level::{Breaking, Info, Warning};
    assert_eq!(levels(None), [Info, Info]);
    assert_eq!(levels(Some(Direction::Tightens)), [Info, Breaking]);
    assert_eq!(levels(Some(Direction::Loosens)), [Breaking, Info]);
    assert_eq!(levels(Some(Direction::Both)), [Breaking, Breaking]);
    assert_eq!(levels(Some(Direction::Undetermined)), [Warning, Warning]);
}

#[test]
fn the_next_version_is_advised() {
    let advised = |old: &str, new: &str, expected: Advice| {
        assert_eq!(advice(&changes(&property(old), &property(new)), Perspective::Consumer), expected, "{old} => {new}");
    };
    advised("x: 1", "x: 1", Advice::None);
    advised("description: a", "description: b", Advice::Patch);
    advised("required: false", "required: true", Advice::Minor);
    advised("required: true", "required: false", Advice::Major);
    let object = |properties: &str| contract(&format!("schema: [{{name: o, properties: [{properties}]}}]"));
    let added = changes(&object("{name: a}"), &object("{name: a}, {name: b}"));
    assert_eq!(advice(&added, Perspective::Consumer), Advice::Minor);
    let enough = |advice, old, new| is_enough(advice, Some(old), Some(new));
    assert_eq!(enough(Advice::Major, "1.2.3", "2.0.0"), Some(true));
    assert_eq!(enough(Advice::Major, "1.2.3", "1.3.0"), Some(false));
    assert_eq!(enough(Advice::Minor, "1.2.3", "1.2.4"), Some(false));
    assert_eq!(enough(Advice::Patch, "v1.2.3", "1.2.3"), Some(false));
    assert_eq!(enough(Advice::Major, "0.2.3", "0.3.0"), Some(true));
    assert_eq!(enough(Advice::Major, "monday", "0.3.0"), None);
}

/// A registry's answer with this Avro schema; JSON is YAML.
fn avro(schema: &str) -> String {
    format!("subject: s-value\nversion: 1\nschema: '{schema}'\n")
}

fn record(fields: &str) -> String {
    avro(&format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#))
}

#[test]
fn registry_schemas_are_compared_as_what_they_amount_to() {
    let a = r#"{"name":"a","type":"long"}"#;
    let with = |field: &str| record(&format!("{a},{field}"));
    check_both_ways(&record(a), &record(a), &[]);
    check(&record(a), &with(r#"{"name":"b","type":"string"}"#), &["schema.properties.b added tightens"]);
    check(&record(a), &with(r#"{"name":"b","type":"string","default":""}"#), &["schema.properties.b added null"]);
    check(&record(a), &with(r#"{"name":"b","type":["null","string"]}"#), &["schema.properties.b added null"]);
    check(&with(r#"{"name":"b","type":["null","string"]}"#), &record(a), &["schema.properties.b removed loosens"]);
    check(&record(a), &record(r#"{"name":"a","type":"string"}"#), &["schema.properties.a.physicalType updated both"]);
    check_both_ways(
        &record(r#"{"name":"a","type":["null","long"]}"#),
        &record(a),
        &["schema.properties.a.required updated tightens"],
    );
    let symbols =
        |symbols: &str| record(&format!(r#"{{"name":"e","type":{{"type":"enum","name":"E","symbols":[{symbols}]}}}}"#));
    check_both_ways(&symbols(r#""A""#), &symbols(r#""A","B""#), &["schema.properties.e.enum.B added loosens"]);
    check(&record(r#"{"name":"a","type":"long","doc":"x"}"#), &record(a), &["schema.properties.a.doc removed null"]);
    let json = |schema: &str| format!("schemaType: JSON\nschema: '{schema}'\n");
    check_both_ways(
        &json(r#"{"type":"object","properties":{"a":{"type":"integer"}}}"#),
        &json(r#"{"type":"object","properties":{"a":{"type":"integer","minimum":1}},"required":["a"]}"#),
        &[
            "schema.properties.a.required updated tightens",
            "schema.properties.a.logicalTypeOptions.minimum added tightens",
        ],
    );
    let rules = |rules: &str| format!("{}ruleSet: {{domainRules: [{rules}]}}\n", record(a));
    check_both_ways(&rules(""), &rules("{name: r, expr: x}"), &["ruleSet.domainRules.r added tightens"]);
    check_both_ways(
        &rules("{name: r, expr: x}"),
        &rules("{name: r, expr: y}"),
        &["ruleSet.domainRules.r.expr updated undetermined"],
    );
}

#[test]
fn what_is_asked_of_headers_and_the_key_is_compared_by_their_names() {
    let of = |headers: &str| contract(&format!("schema: [{{name: o, customProperties: [{headers}]}}]"));
    let headers = |list: &str| of(&format!("{{property: steward.headers, value: [{list}]}}"));
    let check = |old: &str, new: &str, expected: &[&str]| {
        let expected: Vec<String> =
            expected.iter().map(|line| format!("schema.o.customProperties.steward.headers{line}")).collect();
        check_both_ways(&headers(old), &headers(new), &expected.iter().map(String::as_str).collect::<Vec<_>>());
    };
    check("{name: a}", "{name: b, required: true}, {name: a}", &[".value.b added tightens"]);
    check(
        "{name: a}",
        "{name: a, required: true, minLength: 2}",
        &[".value.a.required added tightens", ".value.a.minLength added tightens"],
    );
    check("{name: a, validValues: [x, y]}", "{name: a, validValues: [y]}", &[".value.a.validValues updated tightens"]);
    check("{name: a, pattern: x}", "{name: a, pattern: y}", &[".value.a.pattern updated undetermined"]);
    check("{name: a, required: true}, {name: b}", "{name: b}, {name: a, required: true}", &[]);
    let key = |options: &str| of(&format!("{{property: steward.key, value: {{{options}}}}}"));
    let place = "schema.o.customProperties.steward.key";
    check_both_ways(
        &key("required: false"),
        &key("required: true"),
        &[&format!("{place}.value.required updated tightens")],
    );
    check_both_ways(&of(""), &key("required: true"), &[&format!("{place} added tightens")]);
}

#[test]
fn to_be_unique_for_longer_asks_more() {
    let of = |value: &str| {
        contract(&format!(
            "schema: [{{name: o, customProperties: [{{property: steward.uniquenessHorizon, value: {value}}}]}}]"
        ))
    };
    let place = "schema.o.customProperties.steward.uniquenessHorizon";
    check_both_ways(&of("1h"), &of("2h"), &[&format!("{place}.value updated tightens")]);
    check(&of("60m"), &of("1h"), &[&format!("{place}.value updated null")]);
    check_both_ways(&contract("schema: [{name: o}]"), &of("2h"), &[&format!("{place} added tightens")]);
}
