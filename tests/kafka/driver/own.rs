//! Our own topics, and what must be durable in them.

use crate::driver::place::{broker, create, settings, wait};
use mesh_steward::engine::contract::name::{ContractHash, ProductName};
use mesh_steward::kafka::admin::{Admin, SetupError, Topics};
use mesh_steward::kafka::catalog;
use rdkafka::admin::AdminOptions;
use std::time::Duration;

#[test]
fn our_topics_are_created_once_verified_and_their_partition_count_held() {
    let (address, name) = broker("topics");
    let settings = settings(&address, &name, "w1");
    let topics = Topics {
        governance: format!("{name}.events"),
        lineage: Some(format!("{name}.events.lineage")),
        governance_partitions: 2,
        prefix: name.clone(),
        internal_partitions: 3,
        replication_factor: -1,
        deltas_keep_ms: 180_000_000,
    };
    let admin = Admin::open(&settings).unwrap();
    let before = admin.probe(&["nowhere".into()], &topics).unwrap();
    assert_eq!((before.brokers, before.missing.len(), before.topics["nowhere"]), (1, 8, None));
    let made = admin.ensure_topics(&topics).unwrap();
    assert_eq!((made.created.len(), made.deltas.partitions, made.state.partitions), (8, 3, 3));
    let again = admin.ensure_topics(&topics).unwrap();
    assert_eq!((again.created.len(), again.deltas), (0, made.deltas));
    assert_eq!(again.cluster, before.cluster);
    let fact = catalog::deltas_fact(&settings, &topics.catalog()).unwrap().unwrap();
    assert_eq!((fact.partitions, fact.topic_id), (3, made.deltas.id.to_string()));

    // Somebody grows the deltas topic.
    crate::driver::place::admin(&address, async |client| {
        let deltas = topics.deltas();
        let more = rdkafka::admin::NewPartitions::new(&deltas, 5);
        client.create_partitions([&more], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    });
    wait(Duration::from_millis(500));
    let Err(SetupError::Mismatch(found)) = admin.ensure_topics(&topics) else { panic!("grown deltas pass") };
    println!("{}", found[0]);
    let grown = Topics { internal_partitions: 5, ..topics.clone() };
    let Err(SetupError::Mismatch(found)) = admin.ensure_topics(&grown) else { panic!("grown deltas pass") };
    println!("{}", found[0]);
    assert!(admin.all_topics().unwrap().contains_key(&topics.state()));
}

#[test]
fn contract_bodies_outlive_the_worker_that_wrote_them() {
    let (address, name) = broker("catalog");
    let settings = settings(&address, &name, "w1");
    create(&address, &name, 1);
    let body = |text: &str| catalog::ContractBody {
        product: ProductName { domain: "d".into(), name: "n".into() },
        source: text.into(),
    };
    let hash = |n| ContractHash([n; 16]);
    catalog::write_contracts(&settings, &name, &[(hash(1), body("one")), (hash(2), body("two"))]).unwrap();
    catalog::write_contracts(&settings, &name, &[(hash(2), body("two again"))]).unwrap();
    let read = catalog::read_catalog(&settings, &name).unwrap();
    assert_eq!(catalog::contracts(&read), [(hash(1), body("one")), (hash(2), body("two again"))]);
}
