//! What somebody wrote to do harm: each is refused or judged like any other, within a bound of memory and time that the system holds, and
//! what a terminal or a reader gets of it is text.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Of address space, in KiB: three times what a contract and records of 10 MB take without optimisation.
const MEMORY_KIB: u32 = 1_500_000;
/// Of CPU: what is quadratic in a megabyte takes hours.
const CPU_SECONDS: u32 = 60;

const CONTRACT: &str = "kind: DataContract\napiVersion: v3.1.0\nid: c\nversion: 1.0.0\nstatus: active\nschema:\n- name: t\n  physicalType: topic\n  properties:\n";

/// As YAML writes them between double quotes.
const NAMES: [&str; 8] = [
    "<script>alert(1)</script>",
    "\\e]0;gone\\a\\e[2J",
    "../../../../etc/passwd",
    "a\\\"} 1\\n# HELP x",
    "a\\u202eb",
    "\\x9b31m",
    "a`b|c",
    "a: &b *c # d",
];

/// `steward` as a user calls it, and what it said; killed beyond its bounds.
fn steward(arguments: &[&str]) -> Output {
    let bounded = format!("ulimit -v {MEMORY_KIB}; ulimit -t {CPU_SECONDS}; exec \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &bounded, "sh", env!("CARGO_BIN_EXE_steward")]).args(arguments);
    command.output().expect("sh starts")
}

fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> String {
    let path = folder.path().join(name);
    File::create(&path).and_then(|mut file| file.write_all(bytes)).expect("a file");
    path.display().to_string()
}

/// Ended by itself, told something, and nothing that a terminal obeys.
fn is_text(what: &str, output: &Output) -> String {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8(said).unwrap_or_else(|e| panic!("{what}: no UTF-8: {e}"));
    assert!(matches!(output.status.code(), Some(0..=2 | 78)), "{what}: {:?}\n{}", output.status, cut(&text));
    assert!(!text.contains("panicked") && !text.trim().is_empty(), "{what}: {}", cut(&text));
    // JSON and schemas spell out the controls of ASCII, as their standards have it.
    let obeyed = |c: &char| match c {
        '\n' | '\t' => false,
        c if text.starts_with('{') => c.is_ascii_control(),
        c => c.is_control(),
    };
    assert_eq!(text.chars().find(obeyed), None, "{what}: a terminal would obey {}", cut(&text));
    text
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(2_000)]
}

#[test]
fn hostile_records_are_judged_or_refused_for_a_reason_within_bounds() {
    let folder = tempfile::tempdir().expect("a folder");
    let contract =
        format!("{CONTRACT}  - {{name: a, logicalType: string, logicalTypeOptions: {{pattern: '^(a+)+$'}}}}\n");
    let contract = file(&folder, "contract.yaml", contract.as_bytes());
    let many = |count: usize, member: fn(usize) -> String| (0..count).map(member).collect::<Vec<_>>().join(",");
    // What is said of it, in `undecodable`; `None`: it is a record.
    let check = |what: &str, record: Vec<u8>, reason: Option<&str>| {
        let records = file(&folder, "records.jsonl", &[&record[..], b"\n"].concat());
        let output = steward(&["contract", "test", "--contract", &contract, "--records", &records, "--format", "json"]);
        let text = is_text(what, &output);
        let told: serde_json::Value =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{what}: no JSON: {e}: {}", cut(&text)));
        assert_eq!(told["records"]["read"], 1, "{what}: {}", cut(&text));
        assert_eq!(told["records"]["undecodable"], u64::from(reason.is_some()), "{what}: {}", cut(&text));
        if let Some(reason) = reason {
            assert!(text.contains(reason), "{what}: no `{reason}` in {}", cut(&text));
        }
    };
    let text = |value: &str| format!("{{\"a\":{value}}}").into_bytes();
    check("a string of 10 MB", text(&format!("\"{}\"", "x".repeat(10_000_000))), None);
    check(
        "a million keys",
        format!("{{{}}}", many(1_000_000, |n| format!("\"k{n}\":1"))).into_bytes(),
        Some("too_large"),
    );
    check(
        "a thousand equal keys",
        format!("{{{}}}", many(1_000, |_| "\"a\":1".into())).into_bytes(),
        Some("duplicate_key"),
    );
    check("a million items", text(&format!("[{}]", many(1_000_000, |_| "1".into()))), None);
    check("a million levels", text(&"[".repeat(1_000_000)), Some("too_deep"));
    check("a million objects", "{\"a\":".repeat(1_000_000).into_bytes(), Some("too_deep"));
    check("a number of a million digits", text(&"9".repeat(1_000_000)), Some("number_out_of_range"));
    check(
        "an exponent of a million digits",
        text(&format!("1e{}", "9".repeat(1_000_000))),
        Some("number_out_of_range"),
    );
    check("a digit far behind the point", text(&format!("0.{}1", "0".repeat(1_000_000))), Some("number_out_of_range"));
    check("invalid UTF-8", b"{\"a\":\"\xff\xfe\"}".to_vec(), Some("not_utf8"));
    check("half a surrogate pair", text("\"\\ud800\""), Some("not_utf8"));
    check("NUL bytes", vec![0; 1_000], Some("framed"));
    check("NUL as text", text("\"\\u0000\""), None);
    check("what a pattern could go over for ever", text(&format!("\"{}!\"", "a".repeat(100_000))), None);
    check(
        "a name that a terminal obeys",
        b"{\"\\u001b]0;gone\\u0007\\u001b[2J\":1,\"a\":\"\\u001b[31m\"}".to_vec(),
        None,
    );
    check("a raw escape", b"{\"a\":\"\x1b[2J\"}".to_vec(), Some("not_json"));
}

