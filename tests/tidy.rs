//! What a reviewer would otherwise have to look for: lengths, first lines, the direction of imports, purity, licences.

use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which rooms of `src` a room may name. Whoever is not listed beside it is above it, or a neighbour it need not know.
/// `clock`, `config`, `heap`, `printable`, `systemd`, `table` and `telemetry` are leaves: used from above, they know at most what things mean.
const MAY_IMPORT: &[(&str, &str)] = &[
    ("engine", ""),
    ("flow", "engine"),
    ("clock", ""),
    ("heap", ""),
    ("systemd", ""),
    ("printable", ""),
    ("table", "printable"),
    ("config", "engine printable"),
    ("telemetry", "config engine flow"),
    ("kafka", "clock config engine flow telemetry"),
    ("registry", "clock config engine flow telemetry"),
    ("catalog", "clock config engine flow kafka registry telemetry"),
    ("discovery", "catalog clock config engine flow kafka registry telemetry"),
    ("http", "catalog clock config discovery engine flow kafka registry telemetry"),
    ("page", "catalog clock engine flow http"),
    ("worker", "catalog clock config discovery engine flow heap http kafka page registry systemd telemetry"),
    ("demo", "clock config flow kafka table worker"),
    (
        "cli",
        "catalog clock config demo discovery engine flow http kafka printable registry systemd table telemetry worker",
    ),
    ("main", "cli config heap printable telemetry"),
];

/// What waits, reads, asks the time or throws dice; none of it stands in `engine` or `flow`, their unit tests aside.
const IMPURE: &str = r"\b(tokio|rdkafka|rdkafka_sys|hyper|axum|ureq|rand|fastrand|getrandom|dashmap)::|\bstd::(fs|thread|process|env|io|time)\b|\b(Tcp(Stream|Listener)|UdpSocket|ToSocketAddrs|SystemTime|Instant)\b|\bTimestamp::now\b|\bZoned::now\b|\be?print(ln)?!|\btracing::";

const LONGEST_FILE_LINES: usize = 500;

#[test]
fn every_rust_file_is_short_and_says_first_what_it_is() {
    let mut wrong = Vec::new();
    for file in rust_files(&["src", "tests", "benches"]) {
        let text = read(&file);
        if text.lines().count() > LONGEST_FILE_LINES {
            wrong.push(format!("{}: {} lines, {LONGEST_FILE_LINES} at most", file.display(), text.lines().count()));
        }
        if !text.starts_with("//! ") {
            wrong.push(format!("{}: the first line is no `//! ` that says what the file is", file.display()));
        }
    }
    none(wrong);
}

#[test]
fn imports_run_only_downward() {
    let named = Regex::new(r"\b(?:crate|mesh_steward)::(?:\{([^}]*)\}|([a-z_]+))").unwrap();
    let mut wrong = Vec::new();
    for file in rust_files(&["src"]) {
        let room = room_of(&file);
        if room == "lib" {
            continue; // the table of contents names every room, and nothing else
        }
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == room) else {
            wrong.push(format!("{}: room `{room}` is not in MAY_IMPORT: say what it may import", file.display()));
            continue;
        };
        for (number, line) in code_lines(&read(&file)) {
            for found in named.captures_iter(&line) {
                let names = found.get(1).or(found.get(2)).map_or("", |m| m.as_str());
                for name in names.split(',').map(|n| n.trim().split("::").next().unwrap_or("")) {
                    if name != room && !allowed.split(' ').any(|a| a == name) {
                        wrong.push(format!("{}:{number}: `{room}` may not import `{name}`", file.display()));
                    }
                }
            }
        }
    }
    none(wrong);
}

#[test]
fn the_rules_of_import_have_no_circle() {
    for (place, (room, allowed)) in MAY_IMPORT.iter().enumerate() {
        for below in allowed.split_whitespace() {
            let at = MAY_IMPORT.iter().position(|(name, _)| *name == below);
            assert!(
                at.is_some_and(|at| at < place),
                "`{room}` may import `{below}`, which does not stand above it in the list"
            );
        }
    }
}

#[test]
fn engine_and_flow_neither_wait_nor_read_nor_ask_the_time() {
    let impure = Regex::new(IMPURE).unwrap();
    let mut wrong = Vec::new();
    for file in rust_files(&["src/engine", "src/flow"]) {
        if file.components().any(|c| c.as_os_str() == "tests") || file.ends_with("tests.rs") {
            continue;
        }
        for (number, line) in code_lines(&read(&file)) {
            if line.contains("#[cfg(test)]") {
                break; // unit tests stand last, and may read what they compare with
            }
            if let Some(found) = impure.find(&line) {
                wrong.push(format!("{}:{number}: `{}` in a pure room", file.display(), found.as_str()));
            }
        }
    }
    none(wrong);
}

#[test]
fn a_thing_has_one_path() {
    let again = Regex::new(r"^\s*pub(\([^)]*\))?\s+use\b").unwrap();
    let mut wrong = Vec::new();
    for file in rust_files(&["src", "tests", "benches"]) {
        for (number, line) in code_lines(&read(&file)) {
            if again.is_match(&line) {
                wrong.push(format!("{}:{number}: a re-export gives a thing two paths", file.display()));
            }
        }
    }
    none(wrong);
}

