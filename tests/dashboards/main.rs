//! Dashboards, rules and runbooks: whole, and asking only for what the daemon exports. That each query has an answer, and that a
//! page reaches its owner, a real Prometheus shows in `tests/kafka/paged.rs`.

mod boards; // what their files say
mod promql; // what is wrong with a query
mod structure; // what is wrong with a dashboard

use crate::boards::{boards, elements, folder, queries, rules, yaml};
use crate::promql::Known;
use regex::Regex;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn dashboards_are_whole_and_lead_to_each_other() {
    let boards = boards();
    let names: Vec<&str> = boards.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["lineage.json", "mesh-overview.json", "product.json", "steward.json"]);
    let uids = uids();
    assert_eq!(uids.len(), boards.len(), "each has a uid of its own: {uids:?}");
    let of_board = |(name, board): &(String, Value)| {
        structure::faults(board, &uids).into_iter().map(|fault| format!("{name}: {fault}")).collect::<Vec<_>>()
    };
    none(boards.iter().flat_map(of_board).collect());
}

#[test]
fn a_dashboard_that_is_wrong_is_found() {
    let boards = boards();
    let (_, board) = boards.iter().find(|(name, _)| name == "product.json").expect("a board");
    let check = |place: &str, value: Value, fault: &str| {
        let mut wrong = board.clone();
        *wrong.pointer_mut(place).unwrap_or_else(|| panic!("no {place}")) = value;
        let faults = structure::faults(&wrong, &uids());
        assert!(faults.iter().any(|found| found.contains(fault)), "{place}: {faults:?}");
    };
    check("/uid", json!(""), "its uid");
    check("/panels/1/type", json!("graph"), "no such type");
    check("/panels/1/gridPos/w", json!(25), "not within the grid");
    check("/panels/1/gridPos/x", json!(3), "over ");
    check("/panels/1/id", json!(1), "its id is taken");
    check("/panels/1/datasource/uid", json!("P1809F7CD0C75ACF3"), "a data source that nobody else has");
    check("/panels/1/targets/0/datasource", json!("Prometheus"), "a data source that nobody else has");
    check("/panels/1/targets/0/expr", json!(""), "no expr");
    check("/panels/1/targets", json!([]), "asks for nothing");
    check("/panels/1/fieldConfig/defaults/unit", json!("parsecs"), "no unit");
    check("/panels/1/description", json!(""), "no sentence");
    check("/panels/1/fieldConfig/defaults/thresholds/steps/1/value", json!(9), "do not rise");
    check("/templating/list/1/name", json!("task"), "do not begin with");
    check("/templating/list/3/allValue", json!(".*"), "All is not .+");
    check("/templating/list/4/name", json!("topic"), "no query asks for $topic");
    check("/description", json!("/d/mesh-steward-mesh"), "a link to `mesh-steward-mesh`");
}

#[test]
fn queries_ask_for_what_the_daemon_exports() {
    let known = known();
    let mut wrong = Vec::new();
    let mut asked = 0;
    for (name, board) in boards() {
        for query in queries(&name, &board) {
            asked += 1;
            let faults = known.of_dashboard(&query.expr).err().unwrap_or_default();
            wrong.extend(faults.into_iter().map(|fault| format!("{}: {fault}", query.place)));
        }
        for variable in elements(&board["templating"]["list"]).skip(1) {
            wrong.extend(variable_faults(&known, variable["query"]["query"].as_str().unwrap_or_default()));
        }
    }
    assert!(asked > 50, "only {asked} queries were found");
    none(wrong);
}

#[test]
fn a_query_that_is_wrong_is_found() {
    let known = known();
    let picked = "job=~\"$job\", instance=~\"$instance\"";
    let check = |expr: &str, fault: &str| {
        let faults = known.of_dashboard(&expr.replace("PICKED", picked)).err().unwrap_or_default();
        assert!(faults.iter().any(|found| found.contains(fault)), "{expr}: {faults:?}");
    };
    check("sum(steward_workers{PICKED}", "cannot be parsed");
    check("steward_wrokers{PICKED}", "no metric is called `steward_wrokers`");
    check("steward_workers{PICKED, product=\"a/b\"}", "has no label `product`");
    check("steward_workers", "without job=~");
    check("steward_workers{job=~\"$job\", instance=\"$instance\"}", "without instance=~");
    check("steward_product_records_total{PICKED}", "a counter needs a rate");
    check("rate(steward_workers{PICKED}[$__rate_interval])", "a gauge has no rate");
    check("rate(steward_product_records_total{PICKED}[5m])", "another range");
    check("sum by (worker) (steward_product_incidents{PICKED})", "no series has `worker`");
    check("sum by (product) (sum(steward_product_incidents{PICKED}))", "no series has `product`");
    check("rate(steward_flush_duration_seconds{PICKED}[$__rate_interval])", "no metric is called");
    check(
        "histogram_quantile(0.9, sum(rate(steward_flush_duration_seconds_bucket{PICKED}[$__rate_interval])))",
        "what has no `le`",
    );
}

