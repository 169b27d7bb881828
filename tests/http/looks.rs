//! Pages as people see them, in a real Chromium: wide and on a phone, light and dark, with and without JavaScript.

use crate::browser::{Browser, axe};
use crate::publish::decided;
use crate::served::*;
use mesh_steward::catalog::board::{Board, TaskState};
use mesh_steward::catalog::directory::{NO_CONTRACT, TopicFacts};
use mesh_steward::catalog::lineage::Lineage;
use mesh_steward::clock::now_ms;
use mesh_steward::engine::audit::Line;

const PAGES: [&str; 13] = [
    "/",
    "/products/sales/orders",
    "/products/sales/orders/lineage",
    "/products/sales/orders/edit",
    "/products/sales/orders/withdraw",
    "/lineage",
    "/incidents",
    "/policies",
    "/topics",
    "/domains/sales",
    "/audit",
    "/create",
    "/use-cases",
];

fn prepare(board: &Board) {
    board.set_contracts(&plans(&["orders", "returns"]), vec![]);
    board.set_cluster_id("5L6g3nShT-eMCtK--X86sw");
    go(board, TaskState::Running);
    board.apply(&publication("orders"), LEDGER, now_ms());
    let facts = |why: Option<&str>| TopicFacts { partitions: 3, ungoverned: why.map(str::to_owned) };
    board.set_topics([("shop.carts".into(), facts(Some(NO_CONTRACT))), ("shop.orders".into(), facts(None))].into());
}

fn open() -> Option<(Browser, Served)> {
    match Browser::start() {
        Ok(browser) => {
            let served = Served::start(prepare);
            served.lineage.set(Lineage {
                namespace: crate::lineage::KAFKA.into(),
                graph: crate::lineage::chain(),
                leads: true,
                at_ms: now_ms(),
            });
            let line = Line {
                at: "2026-11-29T08:00:00Z".into(),
                actor: "order desk".into(),
                action: "product.pause".into(),
                product: Some("sales/orders".into()),
                outcome: "done".into(),
                status: 202,
                method: "PUT".into(),
                path: "/products/sales/orders/pause".into(),
                ..Line::default()
            };
            served.trail.add([(0, line)]);
            Some((browser, served))
        }
        Err(why) => {
            println!("skipped: {why}");
            None
        }
    }
}

