//! Queries and the numbers that they give, over records that are read in two parts.

use crate::engine::check::record::Examiner;
use crate::engine::check::tally::Tally;
use crate::engine::check::verdict::{Facts, RuleResult, Status, doomed, judge};
use crate::engine::contract::compile::compile;
use crate::engine::contract::odcs;
use crate::engine::contract::plan::Plan;
use crate::engine::contract::problem::Level;
use crate::engine::record::{Position, RawRecord, TopicId};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A contract of orders with this query, on the object or (with `{property}`) on `amount`.
fn plan(query: &str, operator: &str) -> (Plan, Vec<(Level, String)>) {
    let rule = format!("[{{id: q, type: sql, query: {}, {operator}}}]", json!(query));
    let (object, property) = if query.contains("{property}") { ("[]".into(), rule) } else { (rule, "[]".to_string()) };
    let text = format!(
        "kind: DataContract\napiVersion: v3.1.0\nid: c\nversion: 1.0.0\nstatus: active\nschema:\n- name: orders\n  physicalType: topic\n  physicalName: shop.orders\n  properties:\n  - {{name: id}}\n  - {{name: amount, quality: {property}}}\n  - {{name: qty, physicalName: quantity}}\n  - {{name: status}}\n  - {{name: at}}\n  - {{name: secret, classification: restricted}}\n  - {{name: customer, properties: [{{name: zip}}]}}\n  - {{name: tags, items: {{}}}}\n  quality: {object}\n"
    );
    let parsed = odcs::parse(&text);
    let problems = parsed.problems.into_iter().map(|p| (p.level, p.message)).collect();
    (compile(&parsed.contract.expect("a contract")), problems)
}

fn tally(plan: &Plan, records: &[Value]) -> Tally {
    let (mut examiner, mut tally) = (Examiner::new(&[7; 16]), Tally::default());
    for record in records {
        let value = record.to_string();
        let record = RawRecord {
            offset: 0,
            timestamp_ms: 1,
            key: None,
            value: Some(value.as_bytes()),
            schema_header: None,
            headers: None,
        };
        examiner.examine(plan, &[0], &record);
        examiner.count(plan, &record, Position { topic: TopicId(0), partition: 0 }, false, &mut tally);
    }
    tally
}

fn result(plan: &Plan, tally: &Tally, facts: &Facts) -> RuleResult {
    let results = judge(plan, tally, facts).results;
    results.into_iter().find(|result| result.id == "q").expect("the rule")
}

const WHOLE: Facts = Facts { complete: true, late: false, too_late: 0, across: std::collections::BTreeMap::new() };

fn orders() -> Vec<Value> {
    vec![
        json!({"id": "a", "amount": 10, "quantity": 1, "status": "PAID", "at": "2026-01-01T00:00:00Z", "customer": {"zip": "1"}}),
        json!({"id": "b", "amount": 2.5, "quantity": 2, "status": "paid", "at": "2026-02-01T00:00:00Z", "customer": {"zip": "2"}}),
        json!({"id": "b", "amount": null, "quantity": 3, "status": "OPEN", "at": "2026-03-01T00:00:00Z"}),
        json!({"id": "c", "amount": -4, "quantity": 4, "status": null, "customer": {"zip": null}}),
        json!({"id": null, "amount": "7", "quantity": 5, "status": "50% off", "customer": null}),
    ]
}

/// The number, or the reason why there is none.
fn check(cases: &[(&str, &str)]) {
    for (query, expected) in cases {
        let (plan, problems) = plan(query, "mustBe: 0");
        let orders = orders();
        let mut whole = tally(&plan, &orders[3..]);
        let bytes = postcard::to_stdvec(&tally(&plan, &orders[..3])).expect("plain data");
        whole.merge(postcard::from_bytes(&bytes).expect("its own bytes"));
        let result = result(&plan, &whole, &WHOLE);
        let found = match result.value {
            Some(number) => number.to_string(),
            None => result.reason.unwrap_or_default(),
        };
        assert!(
            found.contains(expected) && (found.len() == expected.len() || result.value.is_none()),
            "{query}: {found}, and not {expected}"
        );
        let told = if result.value.is_none() && !expected.contains("null") && !expected.contains("classified") {
            1
        } else {
            0
        };
        assert_eq!(problems.len(), told, "{query}: {problems:?}");
    }
}