#[test]
fn hostile_contracts_are_told_what_is_wrong_with_them_within_bounds() {
    let folder = tempfile::tempdir().expect("a folder");
    let records = file(&folder, "records.jsonl", format!("{{\"a\":\"{}!\"}}\n", "a".repeat(50_000)).as_bytes());
    let check = |what: &str, text: String| {
        let path = file(&folder, "hostile.yaml", text.as_bytes());
        is_text(what, &steward(&["contract", "lint", &path]));
        path
    };
    let tried = |path: &str| steward(&["contract", "test", "--contract", path, "--records", &records]);
    let pattern = |pattern: &str| {
        format!("{CONTRACT}  - {{name: a, logicalType: string, logicalTypeOptions: {{pattern: '{pattern}'}}}}\n")
    };
    let laughs =
        (1..=9).map(|n| format!("l{n}: &l{n} [{}]\n", vec![format!("*l{}", n - 1); 10].join(","))).collect::<String>();
    check("a billion laughs", format!("l0: &l0 [lol,lol,lol]\n{laughs}{CONTRACT}  - {{name: a, examples: *l9}}\n"));
    check("an alias of itself", format!("a: &a [*a]\n{CONTRACT}"));
    check(
        "merges of merges",
        format!(
            "{}{CONTRACT}",
            (1..40).fold("x0: &x0 {k: v}\n".to_owned(), |text, n| text
                + &format!("x{n}: &x{n} {{<<: [*x{m}, *x{m}]}}\n", m = n - 1))
        ),
    );
    check("a hundred thousand levels", format!("{CONTRACT}  - {{name: a, examples: {}", "[".repeat(100_000)));
    check("ten thousand levels of properties", format!("{CONTRACT}  - {}", "{name: a, properties: [".repeat(10_000)));
    check(
        "a hundred thousand properties",
        format!("{CONTRACT}{}", (0..100_000).map(|n| format!("  - {{name: p{n}}}\n")).collect::<String>()),
    );
    let path = check("a pattern that goes over all", pattern("^(a+)+$"));
    is_text("a pattern that goes over all, tried", &tried(&path));
    check("a pattern that looks back", pattern("^(a|aa)+\\\\1$"));
    check("a pattern of a billion repetitions", pattern("((((a{1,99}){1,99}){1,99}){1,99}){1,99}"));
    check("a pattern of a million letters", pattern(&"(a?)".repeat(250_000)));
    // Each would take 10 MB.
    let heavy = |n: usize| {
        format!("  - {{name: a{n}, logicalType: string, logicalTypeOptions: {{pattern: '\\p{{L}}{{1,200}}'}}}}\n")
    };
    let path = check("patterns of gigabytes", format!("{CONTRACT}{}", (0..300).map(heavy).collect::<String>()));
    is_text("patterns of gigabytes, tried", &tried(&path));
    let matches = vec!["a.matches(r'\\\\p{L}{1,200}')"; 200].join(" || ");
    let rule = format!("  quality:\n  - {{id: r, type: custom, engine: cel, implementation: \"{matches}\"}}\n");
    let path = check("a rule of gigabytes", format!("{CONTRACT}  - {{name: a}}\n{rule}"));
    is_text("a rule of gigabytes, tried", &tried(&path));
    check(
        "numbers beyond all",
        format!(
            "{CONTRACT}  - {{name: a, logicalType: number, logicalTypeOptions: {{minimum: 1e999999, maximum: {}}}}}\n",
            "9".repeat(10_000)
        ),
    );
    check("NUL bytes", format!("{CONTRACT}  - {{name: \"a\\0b\"}}\n\0\0"));
    for name in NAMES {
        let named = CONTRACT
            .replace("id: c", &format!("id: \"{name}\"\nname: \"{name}\"\ndomain: \"{name}\""))
            .replace("name: t", &format!("name: \"{name}\""));
        let field =
            format!("{{name: \"{name}\", required: true, description: \"{name}\", classification: \"{name}\"}}");
        let path = check(name, format!("{named}  - {field}\n"));
        is_text(&format!("{name}, tried"), &tried(&path));
        is_text(&format!("{name}, as JSON"), &steward(&["contract", "lint", "--format", "json", &path]));
        is_text(&format!("{name}, compared"), &steward(&["contract", "diff", &path, &records]));
        let tried = steward(&["contract", "test", "--contract", &path, "--records", &records, "--format", "json"]);
        is_text(&format!("{name}, tried as JSON"), &tried);
        for target in ["markdown", "html", "json-schema", "avro", "protobuf", "dcs"] {
            let exported = steward(&["contract", "export", "--format", target, &path]);
            let text = is_text(&format!("{name}, as {target}"), &exported);
            assert!(target != "html" || !text.contains("<script>"), "{text}");
        }
    }
}

