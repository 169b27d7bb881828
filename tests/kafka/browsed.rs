//! The whole way of a product in a browser alone, through the worker's own address: a topic becomes a draft, is mended, tried, stopped by a
//! policy, published, changed and withdrawn, with its reader named. Once as a person does it, once without JavaScript.

use crate::broker::records::Record;
use crate::broker::shared;
use crate::broker::topics::consumer;
use crate::browser::Browser;
use crate::mesh::Mesh;
use crate::worker::pause;
use mesh_steward::clock::now_ms;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::json;
use std::time::{Duration, Instant};

const POLICIES: &str = "kind: Policies\npolicies:\n- {id: owned, about: product, mode: enforce, title: it has an owner, \
                        rule: \"product.owner != ''\"}\n";

#[test]
fn a_product_comes_changes_and_goes_in_the_browser_alone() {
    let mut browser = match Browser::start() {
        Ok(browser) => browser,
        Err(why) => return println!("skipped: {why}"),
    };
    let mesh = Mesh::new(shared(), "browsed", 1, "policies.paths: [policies]\nlineage.interval: 1s\n");
    std::fs::create_dir(mesh.folder().join("policies")).unwrap();
    std::fs::write(mesh.folder().join("policies/mesh.yaml"), POLICIES).unwrap();
    let worker = mesh.worker("a");
    for name in ["carts", "baskets"] {
        let topic = format!("browsed.{name}");
        mesh.broker.create_topic(&topic, 1, &[]);
        let record = |n: i64| Record {
            timestamp_ms: now_ms(),
            value: Some(
                json!({"id": n, "items": n % 7, "note": if n < 190 { "x" } else { "" }}).to_string().into_bytes(),
            ),
            ..Record::default()
        };
        mesh.broker.writer(&topic).write(&(0..200).map(record).collect::<Vec<_>>());
    }
    let worker = worker.ready();
    let home = format!("http://{}", worker.address());
    browser.look(1280, false);
    for (name, scripts) in [("carts", true), ("baskets", false)] {
        browser.scripts(scripts);
        way(&mut browser, &home, name, scripts);
    }
}