#[test]
fn every_page_is_sound_wide_and_narrow_light_and_dark() {
    let Some((mut browser, served)) = open() else { return };
    let axe = axe().inspect_err(|why| println!("skipped: axe-core is not asked: {why}")).ok();
    let home = format!("http://{}", served.address);
    let mut wrong = Vec::new();
    let mut places: Vec<String> = PAGES.map(str::to_owned).into();
    let incident = &served.json("/incidents").1[0]["id"];
    places.push(format!("/incidents/{}", incident.as_str().unwrap()));
    decided(&served, || {
        let case = r#"{"engine": "flink", "title": "Big orders", "inputs": ["shop.orders"], "output": "shop.big", "statement": "INSERT INTO a SELECT 1"}"#;
        for (method, path, body) in
            [("PUT", "/use-cases/shop/big", case), ("POST", "/drafts", r#"{"topic": "shop.carts", "records": 50}"#)]
        {
            let made = crate::publish::send(&served, method, path, "", body);
            assert_eq!(made.status, 201, "{:#}", made.body);
            places.push(made.header("location").unwrap().to_owned());
        }
    });
    for (width, dark) in [(1440, false), (390, true), (320, false)] {
        browser.look(width, dark);
        for path in &places {
            browser.visit(&format!("{home}{path}"));
            let mut note = |what: String| wrong.push(format!("{path} at {width}, dark {dark}: {what}"));
            let wide = browser.ask("document.documentElement.scrollWidth - innerWidth").as_i64().unwrap();
            if wide > 0 {
                note(format!("it scrolls sideways by {wide}"));
            }
            let ground = browser.ask("getComputedStyle(document.documentElement).backgroundColor");
            if (ground == "rgb(12, 14, 17)") != dark {
                note(format!("its ground is {ground}"));
            }
            let away: Vec<_> =
                browser.asked.iter().filter(|url| !url.starts_with(&home) && !url.starts_with("data:")).collect();
            if !away.is_empty() {
                note(format!("it asks {away:?}"));
            }
            if !browser.errors.is_empty() {
                note(format!("{:?}", browser.errors));
            }
            // What changes with the theme is colour.
            let rules = if dark { "['color-contrast']" } else { "null" };
            if width != 320
                && let Some(axe) = &axe
            {
                browser.axe(axe, rules).into_iter().for_each(&mut note);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    served.stop();
}

#[test]
fn the_mesh_is_searched_understood_and_changed_in_the_browser_alone() {
    let Some((mut browser, served)) = open() else { return };
    let home = format!("http://{}", served.address);
    browser.look(1440, false);
    decided(&served, || {
        // Found at once, while typing; a key opens it.
        browser.visit(&format!("{home}/"));
        browser.ask("q.value = 'ret'; q.dispatchEvent(new Event('input', {bubbles: true}))");
        browser.until("document.querySelectorAll('[data-t]:not([hidden])').length === 1");
        browser.ask("q.value = ''; q.dispatchEvent(new Event('input', {bubbles: true}))");
        browser.ask("[...document.querySelectorAll('.plist h3 a')].find(a => a.textContent === 'orders').click()");
        browser.until("document.title.startsWith('orders')");
        browser.until("document.body.innerText.includes('1 of 2 rules fails')");
        // Who uses it.
        browser.ask("[...document.querySelectorAll('.acts a')].find(a => a.textContent === 'Lineage').click()");
        browser.until("document.querySelectorAll('.graph .node').length > 3");
        assert_eq!(browser.ask("document.querySelector('h1').textContent"), "2 readers and 1 product depend on orders");
        // What lives in a file is changed there.
        browser.visit(&format!("{home}/products/sales/orders/withdraw"));
        browser.until("document.querySelector('h1').textContent.startsWith('Withdraw orders')");
        // The toggle is kept for the next page.
        browser.ask("document.querySelector('[data-theme-toggle]').click()");
        browser.visit(&format!("{home}/incidents"));
        assert_eq!(browser.ask("document.documentElement.dataset.theme"), "dark");
    });
    served.stop();
}

#[test]
fn of_more_products_than_a_page_shows_the_server_finds_the_others_while_one_types() {
    let Some((mut browser, served)) = open() else { return };
    let names: Vec<String> = (0..200).map(|number| format!("product_{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    served.board.set_contracts(&plans(&names), vec![]);
    browser.look(1440, false);
    browser.visit(&format!("http://{}/", served.address));
    browser.until("document.querySelectorAll('[data-t]').length === 60");
    browser.ask("q.value = 'product_199'; q.dispatchEvent(new Event('input', {bubbles: true}))");
    browser.until("document.querySelectorAll('[data-t]').length === 1 && location.search.includes('q=product_199')");
    assert_eq!(browser.ask("document.querySelector('#count').textContent"), "1 product");
    browser.ask("q.value = ''; q.dispatchEvent(new Event('input', {bubbles: true}))");
    browser.until("document.querySelectorAll('[data-t]').length === 60");
    browser.ask("document.querySelector('[name=verdict][value=pass]').click()");
    browser.until("document.querySelector('#none').hidden === false");
    assert!(browser.errors.is_empty(), "{:?}", browser.errors);
    served.stop();
}

#[test]
fn without_javascript_forms_do_all_that_is_to_be_done() {
    let Some((mut browser, served)) = open() else { return };
    let home = format!("http://{}", served.address);
    browser.look(390, false);
    browser.scripts(false);
    let contract = crate::publish::contract("1.0.0", "");
    decided(&served, || {
        let made = crate::publish::send(&served, "POST", "/products", "", &contract);
        assert_eq!(made.status, 201, "{:#}", made.body);
        browser.visit(&format!("{home}/?q=carts"));
        browser.until("document.querySelectorAll('[data-t]').length === 1");
        // Deprecated, with a reason that the audit keeps.
        browser.visit(&format!("{home}/products/shop/carts/edit"));
        browser.ask("document.querySelector('[name=lifecycle]').value = 'deprecated'; document.querySelector('[name=end_of_life]').value = '2100-01-31'; document.querySelector('[name=lifecycle]').form.submit()");
        browser.until("location.pathname === '/products/shop/carts' && document.body.innerText.includes('2100-01-31')");
        // A name that was not typed withdraws nothing.
        browser.visit(&format!("{home}/products/shop/carts/withdraw"));
        browser.ask(
            "document.querySelector('[name=name]').value = 'cart'; document.querySelector('form.confirm').submit()",
        );
        browser.until("document.querySelector('[role=alert]').textContent.includes('Type its name')");
        browser.ask(
            "document.querySelector('[name=name]').value = 'carts'; document.querySelector('form.confirm').submit()",
        );
        browser.until("location.pathname === '/audit'");
        assert_eq!(served.json("/products/shop/carts").0, 404);
    });
    served.stop();
}