#[test]
fn counts_are_of_rows_values_and_keys() {
    check(&[
        ("SELECT COUNT(*) FROM orders", "5"),
        ("select count(1) from shop.orders", "5"),
        ("SELECT COUNT(amount) FROM {object}", "4"),
        ("SELECT COUNT(*) FROM ${object} WHERE amount IS NULL", "1"),
        ("SELECT COUNT({property}) FROM {object}", "4"),
        ("SELECT COUNT(*) FROM {table} WHERE {property} < 0", "1"),
        ("SELECT COUNT(DISTINCT id) FROM \"orders\"", "3"),
        ("SELECT COUNT(DISTINCT LOWER(status)) FROM orders", "3"),
        ("SELECT COUNT(DISTINCT (id, status)) FROM orders", "3"),
        ("SELECT COUNT(*) - COUNT(DISTINCT id) FROM orders WHERE id IS NOT NULL", "1"),
        ("SELECT COUNT(*) FROM orders AS o WHERE o.qty > 2 AND orders.quantity < 5", "2"),
        ("SELECT COUNT(*) FROM orders o WHERE o.customer.zip = '1'", "1"),
        ("SELECT COUNT(*) FILTER (WHERE qty > 2) FROM orders", "3"),
        ("SELECT COUNT_IF(qty > 2) FROM orders WHERE qty < 5", "2"),
        ("SELECT COUNT(*) AS bad FROM orders WHERE 1 = 0;", "0"),
    ]);
}

#[test]
fn sums_averages_and_extremes_are_of_numbers_that_are_there() {
    check(&[
        ("SELECT SUM(amount) FROM orders", "8.5"),
        ("SELECT SUM(qty) FROM orders", "15"),
        ("SELECT AVG(qty) FROM orders", "3"),
        ("SELECT MIN(amount) FROM orders", "-4"),
        ("SELECT MAX(amount) + MAX(qty) FROM orders", "15"),
        ("SELECT SUM(CAST(amount AS DOUBLE)) FROM orders", "15.5"),
        ("SELECT SUM(qty * 2 + 1) FROM orders", "35"),
        ("SELECT SUM(amount) FROM orders WHERE id = 'zz'", "the query gives null"),
        ("SELECT COALESCE(SUM(amount), 0) FROM orders WHERE id = 'zz'", "0"),
        ("SELECT SUM(CASE WHEN status = 'PAID' THEN 1 ELSE 0 END) FROM orders", "1"),
        ("SELECT SUM(CASE status WHEN 'PAID' THEN 10 WHEN 'OPEN' THEN 5 END) FROM orders", "15"),
        ("SELECT 100.0 * SUM(CASE WHEN amount IS NULL THEN 1 ELSE 0 END) / COUNT(*) FROM orders", "20"),
        ("SELECT COUNT(amount) / COUNT(*) FROM orders", "0.8"),
        ("SELECT ROUND(AVG(amount), 2) FROM orders", "2.83"),
        ("SELECT COUNT(*) / NULLIF(COUNT(tags_count), 0) FROM orders", "has no property tags_count"),
        ("SELECT SUM(qty) / (COUNT(*) - 5) FROM orders", "the query gives null"),
        ("SELECT MIN(id) FROM orders", "the query gives null"),
        ("SELECT CASE WHEN COUNT(*) > 3 THEN 1 ELSE 0 END FROM orders", "1"),
        ("SELECT COUNT(*) > 3 FROM orders", "1"),
    ]);
}