/// What a registry or a colleague gives: texts that parsers of others read, which the daemon calls, too.
#[test]
fn hostile_schemas_are_refused_or_read_within_bounds() {
    let folder = tempfile::tempdir().expect("a folder");
    let records = file(&folder, "records.jsonl", b"{\"a\":1}\n");
    let check = |what: &str, language: &str, text: String| {
        let path = file(&folder, "schema", text.as_bytes());
        is_text(what, &steward(&["contract", "import", "--format", language, &path]));
        let kind = match language {
            "json-schema" => "JSON",
            "avro" => "AVRO",
            _ => "PROTOBUF",
        };
        let version =
            serde_json::json!({"subject": "t-value", "version": 1, "id": 1, "schemaType": kind, "schema": text});
        let subject = file(&folder, "subject.json", version.to_string().as_bytes());
        let tried = steward(&["contract", "test", "--contract", &subject, "--records", &records]);
        is_text(&format!("{what}, as a subject"), &tried);
    };
    let nested = |open: &str, close: &str, times: usize| format!("{}1{}", open.repeat(times), close.repeat(times));
    let many = |count: usize, member: fn(usize) -> String| (0..count).map(member).collect::<Vec<_>>().join(",");
    let record = |fields: String| format!("{{\"type\":\"record\",\"name\":\"R\",\"fields\":[{fields}]}}");
    let properties = |of: String| format!("{{\"type\":\"object\",\"properties\":{{\"a\":{of}}}}}");
    check("Avro, deep", "avro", nested("{\"type\":\"array\",\"items\":", "}", 100_000));
    check("Avro, of itself", "avro", record(many(5_000, |n| format!("{{\"name\":\"f{n}\",\"type\":\"R\"}}"))));
    check(
        "Avro, ten times ten times ten",
        "avro",
        (0..40).fold("\"int\"".to_owned(), |of, n| {
            format!("{{\"type\":\"record\",\"name\":\"R{n}\",\"fields\":[{{\"name\":\"a\",\"type\":{of}}}]}}")
        }),
    );
    check(
        "Avro, a fixed of all memory",
        "avro",
        record("{\"name\":\"a\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":9223372036854775807}}".into()),
    );
    check(
        "Avro, a default that is none",
        "avro",
        record("{\"name\":\"a\",\"type\":\"int\",\"default\":\"\\u0000\"}".into()),
    );
    check("Avro, a decimal without end", "avro", record("{\"name\":\"a\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4294967295,\"scale\":4294967295}}".into()));
    check(
        "Avro, an enum of a million words",
        "avro",
        format!("{{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[{}]}}", many(1_000_000, |n| format!("\"s{n}\""))),
    );
    check(
        "Protobuf, deep",
        "protobuf",
        format!("syntax = \"proto3\";{}", nested("message M {", "}", 100_000).replace('1', "")),
    );
    check(
        "Protobuf, an option that is deep",
        "protobuf",
        format!("syntax = \"proto3\"; message M {{ option (x) = {}; }}", nested("{ a: ", "}", 100_000)),
    );
    check(
        "Protobuf, a number beyond all",
        "protobuf",
        format!("syntax = \"proto3\"; message M {{ int32 a = {}; }}", "9".repeat(100_000)),
    );
    check("Protobuf, not a text", "protobuf", "syntax = \"proto3\"; message M\0\u{1b}[2J { int32 a = 1; }".into());
    check(
        "Protobuf, of itself",
        "protobuf",
        "syntax = \"proto3\"; import \"a.proto\"; message M { M m = 1; map<string, M> n = 2; }".into(),
    );
    check("JSON Schema, deep", "json-schema", properties(nested("{\"items\":", "}", 100_000)));
    check(
        "JSON Schema, a reference to itself",
        "json-schema",
        properties("{\"$ref\":\"#\",\"allOf\":[{\"$ref\":\"#/properties/a\"}]}".into()),
    );
    check(
        "JSON Schema, references that multiply",
        "json-schema",
        format!(
            "{{\"$ref\":\"#/$defs/d39\",\"$defs\":{{\"d0\":{{}},{}}}}}",
            many(39, |n| format!(
                "\"d{}\":{{\"allOf\":[{{\"$ref\":\"#/$defs/d{n}\"}},{{\"$ref\":\"#/$defs/d{n}\"}}],\"properties\":{{\"a\":{{\"$ref\":\"#/$defs/d{n}\"}}}}}}",
                n + 1
            ))
        ),
    );
    check(
        "JSON Schema, a pattern that goes over all",
        "json-schema",
        properties("{\"pattern\":\"^(a+)+$\",\"patternProperties\":{\"((a{1,99}){1,99}){1,99}\":{}}}".into()),
    );
    check(
        "JSON Schema, numbers beyond all",
        "json-schema",
        properties("{\"multipleOf\":1e-320,\"maximum\":1e308,\"minItems\":18446744073709551615}".into()),
    );
    for name in NAMES {
        check(
            name,
            "json-schema",
            format!(
                "{{\"title\":\"T\",\"type\":\"object\",\"properties\":{{{}:{{\"description\":{0}}}}}}}",
                as_json(name)
            ),
        );
        check(
            name,
            "avro",
            format!(
                "{{\"type\":\"record\",\"name\":{0},\"doc\":{0},\"fields\":[{{\"name\":\"a\",\"type\":\"int\",\"aliases\":[{0}]}}]}}",
                as_json(name)
            ),
        );
        let named = format!("{{{}:{{\"a\":{0}}}}}\n", as_json(name));
        let records = file(&folder, "named.jsonl", named.as_bytes());
        let drafted = steward(&["contract", "infer", "--name", "orders", "--records", &records]);
        let contract = file(&folder, "drafted.yaml", is_text(&format!("{name}, inferred"), &drafted).as_bytes());
        let linted = steward(&["contract", "lint", &contract]);
        assert_eq!(linted.status.code(), Some(0), "{name}: {}", is_text(name, &linted));
    }
}

