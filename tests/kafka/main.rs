//! With a real Apache Kafka: the driver, which must do what actions say and only that, and the whole daemon.

mod apicurio; // one real schema registry
mod broker; // one real broker, started here
mod connect; // one real Kafka Connect
mod harness; // the broker itself: what the other tests take for granted

mod driver {
    mod place; // a place on the broker for one case
    mod puppet; // a task whose strings a test pulls

    mod own; // our topics and the catalog
    mod read; // start, hold, seek, logs
    mod asked; // questions that a stalled broker does not answer
    mod lanes; // a flood beside a trickle; ends that batches take
    mod orphans; // what a member leaves that dies in a rebalance
    mod rebalance; // two workers
    mod transact; // commit, fence, abort
}

mod faults {
    mod matrix; // every row, by its name
    mod face; // a fault, and what is seen of it meanwhile

    mod brokers; // of three, killed, stopped, full
    mod members; // that come and go, sleep, live at another time
    mod network; // what is lost, late or cut between workers and brokers
    mod refusals; // what brokers do not take
    mod registries; // that fail, each in another way
    mod certificates; // that expire
    mod upgrade; // two versions side by side
    mod soak; // for long
}

#[path = "../notify/mod.rs"]
mod notify; // a service manager's ear
#[path = "../openlineage/mod.rs"]
mod openlineage; // the standard's schemas
#[path = "../http/browser.rs"]
#[allow(dead_code, reason = "what a screen reader would miss is asked beside it")]
mod browser; // a headless Chromium
#[path = "../dashboards/boards.rs"]
mod boards; // dashboards and rules
mod oracle; // orders with planted faults, and what must be found
mod verdicts; // what was found
mod worker; // a daemon of one's own
mod mesh; // a scenario's topic, oracle and workers
mod watch; // Prometheus and Alertmanager
mod trial; // a dry run of its contract, beside it

mod beside; // rules about headers and keys
mod horizon; // keys that repeat across windows
mod refers; // keys of another product
mod million; // a million orders, exactly
mod quarantine; // bad records, copied once
mod canary; // secrets and people's data, which go nowhere
mod policies; // what becomes of bad records; samples; quarantines that may not be written
mod kills; // kill -9
mod repeats; // kill -9 without transactions
mod stops; // SIGTERM, SIGSTOP, one id twice
mod reloads; // what is read again
mod logs; // topics that grow, are cut, start again, hold what was aborted
mod chain;
mod changes; // contracts, brokers
mod publishing; // products of the API, and two workers that agree
mod operators; // pause, resume, any worker asked, topics that appear
mod secured; // TLS, logins, least rights, and each way to be refused
mod check; // `steward check --connect`
mod formats; // every format and compression; drafts of topics
mod rule_sets; // of a registry, beside the contract
mod registry; // Avro by a schema registry, and its outages
mod protobuf; // Protobuf by a schema registry
mod levels; // service levels, a product that falls idle, drift
mod installed; // as the package lays it out, by the unit's command lines
mod paged; // so installed, from a bad record to the owner's pager
mod lineage; // who feeds whom, told and read back
mod catalogs; // lineage events sent on over HTTP
mod collected; // what lineage's collectors see
mod connectors; // lineage by Kafka Connect
mod derived; // products of SQL, by a real Flink
mod browsed; // a product's whole way in a browser alone
mod readers; // lineage by groups and transactions
mod flowing; // lineage by a real Flink