#[test]
fn null_is_neither_true_nor_false() {
    check(&[
        ("SELECT COUNT(*) FROM orders WHERE status = 'PAID'", "1"),
        ("SELECT COUNT(*) FROM orders WHERE status <> 'PAID'", "3"),
        ("SELECT COUNT(*) FROM orders WHERE NOT (status = 'PAID')", "3"),
        ("SELECT COUNT(*) FROM orders WHERE status = 'PAID' OR status IS NULL", "2"),
        ("SELECT COUNT(*) FROM orders WHERE status IS DISTINCT FROM 'PAID'", "4"),
        ("SELECT COUNT(*) FROM orders WHERE status IN ('PAID', 'OPEN')", "2"),
        ("SELECT COUNT(*) FROM orders WHERE status NOT IN ('PAID', 'OPEN')", "2"),
        ("SELECT COUNT(*) FROM orders WHERE status NOT IN ('PAID', NULL)", "0"),
        ("SELECT COUNT(*) FROM orders WHERE (status = 'PAID') IS NOT TRUE", "4"),
        ("SELECT COUNT(*) FROM orders WHERE customer.zip IS NULL", "3"),
        ("SELECT COUNT(*) FROM orders WHERE amount > 0 OR TRUE", "5"),
        ("SELECT COUNT(*) FROM orders WHERE amount > 0 AND FALSE", "0"),
        ("SELECT COUNT(*) FROM orders WHERE COALESCE(amount, 0) = 0", "1"),
        ("SELECT COUNT(*) FROM orders WHERE qty / 0 = 1 OR qty % 0 IS NULL", "5"),
    ]);
}

#[test]
fn texts_numbers_and_moments_are_compared_and_changed() {
    check(&[
        ("SELECT COUNT(*) FROM orders WHERE status LIKE 'P%'", "1"),
        ("SELECT COUNT(*) FROM orders WHERE status ILIKE 'p_id'", "2"),
        ("SELECT COUNT(*) FROM orders WHERE status NOT LIKE '%AI%'", "3"),
        ("SELECT COUNT(*) FROM orders WHERE status LIKE '50!% %' ESCAPE '!'", "1"),
        ("SELECT COUNT(*) FROM orders WHERE status ~ '^[A-Z]+$'", "2"),
        ("SELECT COUNT(*) FROM orders WHERE NOT REGEXP_LIKE(status, '^[A-Z]+$')", "2"),
        ("SELECT COUNT(*) FROM orders WHERE UPPER(status) = 'PAID'", "2"),
        ("SELECT COUNT(*) FROM orders WHERE LENGTH(status) = 4 AND CHAR_LENGTH(TRIM(status)) = 4", "3"),
        ("SELECT COUNT(*) FROM orders WHERE SUBSTRING(status, 1, 1) = 'P'", "1"),
        ("SELECT COUNT(*) FROM orders WHERE status || '!' = 'PAID!'", "1"),
        ("SELECT COUNT(*) FROM orders WHERE qty BETWEEN 2 AND 4", "3"),
        ("SELECT COUNT(*) FROM orders WHERE qty NOT BETWEEN 2 AND 4", "2"),
        ("SELECT COUNT(*) FROM orders WHERE ABS(amount) >= 4", "2"),
        ("SELECT COUNT(*) FROM orders WHERE CAST(qty AS VARCHAR) = '3' OR qty::text = '4'", "2"),
        ("SELECT COUNT(*) FROM orders WHERE amount = '7' OR amount = 10.0", "2"),
        ("SELECT COUNT(*) FROM orders WHERE at >= '2026-02-01'", "2"),
        ("SELECT COUNT(*) FROM orders WHERE -qty < -4", "1"),
    ]);
}

