//! The metrics page.

use mesh_steward::catalog::board::{Board, TaskState};
use mesh_steward::clock::now_ms;
use mesh_steward::flow::io::Publication;
use mesh_steward::telemetry::{self, names, task::TaskMetrics};

use crate::served::*;

#[test]
fn every_metric_of_the_table_is_on_the_page_with_help_and_type() {
    let served = Served::start(|board| {
        board.set_contracts(&plans(&["orders"]), vec![]);
        go(board, TaskState::Running);
        board.apply(&publication("orders"), LEDGER, now_ms());
    });
    TaskMetrics::new("w1", LEDGER).published(&publication("orders"));
    telemetry::kafka_error("_TRANSPORT");
    let answer = served.get("/metrics");
    assert_eq!(answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
    for metric in names::ALL {
        let lines = |prefix: String| answer.body.lines().filter(|line| line.starts_with(&prefix)).count();
        assert_eq!(lines(format!("# HELP {} {}", metric.name, metric.help)), 1, "{}", metric.name);
        assert_eq!(lines(format!("# TYPE {} {}", metric.name, metric.kind.word())), 1, "{}", metric.name);
    }
    let mut families: Vec<&str> =
        answer.body.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    families.retain(|name| !names::ALL.iter().any(|metric| metric.name == *name));
    assert_eq!(families, [""; 0], "not in the table");
    let of_orders = "product=\"sales/orders\",domain=\"sales\",owner=\"order desk\"";
    for line in [
        &format!("steward_product_records_total{{{of_orders}}} 119"),
        &format!("steward_product_status{{{of_orders},status=\"fail\"}} 1"),
        &format!("steward_product_status{{{of_orders},status=\"pass\"}} 0"),
        &format!("steward_product_score_ratio{{{of_orders}}} 0.5"),
        &format!("steward_product_sla_budget_ratio{{{of_orders},sla=\"product\"}} 0.5"),
        &format!("steward_product_sla_windows{{{of_orders},sla=\"product\"}} 200"),
        &format!("steward_product_incidents{{{of_orders},severity=\"critical\"}} 1"),
        &format!(
            "steward_product_violations_total{{{of_orders},rule=\"amount.required\",severity=\"critical\",dimension=\"\",mode=\"warn\"}} 3"
        ),
        &format!(
            "steward_product_violations_total{{{of_orders},rule=\"id.unique\",severity=\"\",dimension=\"\",mode=\"warn\"}} 0"
        ),
        "steward_task_state{worker=\"w1\",task=\"ledger-0\",state=\"RUNNING\"} 1",
        "steward_task_state{worker=\"w1\",task=\"ledger-0\",state=\"FAILED\"} 0",
        "steward_flush_duration_seconds_bucket{worker=\"w1\",task=\"ledger-0\",le=\"0.05\"} 1",
        "steward_event_latency_seconds_count{worker=\"w1\",task=\"ledger-0\"} 1",
        "steward_chain_overlaps_total{worker=\"w1\",task=\"ledger-0\"} 0",
    ] {
        assert!(answer.body.lines().any(|found| found == line), "{line}\n{}", answer.body);
    }
}

#[test]
fn a_products_series_vanish_when_it_ends() {
    let check = |what: &str, end: fn(&Board)| {
        let served = Served::start(|board| {
            board.set_contracts(&plans(&["orders", "returns"]), vec![]);
            go(board, TaskState::Running);
            board.apply(&publication("orders"), LEDGER, now_ms());
        });
        assert!(served.get("/metrics").body.contains("sales/orders"), "{what}");
        end(&served.board);
        assert!(!served.get("/metrics").body.contains("sales/orders"), "{what}");
    };
    fn retired() -> Publication {
        Publication { retired: vec![product("orders")], ..Publication::default() }
    }
    check("its ledger partition left", |board| board.apply(&retired(), LEDGER, now_ms()));
    check("no contract names it", |board| board.set_contracts(&plans(&["returns"]), vec![]));
    check("its task failed", |board| board.task_state(LEDGER, TaskState::Failed("fenced".into()), now_ms()));

    // The ledger partition moved between two tasks of one worker, and the old owner says so last.
    let board = Board::default();
    board.apply(&publication("orders"), "ledger-1", now_ms());
    board.apply(&retired(), LEDGER, now_ms());
    assert!(board.judged(&product("orders")).is_some());
}

#[test]
fn counters_of_a_product_grow_with_each_publication() {
    let board = Board::default();
    board.apply(&publication("orders"), LEDGER, now_ms());
    board.apply(&publication("orders"), LEDGER, now_ms());
    let judged = board.judged(&product("orders")).unwrap();
    assert_eq!((judged.counters.records, judged.counters.gap_offsets), (238, 100));
    assert_eq!(judged.violations.values().sum::<u64>(), 6);
}

#[test]
fn drift_is_told_by_its_kind() {
    let served = Served::start(|board| {
        board.set_contracts(&plans(&["orders"]), vec![]);
        let mut publication = publication("orders");
        publication.products[0].state.incidents[0].rule = "steward.drift.schema".into();
        board.apply(&publication, LEDGER, now_ms());
    });
    let page = served.get("/metrics").body;
    for (kind, open) in [("schema", 1), ("distribution", 0), ("volume", 0), ("nulls", 0)] {
        let line = format!(
            "\nsteward_product_drift_incidents{{product=\"sales/orders\",domain=\"sales\",owner=\"order desk\",kind=\"{kind}\"}} {open}\n"
        );
        assert!(page.contains(&line), "{line}{page}");
    }
}

#[test]
fn beyond_the_series_budget_rules_fold_into_other() {
    let mut served = Served::idle();
    served.series_max = 20;
    let served = served.run(|board| {
        board.set_contracts(&plans(&["orders"]), vec![]);
        let mut publication = publication("orders");
        publication.products[0].violations = (0..50).map(|i| violation(&format!("rule.{i}"), 2)).collect();
        board.apply(&publication, LEDGER, now_ms());
    });
    let page = served.get("/metrics").body;
    let rules: Vec<&str> = page.lines().filter(|line| line.starts_with("steward_product_violations_total{")).collect();
    assert!(rules.len() == 1 && rules[0].contains("rule=\"other\"") && rules[0].ends_with(" 100"), "{rules:?}");
    assert!(page.contains("\nsteward_metric_series_folded 52\n"), "{page}");
}

#[test]
fn a_label_with_quotes_and_line_ends_is_escaped() {
    let served = Served::start(|board| {
        board.set_contracts(&plans(&["a\"b\\c\nd"]), vec![]);
        board.apply(&publication("a\"b\\c\nd"), LEDGER, now_ms());
    });
    assert!(served.get("/metrics").body.contains(r#"{product="sales/a\"b\\c\nd",domain="sales""#));
}

#[test]
fn the_metrics_page_is_written_from_the_table() {
    let expected = names::markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write("docs/metrics.md", &expected).unwrap();
    }
    let found = std::fs::read_to_string("docs/metrics.md").unwrap_or_default();
    assert!(found == expected, "docs/metrics.md is stale: UPDATE_DOCS=1 cargo test --test http metrics_page");
}
