//! Measures by hand on a real broker: `bench/end-to-end`, `bench/latency`, `bench/scale`, `bench/dry-run`.

mod arguments; // --name value
mod end_to_end; // beside a bare consumer and a peer in Java
mod latency; // from a record to its incident
mod scale; // by products, rules and columns
mod dry_run; // a topic that no memory holds
mod bare; // the floor
mod child; // what a process takes
mod load; // records into topics
mod orders; // what is measured on
mod peer; // the same job by hand in Java
mod steward; // the daemon, and what it said
#[allow(dead_code, reason = "the tests' broker can do more than is asked of it here")]
#[path = "../../tests/kafka/broker/mod.rs"]
mod broker;

use crate::arguments::Arguments;

fn main() {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    // Cargo adds it to what a bench is called with.
    words.retain(|word| word != "--bench");
    let kind = if words.is_empty() { String::new() } else { words.remove(0) };
    match (kind.as_str(), &words[..]) {
        ("bare", [bootstrap, topic, records]) => {
            end_to_end::of_itself_bare(bootstrap, topic, records.parse().expect("a number of records"));
        }
        ("end-to-end", _) => end_to_end::run(&mut Arguments::new(words)),
        ("latency", _) => latency::run(&mut Arguments::new(words)),
        ("scale", _) => scale::run(&mut Arguments::new(words)),
        ("dry-run", _) => dry_run::run(&mut Arguments::new(words)),
        // `cargo bench` and `cargo test --benches` run every bench there is; these take minutes.
        _ => println!("run by hand: bench/end-to-end, bench/latency, bench/scale, bench/dry-run"),
    }
}
