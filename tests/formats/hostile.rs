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
    check(
        "numbers beyond all",
        format!(
            "{CONTRACT}  - {{name: a, logicalType: number, logicalTypeOptions: {{minimum: 1e999999, maximum: {}}}}}\n",
            "9".repeat(10_000)
        ),
    );
    check("NUL bytes", format!("{CONTRACT}  - {{name: \"a\\0b\"}}\n\0\0"));
    let names = [
        "<script>alert(1)</script>",
        "\\e]0;gone\\a\\e[2J",
        "../../../../etc/passwd",
        "a\\\"} 1\\n# HELP x",
        "a\\u202eb",
        "\\x9b31m",
        "a`b|c",
    ];
    for name in names {
        let named = CONTRACT
            .replace("id: c", &format!("id: \"{name}\"\nname: \"{name}\"\ndomain: \"{name}\""))
            .replace("name: t", &format!("name: \"{name}\""));
        let field =
            format!("{{name: \"{name}\", required: true, description: \"{name}\", classification: \"{name}\"}}");
        let path = check(name, format!("{named}  - {field}\n"));
        is_text(&format!("{name}, tried"), &tried(&path));
        is_text(&format!("{name}, as JSON"), &steward(&["contract", "lint", "--format", "json", &path]));
        for target in ["markdown", "html", "json-schema", "avro", "protobuf"] {
            let exported = steward(&["contract", "export", "--format", target, &path]);
            let text = is_text(&format!("{name}, as {target}"), &exported);
            assert!(target != "html" || !text.contains("<script>"), "{text}");
        }
    }
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