#[test]
fn every_dependency_says_why() {
    let mut wrong = Vec::new();
    let mut section = String::new();
    for (number, line) in read(&root().join("Cargo.toml")).lines().enumerate() {
        if line.starts_with('[') {
            section = line.to_string();
        } else if section.contains("dependencies") && line.contains('=') && !line.starts_with('#') {
            let reason = line.rsplit_once(" # ").map_or("", |(_, reason)| reason);
            if reason.trim().is_empty() {
                wrong.push(format!("Cargo.toml:{}: `{}` says no reason", number + 1, line.trim()));
            }
        }
    }
    none(wrong);
}

/// Each block has its reason above it; who reviews them finds all of them in one table.
#[test]
fn unsafe_code_stands_where_security_md_says_with_its_reasons() {
    let is_unsafe = Regex::new(r"\bunsafe (\{|impl\b|(?:extern \S+ )?fn\b)").unwrap();
    let row = Regex::new(r"(?m)^\| `([a-z_/]+\.rs)` \| (\d+) \| \S").unwrap();
    let security = read(&root().join("docs/security.md"));
    let told: BTreeMap<String, usize> =
        row.captures_iter(&security).map(|c| (c[1].to_owned(), c[2].parse().unwrap())).collect();
    let mut found = BTreeMap::new();
    let mut wrong = Vec::new();
    for file in rust_files(&["src", "bench", "benches"]).into_iter().chain([root().join("build.rs")]) {
        let text = read(&file);
        let code: String = code_lines(&text).into_iter().map(|(_, line)| line + "\n").collect();
        let kinds: Vec<&str> = is_unsafe.captures_iter(&code).map(|c| c.get(1).map_or("", |m| m.as_str())).collect();
        let argued = kinds.iter().filter(|kind| **kind == "{" || **kind == "impl").count();
        let declared = kinds.iter().filter(|kind| **kind == "fn").count();
        if text.matches("// SAFETY: ").count() != argued || text.matches("/// # Safety").count() != declared {
            wrong.push(format!("{}: an `unsafe` without its reason, or a reason without one", file.display()));
        }
        if argued > 0 {
            let name = file.strip_prefix(root()).expect("a file of the project").display().to_string();
            found.insert(name.trim_start_matches("src/").to_owned(), argued);
        }
    }
    if found != told {
        wrong.push(format!("docs/security.md tells of {told:?}, and there are {found:?}"));
    }
    none(wrong);
}

/// No build of the daemon and no test takes the fuzzer in, so nothing else would tell that it fell behind.
#[test]
fn the_fuzzer_has_all_that_it_takes_in() {
    let line = Regex::new(r#"(?m)^([a-z0-9_-]+) = (?:"([^"]+)"|\{ version = "([^"]+)")"#).unwrap();
    let versions = |file: &str| -> BTreeMap<String, String> {
        let text = read(&root().join(file));
        let of = text.split_once("[dependencies]").map_or("", |(_, rest)| rest.split("\n[").next().unwrap_or_default());
        let version = |c: regex::Captures<'_>| c.get(2).or(c.get(3)).map_or(String::new(), |v| v.as_str().to_owned());
        line.captures_iter(of).map(|c| (c[1].to_owned(), version(c))).collect()
    };
    let (daemon, fuzzer) = (versions("Cargo.toml"), versions("fuzz/Cargo.toml"));
    let beside = [
        "printable",
        "config/raw",
        "config/secret",
        "config/yaml",
        "http/call",
        "http/paged",
        "http/problem",
        "http/query",
    ];
    let beside = beside.iter().map(|file| root().join(format!("src/{file}.rs")));
    let files = rust_files(&["src/engine", "src/flow"]).into_iter().chain(beside);
    let code: String = files.map(|file| read(&file)).collect();
    let taken = |name: &&String| Regex::new(&format!(r"\b{}::", name.replace('-', "_"))).unwrap().is_match(&code);
    let taken: Vec<&String> = daemon.keys().filter(taken).collect();
    assert!(taken.len() > 10, "only {taken:?} are taken");
    let differs = |name: &&String| fuzzer.get(*name) != daemon.get(*name);
    none(
        taken
            .into_iter()
            .filter(differs)
            .map(|name| format!("fuzz/Cargo.toml: `{name}` is {:?} in Cargo.toml", daemon[name]))
            .collect(),
    );
}

#[test]
fn every_dependency_has_a_licence_that_deny_toml_allows() {
    let allowed = allowed_licences(&read(&root().join("deny.toml")));
    assert!(allowed.contains("Apache-2.0"), "no `allow` list found in deny.toml");
    let packages = metadata();
    let packages = packages["packages"].as_array().expect("cargo metadata lists packages");
    let mut wrong = Vec::new();
    for package in packages {
        let licence = package["license"].as_str().unwrap_or("");
        if !may_use(licence, &allowed) {
            wrong.push(format!("{} {}: `{licence}`", package["name"], package["version"]));
        }
    }
    assert!(packages.len() > 50, "cargo metadata lists only {} packages", packages.len());
    none(wrong);
}

#[test]
fn a_choice_of_licences_needs_one_and_a_sum_needs_all() {
    let allowed: BTreeSet<String> = ["MIT", "Zlib"].map(String::from).into();
    let check = |licence: &str, want: bool| assert_eq!(may_use(licence, &allowed), want, "{licence}");
    check("MIT", true);
    check("GPL-3.0", false);
    check("GPL-3.0 OR MIT", true);
    check("GPL-3.0/MIT", true);
    check("MIT AND GPL-3.0", false);
    check("MIT AND Zlib", true);
    check("(MIT OR GPL-3.0) AND Zlib", true);
    check("MIT AND (GPL-3.0 OR AGPL-3.0)", false);
    check("MIT WITH some-exception", false);
    check("", false);
}

#[test]
fn what_documents_link_to_exists() {
    let link = Regex::new(r"\]\(([^)#\s]+)[^)]*\)").unwrap();
    let mut wrong = Vec::new();
    for file in documents() {
        for found in link.captures_iter(&read(&file)) {
            let target = &found[1];
            let place = file.parent().unwrap_or(Path::new(".")).join(target);
            if !target.contains("://") && !target.starts_with("mailto:") && !place.exists() {
                wrong.push(format!("{}: links to `{target}`, which does not exist", file.display()));
            }
        }
    }
    none(wrong);
}

fn none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

fn rust_files(folders: &[&str]) -> Vec<PathBuf> {
    let files: Vec<PathBuf> = folders.iter().flat_map(|f| files_below(&root().join(f), "rs")).collect();
    assert!(!files.is_empty(), "no Rust file in {folders:?}");
    files
}

/// The Markdown files of the top and of `docs`.
fn documents() -> Vec<PathBuf> {
    let top = fs::read_dir(root()).expect("the project's folder").flatten().map(|e| e.path());
    let top = top.filter(|p| p.extension().is_some_and(|e| e == "md"));
    top.chain(files_below(&root().join("docs"), "md")).collect()
}

fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    paths.sort();
    let below = |path: PathBuf| match path.is_dir() {
        true => files_below(&path, extension),
        false if path.extension().is_some_and(|e| e == extension) => vec![path],
        false => Vec::new(),
    };
    paths.into_iter().flat_map(below).collect()
}