/// Every step by what stands on the page that the one before led to.
fn way(browser: &mut Browser, home: &str, name: &str, scripts: bool) {
    let (topic, group) = (format!("browsed.{name}"), format!("{name}-billing"));
    let shows = |text: &str| format!("document.body.innerText.includes({})", json!(text));
    let press =
        |name: &str, value: &str| format!("document.querySelector('button[name={name}][value={value}]').click()");
    let set =
        |selector: &str, text: &str| format!("document.querySelector({}).value = {}", json!(selector), json!(text));

    // From a topic that nobody governs to a draft of what its records look like.
    browser.visit(&format!("{home}/topics"));
    browser.until(&shows(&topic));
    browser.ask(&format!("[...document.links].find(a => a.href.endsWith('/create?topic={topic}')).click()"));
    browser.until(&format!(
        "location.pathname === '/create' && document.querySelector('[name=topic]').value === '{topic}'"
    ));
    browser.ask(&set("main [name=domain]", "shop"));
    browser.ask(&set("main [name=name]", name));
    browser.ask("document.querySelector('main form').requestSubmit()");
    browser.until("location.pathname.startsWith('/drafts/')");
    browser.until(&shows(&format!("Draft a contract for shop/{name}")));
    browser.until(&shows(&format!("Inferred from 200 records of {topic}")));

    // A slip of the pen is named with its line, and mended.
    let text = browser.ask("document.querySelector('textarea').value").as_str().unwrap().to_owned();
    let at = text.lines().position(|line| line.contains("logicalType")).unwrap() + 1;
    browser.ask(&set("textarea", &text.replacen("logicalType", "logicalTypo", 1)));
    // What is written is checked while one writes, where scripts run: the word itself, and the bounds that have no type any more.
    if scripts {
        browser.until("document.readyState === 'complete'");
        browser.ask("document.querySelector('textarea').dispatchEvent(new Event('input', {bubbles: true}))");
        browser.until("/2 findings, as it is written/.test(document.querySelector('#lint-n').textContent)");
        browser.until("document.querySelectorAll('.edit .msg').length === 2");
    }
    browser.ask(&press("do", "save"));
    browser.until(&shows(&format!("line {at}")));
    browser.until(&shows("to be mended before it can be published"));
    // A rule that what is there does not keep: a dry run says so before anybody is told.
    let strict = text.replacen(
        "    properties:",
        "    quality:\n      - {metric: rowCount, mustBeGreaterThan: 100000}\n    properties:",
        1,
    );
    assert_ne!(strict, text);
    browser.ask(&set("textarea", &strict));
    browser.ask(&press("do", "try"));
    browser.until(&shows(&format!("200 records of {topic}")));
    browser.until("/[1-9]\\d* of \\d+ rules? would fail/.test(document.body.innerText)");

    // The mesh asks for an owner.
    browser.ask(&set("textarea", &text));
    browser.ask(&press("do", "publish"));
    browser.until("document.querySelector('[role=alert]').textContent.includes('it has an owner')");
    let owned = format!("{text}team:\n  name: order desk\n");
    browser.ask(&set("textarea", &owned));
    browser.ask(&set("[name=reason]", "first version"));
    browser.ask(&press("do", "publish"));
    browser.until(&format!("location.pathname === '/products/shop/{name}'"));
    browser.until(&shows("order desk"));

    // Somebody reads it; a change says whom it breaks before it is made.
    let reader = consumer(&shared().bootstrap, &[("group.id", &group)]);
    let mut offset = 0;
    loop {
        offset += 1;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&topic, 0, Offset::Offset(offset)).unwrap();
        reader.commit(&list, CommitMode::Sync).unwrap();
        browser.visit(&format!("{home}/products/shop/{name}/edit"));
        if browser.ask(&shows(&group)) == true {
            break;
        }
        assert!(offset < 60, "the reader is not seen");
        pause(500);
    }
    browser.ask("[...document.querySelectorAll('button')].find(b => b.textContent.includes('in a draft')).click()");
    browser.until(&shows(&format!("Change shop/{name}")));
    let changed = owned.replacen("version: 0.1.0", "version: 0.2.0", 1).replacen("name: items", "name: things", 1);
    assert!(changed.contains("name: things") && changed.contains("0.2.0"), "{owned}");
    browser.ask(&set("textarea", &changed));
    browser.ask(&press("do", "save"));
    browser.until(&shows("It breaks readers."));
    browser.until(&format!("document.querySelector('.note.warn').textContent.includes('{group}')"));
    browser.until(
        "document.querySelectorAll('.diff .add').length > 1 && document.querySelectorAll('.diff .del').length > 1",
    );
    browser.ask(&press("do", "publish"));
    browser.until(&format!("location.pathname === '/products/shop/{name}'"));
    browser.until(&shows("0.2.0"));

    // It goes, where its name was typed; who loses it is said first.
    browser.visit(&format!("{home}/products/shop/{name}/withdraw"));
    browser.until(&shows(&group));
    browser.ask(&set("form.confirm [name=name]", "something else"));
    browser.ask("document.querySelector('form.confirm .btn.danger').click()");
    browser.until("document.querySelector('[role=alert]').textContent.includes('Type its name')");
    browser.ask(&set("form.confirm [name=name]", name));
    browser.ask(&set("form.confirm [name=reason]", "nobody pays for it"));
    browser.ask("document.querySelector('form.confirm .btn.danger').click()");
    browser.until("location.pathname === '/audit'");
    // It stands there within a second; without script the page does not ask again by itself.
    let audit = browser.ask("location.href").as_str().unwrap().to_owned();
    let began = Instant::now();
    while browser.ask(&shows("withdraws")) != true && began.elapsed() < Duration::from_secs(20) {
        pause(300);
        browser.visit(&audit);
    }
    browser.until(&format!("{} && {}", shows("withdraws"), shows("publishes")));
    let withdrawn = "[...document.querySelectorAll('.audit details')].find(d => d.textContent.includes('withdraws'))";
    browser.ask(&format!("{withdrawn}.open = true"));
    browser.until(&shows("nobody pays for it"));
    browser.until(&shows(&format!("curl -X DELETE {home}/products/shop/{name}")));
    assert!(browser.errors.is_empty(), "{:?}", browser.errors);
    browser.visit(&format!("{home}/products/shop/{name}"));
    browser.until(&shows("is unknown"));
}