#[test]
fn alerts_say_how_bad_whose_and_what_to_do() {
    let known = known();
    let label = Regex::new(r"\$labels\.(\w+)").unwrap();
    let uids = uids();
    let mut wrong = Vec::new();
    for rule in rules() {
        let name = &rule.name;
        let mut labels = match known.of_rule(rule.value["expr"].as_str().unwrap_or_default()) {
            Ok(labels) => labels,
            Err(faults) => {
                wrong.extend(faults.into_iter().map(|fault| format!("{name}: {fault}")));
                continue;
            }
        };
        if !rule.alerts {
            continue;
        }
        labels.extend(rule.value["labels"].as_object().into_iter().flatten().map(|(label, _)| label.clone()));
        let mut must = |holds: bool, fault: &str| wrong.extend((!holds).then(|| format!("{name}: {fault}")));
        let severity = rule.value["labels"]["severity"].as_str();
        must(severity.is_some_and(|severity| ["critical", "warning"].contains(&severity)), "no severity");
        must(labels.contains("owner"), "no owner");
        let annotation = |key: &str| rule.value["annotations"][key].as_str().unwrap_or_default();
        must(!annotation("summary").is_empty(), "no summary");
        must(annotation("runbook_url").ends_with(&format!("/docs/runbooks/{name}.md")), "no runbook");
        let board = annotation("dashboard").strip_prefix("/d/").map(|rest| rest.split('?').next().unwrap_or_default());
        must(board.is_some_and(|uid| uids.contains(uid)), "no dashboard");
        for found in label.captures_iter(&rule.value["annotations"].to_string()) {
            must(labels.contains(&found[1]), &format!("it has no label `{}` to tell of", &found[1]));
        }
    }
    none(wrong);
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks");
    let files = fs::read_dir(&place).expect("the runbooks").map(|entry| entry.expect("a file").path());
    let pages: BTreeMap<String, String> = files
        .map(|file| {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            (name, fs::read_to_string(&file).expect("a page"))
        })
        .collect();
    assert_eq!(pages.keys().cloned().collect::<BTreeSet<_>>(), alerts());
    let metric = Regex::new(r"\b(?:steward|process)_[a-z_]+").unwrap();
    let known = known();
    let known: BTreeSet<&str> = known.names().map(String::as_str).collect();
    let mut wrong = Vec::new();
    for (name, page) in &pages {
        let headings: Vec<&str> = page.lines().filter(|line| line.starts_with('#')).collect();
        let expected =
            [&format!("# {name}"), "## What it means", "## What to look at", "## What to do", "## How to silence it"];
        if headings != expected {
            wrong.push(format!("{name}: its headings are {headings:?}"));
        }
        let unknown = metric.find_iter(page).map(|found| found.as_str()).filter(|found| !known.contains(found));
        wrong.extend(unknown.map(|found| format!("{name}: no metric is called `{found}`")));
    }
    none(wrong);
}