#[test]
fn what_cannot_be_taken_apart_is_refused_by_its_name() {
    check(&[
        ("SELECT COUNT(*) FROM orders JOIN customers ON true", "JOIN cannot be measured"),
        ("SELECT COUNT(*) FROM orders, customers", "a join"),
        ("SELECT COUNT(*) FROM customers", "the table customers, which is not the object orders,"),
        ("SELECT status, COUNT(*) FROM orders GROUP BY status", "GROUP BY"),
        ("SELECT COUNT(*) FROM orders GROUP BY status HAVING COUNT(*) > 1", "GROUP BY"),
        ("SELECT COUNT(*) FROM (SELECT * FROM orders) x", "a subquery"),
        ("SELECT COUNT(*) FROM orders WHERE id IN (SELECT id FROM orders)", "IN of a subquery"),
        ("SELECT COUNT(*) FROM orders WHERE EXISTS (SELECT 1)", "a subquery"),
        ("SELECT MAX(COUNT(*)) FROM orders", "COUNT within another aggregate"),
        ("SELECT ROW_NUMBER() OVER (ORDER BY id) FROM orders", "the window function ROW_NUMBER"),
        ("SELECT COUNT(*) FROM orders UNION SELECT 1", "UNION"),
        ("WITH x AS (SELECT 1) SELECT COUNT(*) FROM orders", "WITH"),
        ("SELECT * FROM orders WHERE amount < 0", "SELECT * gives rows"),
        ("SELECT amount FROM orders", "the column amount outside of an aggregate"),
        ("SELECT 1 FROM orders", "a SELECT without an aggregate"),
        ("SELECT COUNT(*), 1 FROM orders", "a SELECT of 2 values"),
        ("SELECT DISTINCT COUNT(*) FROM orders", "SELECT DISTINCT"),
        ("SELECT MEDIAN(amount) FROM orders", "the aggregate MEDIAN"),
        ("SELECT SUM(DISTINCT amount) FROM orders", "SUM(DISTINCT"),
        ("SELECT COUNT(*) FROM orders WHERE at < NOW()", "the function NOW"),
        ("SELECT COUNT(*) FROM orders WHERE at < CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP"),
        ("SELECT COUNT(tags[1]) FROM orders", "cannot be measured"),
        ("SELECT COUNT(*) FROM orders WHERE nothing = 1", "the object has no property nothing"),
        ("SELECT COUNT(* FROM orders", "the query is no SQL"),
        ("DELETE FROM orders", "the query is no SELECT"),
        ("SELECT COUNT(*) FROM orders; SELECT 1", "the query is not one statement"),
        ("SELECT ABS() FROM orders", "ABS does not take so many arguments"),
        ("SELECT SUM(secret) FROM orders", "the query tells values of secret, which is classified"),
        ("SELECT COUNT(secret) FROM orders WHERE secret > 1", "0"),
    ]);
    let long = format!("SELECT COUNT(*) FROM orders WHERE {}1 = 1", "(".repeat(2000));
    check(&[(&long, "the query is no SQL")]);
    let wide = format!("SELECT COUNT(*) FROM orders WHERE 1 = 1{}", " AND 1 = 1".repeat(700));
    check(&[(&wide, "5")]);
    let deep = format!("SELECT SUM(1{}) FROM orders", "+1".repeat(200));
    check(&[(&deep, "an expression nested deeper than 100")]);
}

#[test]
fn a_query_is_judged_by_its_operator_and_a_window_that_is_not_whole_by_what_is_beyond_doubt() {
    let part = Facts::default();
    let cases = [
        ("SELECT COUNT(*) FROM orders WHERE amount < 0", "mustBe: 0", Status::Fail, Status::Fail, true),
        ("SELECT COUNT(*) FROM orders WHERE amount < -9", "mustBe: 0", Status::Pass, Status::Unknown, false),
        ("SELECT COUNT(*) FROM orders", "mustBeGreaterThan: 3", Status::Pass, Status::Pass, false),
        ("SELECT COUNT(*) FROM orders", "mustBeBetween: [1, 9]", Status::Pass, Status::Unknown, false),
        ("SELECT SUM(qty) FROM orders", "mustBeLessThan: 10", Status::Fail, Status::Unknown, false),
        ("SELECT AVG(qty) FROM orders", "mustBe: 3, severity: warning", Status::Pass, Status::Unknown, false),
        ("SELECT AVG(qty) FROM orders", "mustBe: 4, severity: warning", Status::Warn, Status::Unknown, false),
    ];
    for (query, operator, whole, incomplete, never) in cases {
        let (plan, problems) = plan(query, operator);
        assert_eq!(problems, vec![], "{query}");
        let tally = tally(&plan, &orders());
        assert_eq!(result(&plan, &tally, &WHOLE).status, whole, "{query} {operator}");
        assert_eq!(result(&plan, &tally, &part).status, incomplete, "{query} {operator}");
        assert_eq!(!doomed(&plan, &tally).is_empty(), never, "{query} {operator}");
    }
    let (plan, _) = plan("SELECT COUNT(*) FROM orders", "mustBe: 0");
    let empty = result(&plan, &Tally::default(), &WHOLE);
    assert_eq!((empty.status, empty.value), (Status::Pass, Some(0.0)));
}

