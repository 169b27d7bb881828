//! A thousand products: what people and programs ask most often stays quick, and costs no more a product than it did with a hundred.

use crate::served::{LEDGER, START_MS, Served, go, plans, product, publication};
use mesh_steward::catalog::board::{Board, TaskState};
use mesh_steward::catalog::document::{Document, Field};
use mesh_steward::catalog::policies::{Judgement, Standing};
use mesh_steward::catalog::portrait::Portrait;
use mesh_steward::clock::now_ms;
use mesh_steward::engine::contract::mode::Mode;
use mesh_steward::engine::contract::name::ContractHash;
use mesh_steward::engine::policy::verdict::Verdict;
use mesh_steward::flow::io::Part;
use mesh_steward::flow::opening::Stands;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PAGE: &str = "text/html";
const JSON: &str = "application/json";
/// The best of so many: others run on the machine, too.
const TRIES: usize = 5;

/// Each judged for a day of windows, with three partitions, twenty fields and what five policies say of it.
fn prepare(board: &Board, number: usize) {
    let names: Vec<String> = (0..number).map(|n| format!("product_{n:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    board.set_contracts(&plans(&names), vec![]);
    board.set_cluster_id("5L6g3nShT-eMCtK--X86sw");
    go(board, TaskState::Running);
    let parts = names.iter().flat_map(|name| (0..3).map(move |n| Part::new(&format!("shop.{name}").into(), n)));
    board.assigned(LEDGER, parts.map(|part| (part, Stands::Live)).collect());
    let (mut documents, mut portraits, mut judgements) = (Vec::new(), Vec::new(), Vec::new());
    for name in &names {
        let topic = format!("shop.{name}");
        let field = |n| Field { topic: topic.clone(), path: format!("{name}_field_{n}") };
        documents.push(Document {
            id: format!("{name}-contract"),
            version: "1.2.0".into(),
            hash: ContractHash([7; 16]),
            product: product(name),
            owner: "order desk".into(),
            path: format!("contracts/{name}.yaml"),
            text: "id: x\n".into(),
            topics: vec![topic.clone()],
            fields: (0..20).map(field).collect(),
            described: Default::default(),
            rules: 2,
            lifecycle: None,
        });
        let text = Some(format!("What {name} is for, in a sentence that is as long as such sentences are"));
        portraits.push((product(name), Portrait { text, tier: Some("2".into()), ..Portrait::default() }));
        judgements.extend((0..5).map(|n| Judgement {
            policy: format!("policy-{n}"),
            mode: Mode::Warn,
            product: product(name),
            contract: None,
            verdict: Verdict::Pass,
        }));
        let mut of = publication(name);
        let state = &mut of.products[0].state;
        state.product = product(name);
        of.products[0].product = product(name);
        let recent = &mut of.products[0].state.recent;
        let last = recent[1].clone();
        recent.extend((1..24).map(|n| {
            let mut window = last.clone();
            window.window.start = START_MS + n * 60_000;
            window
        }));
        board.apply(&of, LEDGER, now_ms());
    }
    board.set_documents(documents, portraits.into_iter().collect());
    board.edit(|directory| directory.policies = Arc::new(Standing { policies: Vec::new(), judgements }));
}

fn took(served: &Served, path: &str, accept: &str) -> Duration {
    let ask = || {
        let began = Instant::now();
        let answer = served.ask_for(path, accept);
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer:.300}");
        began.elapsed()
    };
    (0..TRIES).map(|_| ask()).min().unwrap_or_default()
}

#[test]
fn ten_times_the_products_take_ten_times_the_time_and_not_a_hundred_times() {
    let (few, many) = (Served::start(|board| prepare(board, 100)), Served::start(|board| prepare(board, 1_000)));
    let mut slow = Vec::new();
    for (path, accept) in [
        ("/", PAGE),
        ("/?q=product_00&sort=volume", PAGE),
        ("/products/sales/product_0042", PAGE),
        ("/incidents", PAGE),
        ("/domains/sales", PAGE),
        ("/topics", PAGE),
        ("/products", JSON),
        ("/products?verdict=fail&tier=2", JSON),
        ("/products?expand=status&expand=info", JSON),
        ("/search?q=field_7", JSON),
    ] {
        let (of_few, of_many) = (took(&few, path, accept), took(&many, path, accept));
        println!("{path}: {of_few:?} with 100 products, {of_many:?} with 1,000");
        // Ten times, and what a machine that does other things adds.
        if of_many > of_few * 25 + Duration::from_millis(20) {
            slow.push(format!("{path}: {of_few:?} with 100 products, {of_many:?} with 1,000"));
        }
    }
    assert!(slow.is_empty(), "{}", slow.join("\n"));
    few.stop();
    many.stop();
}