#[test]
fn every_alert_is_seen_to_fire_and_to_resolve() {
    let state = Regex::new(r#"^ALERTS\{alertname="(\w+)"(, alertstate="firing")?\}$"#).unwrap();
    let tests = yaml("rules.test.yaml");
    let (mut fires, mut resolves) = (BTreeSet::new(), BTreeSet::new());
    for case in elements(&tests["tests"]).flat_map(|test| elements(&test["promql_expr_test"])) {
        if let Some(found) = state.captures(case["expr"].as_str().unwrap_or_default()) {
            let alerts = elements(&case["exp_samples"]).count();
            match found.get(2) {
                Some(_) if alerts > 0 => fires.insert(found[1].to_owned()),
                None if alerts == 0 => resolves.insert(found[1].to_owned()),
                _ => false,
            };
        }
    }
    assert_eq!((fires, resolves), (alerts(), alerts()));
}

#[test]
fn promtool_and_amtool_see_each_alert_and_where_it_goes() {
    let route = |owner, severity, receiver| {
        let command =
            format!("amtool config routes test --config.file alertmanager.yaml owner={owner} severity={severity}");
        (command, format!("{receiver}\n"))
    };
    for (command, says) in [
        ("promtool check rules rules.yaml".to_owned(), "SUCCESS".to_owned()),
        ("promtool test rules rules.test.yaml".to_owned(), "SUCCESS".to_owned()),
        ("amtool check-config alertmanager.yaml".to_owned(), "SUCCESS".to_owned()),
        route("order-desk", "critical", "order-desk-pager"),
        route("order-desk", "warning", "order-desk"),
        route("mesh-steward", "critical", "mesh-steward-pager"),
        route("mesh-steward", "warning", "mesh-steward"),
        route("nobody-we-know", "critical", "mesh-steward"),
    ] {
        let mut words = command.split(' ');
        let tool = words.next().unwrap_or_default();
        match Command::new(tool).args(words).current_dir(folder()).output() {
            Ok(out) => {
                assert!(out.status.success(), "{command}: {}", said(&out));
                assert!(said(&out).contains(&says), "{command}: {}", said(&out));
            }
            Err(why) => {
                println!("skipped: {tool} cannot be started: {why}");
                return;
            }
        }
    }
}

#[test]
fn grafanas_own_model_reads_the_dashboards_strictly() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dashboards/strict");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let go = |arguments: &[&str]| Command::new("go").args(arguments).current_dir(&place).output();
    match go(&["mod", "download"]) {
        Ok(out) if out.status.success() => {}
        Ok(out) => return println!("skipped: the model cannot be fetched: {}", said(&out).replace('\n', " ")),
        Err(why) => return println!("skipped: go cannot be started: {why}"),
    }
    let program = target.join("strict");
    let program = program.to_str().expect("a path in UTF-8");
    // It runs for milliseconds: to optimise it takes longer.
    let built = go(&["build", "-gcflags=all=-N -l", "-ldflags=-s -w", "-o", program, "."]).expect("go starts");
    assert!(built.status.success(), "{}", said(&built));
    let read = |file: &Path| Command::new(program).arg(file).output().expect("it starts");
    for (name, board) in boards() {
        let out = read(&folder().join(&name));
        assert!(out.status.success(), "{}", said(&out));
        let misspelt = target.join(&name);
        fs::write(&misspelt, board.to_string().replace("\"legendFormat\"", "\"legendFromat\"")).expect("a copy");
        let out = read(&misspelt);
        assert!(!out.status.success() && said(&out).contains("legendFromat"), "{name}: {}", said(&out));
    }
}

/// What the daemon exports and what the recording rules make of it.
fn known() -> Known {
    let mut known = Known::new();
    for rule in rules().iter().filter(|rule| !rule.alerts) {
        let expr = rule.value["expr"].as_str().unwrap_or_default();
        let labels = known.of_rule(expr).unwrap_or_else(|faults| panic!("{}: {faults:?}", rule.name));
        known.record(&rule.name, labels);
    }
    known
}

/// `label_values(SELECTOR, LABEL)`; a variable that others choose by asks with less than all of them.
fn variable_faults(known: &Known, query: &str) -> Vec<String> {
    let Some((selector, label)) =
        query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')?.rsplit_once(", "))
    else {
        return vec![format!("`{query}` is no label_values(SELECTOR, LABEL)")];
    };
    match known.of_rule(selector) {
        Ok(labels) if labels.contains(label) => Vec::new(),
        Ok(labels) => vec![format!("`{selector}` has no `{label}`, only {labels:?}")],
        Err(faults) => faults,
    }
}

fn alerts() -> BTreeSet<String> {
    rules().into_iter().filter(|rule| rule.alerts).map(|rule| rule.name).collect()
}

fn uids() -> BTreeSet<String> {
    boards().iter().map(|(_, board)| board["uid"].as_str().unwrap_or_default().to_owned()).collect()
}

fn said(out: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

fn none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