/// A name of `NAMES` as JSON.
fn as_json(name: &str) -> String {
    let text: String = serde_saphyr::from_str(&format!("\"{name}\"")).expect("a text of YAML");
    serde_json::Value::from(text).to_string()
}

#[test]
fn hostile_configurations_are_told_what_is_wrong_with_them_within_bounds() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |what: &str, text: String| {
        let path = file(&folder, "steward.yaml", text.as_bytes());
        let output = steward(&["check", "--config", &path]);
        is_text(what, &output);
        assert_ne!(output.status.code(), Some(0), "{what}");
    };
    let laughs =
        (1..=9).map(|n| format!("l{n}: &l{n} [{}]\n", vec![format!("*l{}", n - 1); 10].join(","))).collect::<String>();
    check("a billion laughs", format!("l0: &l0 [lol,lol,lol]\n{laughs}"));
    check("a hundred thousand levels", "a: {".repeat(100_000));
    check("NUL bytes", "\0\0\0".into());
    check("a key that a terminal obeys", "\"\\e[2J\": \"\\e]0;gone\\a\"\nwindow: {size: \"\\e[31m5s\"}\n".into());
    check(
        "a number beyond all",
        format!("worker.tasks: {}\nwindow.size: {}d\n", "9".repeat(100_000), "9".repeat(1_000)),
    );
    check(
        "a path to elsewhere",
        "kafka.bootstrap.servers: x:1\ncontracts.paths: [\"../../../../etc/passwd\", \"a\\0b\"]\n".into(),
    );
}

/// A folder that holds nothing but what was put there.
#[test]
fn a_hostile_name_makes_no_file_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let inside = folder.path().join("inside");
    fs::create_dir(&inside).expect("a folder in it");
    let hostile = CONTRACT
        .replace("id: c", "id: ../escaped\nname: ../escaped\ndomain: ../..")
        .replace("name: t", "name: ../../escaped");
    let path = file(&folder, "inside/contract.yaml", format!("{hostile}  - {{name: ../escaped}}\n").as_bytes());
    for target in ["avro", "protobuf", "html"] {
        is_text(target, &steward(&["contract", "export", "--format", target, &path]));
    }
    let left = |at: &Path| fs::read_dir(at).map_or(0, |entries| entries.count());
    assert_eq!((left(folder.path()), left(&inside)), (1, 1), "something was written");
}