/// Three tasks read a thousand orders, of which every 97th breaks a rule of each kind.
#[test]
fn what_is_planted_is_found_by_expressions_and_by_queries() {
    let text = "kind: DataContract\napiVersion: v3.1.0\nid: c\nversion: 1.0.0\nstatus: active\nschema:\n- name: orders\n  physicalType: topic\n  properties:\n  - name: total\n    quality: [{id: positive, type: custom, engine: cel, implementation: value > 0}]\n  quality:\n  - {id: sums, type: custom, engine: cel, implementation: 'total == message.lines.map(l, l.n).filter(n, n > 0).size() * 10', mustBe: 0}\n  - {id: negative, type: sql, query: 'SELECT COUNT(*) FROM {object} WHERE total < 0', mustBe: 0}\n  - {id: share, type: sql, query: 'SELECT 1.0 * SUM(CASE WHEN total < 0 THEN 1 ELSE 0 END) / COUNT(*) FROM {object}', mustBeLessThan: 0.02}\n  - {id: whole, type: sql, query: 'SELECT SUM(total) FROM {object}', mustBeGreaterThan: 0}\n";
    let parsed = odcs::parse(text);
    assert_eq!(parsed.problems, vec![]);
    let plan = compile(&parsed.contract.expect("a contract"));
    let planted = |i: i64| i % 97 == 5;
    let mut merged = Tally::default();
    for task in 0..3 {
        let (mut examiner, mut tally) = (Examiner::new(&[7; 16]), Tally::default());
        for i in (0..1000).filter(|i| i % 3 == task) {
            let total = if planted(i) { -20 } else { 20 };
            let value = json!({"total": total, "lines": [{"n": 1}, {"n": 0}, {"n": 2}]}).to_string();
            let value = Some(value.as_bytes());
            let record = RawRecord { offset: i, timestamp_ms: 1, key: None, value, schema_header: None, headers: None };
            examiner.examine(&plan, &[0], &record);
            examiner.count(&plan, &record, Position { topic: TopicId(0), partition: 0 }, false, &mut tally);
        }
        merged.merge(tally);
    }
    let count = (0..1000).filter(|i| planted(*i)).count() as f64;
    let results = judge(&plan, &merged, &WHOLE).results;
    let of = |id: &str| results.iter().find(|result| result.id == id).expect("the rule");
    for id in ["positive", "sums", "negative"] {
        assert_eq!((of(id).status, of(id).value), (Status::Fail, Some(count)), "{id}");
    }
    assert_eq!((of("share").status, of("share").value), (Status::Pass, Some(count / 1000.0)));
    assert_eq!(of("whole").value, Some(20.0 * (1000.0 - 2.0 * count)));
    let offsets: Vec<i64> = of("positive").samples.iter().map(|sample| sample.offset).collect();
    assert_eq!(offsets, [5, 102, 199, 296, 393]);
}

proptest! {
    #[test]
    fn what_a_query_counts_is_the_same_however_records_are_parted(
        amounts in proptest::collection::vec(prop_oneof![
            any::<i32>().prop_map(|i| json!(i)), (-1e9f64..1e9).prop_map(|d| json!(d)), Just(json!(null)), Just(json!("x")),
        ], 0..40),
        parts in 1usize..5,
        max_bytes in 50usize..2000,
    ) {
        let query = "SELECT SUM(amount) + AVG(amount) + MIN(amount) + MAX(amount) + COUNT(amount) + COUNT(DISTINCT amount) FROM orders";
        let (plan, _) = plan(query, "mustBe: 0");
        let records: Vec<Value> = amounts.iter().map(|amount| json!({"amount": amount})).collect();
        let whole = tally(&plan, &records);
        let mut merged = Tally::default();
        let mut dealt = vec![Vec::new(); parts];
        records.iter().enumerate().for_each(|(i, record)| dealt[i % parts].push(record.clone()));
        for part in dealt.into_iter().rev() {
            for piece in tally(&plan, &part).split(max_bytes) {
                let bytes = postcard::to_stdvec(&piece).expect("plain data");
                merged.merge(postcard::from_bytes(&bytes).expect("its own bytes"));
            }
        }
        prop_assert_eq!(&merged.rules, &whole.rules);
        prop_assert_eq!(result(&plan, &merged, &WHOLE).value, result(&plan, &whole, &WHOLE).value);
    }

    #[test]
    fn any_text_is_a_query_or_has_a_reason(text in "(SELECT|COUNT|\\(|\\)|\\*| |FROM|orders|WHERE|amount|=|1|'a'|AND|,|IN|LIKE|CASE|WHEN|THEN|END|NOT|-){0,24}") {
        plan(&format!("SELECT {text}"), "mustBe: 0");
    }
}