/// `src/kafka/driver.rs` stands in `kafka`, `src/clock.rs` in `clock`.
fn room_of(file: &Path) -> String {
    let inside = file.strip_prefix(root().join("src")).expect("a file of src");
    let first = inside.iter().next().unwrap_or_default().to_string_lossy();
    first.trim_end_matches(".rs").to_string()
}

/// Lines with their numbers from 1, without `//` comments. A `//` inside a string ends the line too: that hides at
/// most the rest of a URL.
fn code_lines(text: &str) -> Vec<(usize, String)> {
    let code = |line: &str| line.split("//").next().unwrap_or("").to_string();
    text.lines().enumerate().map(|(i, line)| (i + 1, code(line))).collect()
}

fn allowed_licences(deny: &str) -> BTreeSet<String> {
    let list = deny.split_once("allow = [").and_then(|(_, rest)| rest.split_once(']')).map_or("", |(list, _)| list);
    list.split('"').skip(1).step_by(2).map(String::from).collect()
}

/// Whether an SPDX expression can be met with these licences. `AND` binds closer than `OR`; `/` is an old `OR`.
fn may_use(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    fn either(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
        let mut met = all(words, at, allowed);
        while words.get(*at) == Some(&"OR") {
            *at += 1;
            met |= all(words, at, allowed);
        }
        met
    }
    fn all(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
        let mut met = one(words, at, allowed);
        while words.get(*at) == Some(&"AND") {
            *at += 1;
            met &= one(words, at, allowed);
        }
        met
    }
    fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
        let Some(word) = words.get(*at) else { return false };
        *at += 1;
        if *word == "(" {
            let met = either(words, at, allowed);
            *at += 1; // the closing one
            return met;
        }
        let mut name = word.to_string();
        if words.get(*at) == Some(&"WITH") {
            name = format!("{word} WITH {}", words.get(*at + 1).unwrap_or(&""));
            *at += 2;
        }
        allowed.contains(&name)
    }
    either(&words, &mut 0, allowed)
}

/// What Cargo knows of this project on this machine's platform, so that no other platform's crates are fetched.
fn metadata() -> serde_json::Value {
    let run = |program: &str, arguments: &[&str]| {
        let out = Command::new(program)
            .args(arguments)
            .current_dir(root())
            .output()
            .unwrap_or_else(|e| panic!("{program}: {e}"));
        assert!(out.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).expect("UTF-8")
    };
    let version = run("rustc", &["-vV"]);
    let host = version.lines().find_map(|l| l.strip_prefix("host: ")).expect("rustc names its host");
    let text = run(env!("CARGO"), &["metadata", "--format-version", "1", "--locked", "--filter-platform", host]);
    serde_json::from_str(&text).expect("cargo metadata is JSON")
}
