//! What brokers do not take from workers any more.

use crate::broker::Broker;
use crate::broker::records::Record;
use crate::faults::brokers::{shared, three};
use crate::faults::face::{face, meanwhile};
use crate::mesh::Mesh;
use crate::worker::pause;
use mesh_steward::clock::now_ms;
use mesh_steward::engine::contract::name::ProductName;
use mesh_steward::flow::delta::{self, partition_of};

/// It asks for three replicas, and one broker is away.
pub fn governance() {
    let cluster = shared();
    let broker = &cluster.broker;
    let mesh = Mesh::new(broker, "refusing", 6, "");
    mesh.orders().duplicates = false; // the rows of a pair may be judged apart
    let [a, b, c] = three(&mesh);
    let seen = mesh.under_load(500, || {
        pause(3_000);
        face(&mesh, &[&a, &b, &c], || {
            broker.configure_topic(&mesh.events, &[("min.insync.replicas", "3")]);
            cluster.node(0).stop();
            pause(28_000);
            cluster.restart(0);
            broker.configure_topic(&mesh.events, &[]);
        })
    });
    seen.names(&["min.insync.replicas"]);
    seen.ready_names(&["min.insync.replicas"]);
    mesh.unbroken(&mesh.judged(&[&a, &b, &c]));
}

pub fn right() {
    let broker = Broker::guarded();
    let mesh = Mesh::new(&broker, "rights", 6, "");
    let [a, b, c] = three(&mesh);
    let seen = mesh.under_load(500, || {
        pause(3_000);
        face(&mesh, &[&a, &b, &c], || {
            broker.allow_alone(&mesh.events, &["Read", "Describe"]);
            pause(28_000);
            broker.allow_alone(&mesh.events, &["Write"]);
        })
    });
    seen.names(&["a topic may not be used"]);
    seen.ready_names(&["TopicAuthorizationFailed"]);
    mesh.unbroken(&mesh.judged(&[&a, &b, &c]));
}

/// They hold what is not told yet, which nothing brings back: an operator must hear of it, and what to do.
pub fn deleted() {
    let broker = &shared().broker;
    let mesh = Mesh::new(broker, "deleted", 6, "");
    let [a, b, c] = three(&mesh);
    let topic = format!("_{}.deltas", mesh.name);
    let seen = mesh.under_load(500, || {
        pause(3_000);
        meanwhile(&mesh, &[&a, &b, &c], || {
            broker.delete_topic(&topic);
            pause(25_000);
        })
    });
    seen.names(&[&format!("topic {topic} of the daemon's own is gone: stop all workers, and begin anew")]);
    assert!([&a, &b, &c].iter().all(|worker| worker.get("/live").0 == 200), "a restart would heal nothing");
}

/// A worker of a version to come has told in its own form what this one cannot read: what it would miss by going on is never right again.
pub fn newer() {
    let broker = &shared().broker;
    let mesh = Mesh::new(broker, "newer", 6, "");
    let [a, b, c] = three(&mesh);
    mesh.orders().duplicates = false; // the rows of a pair may be judged apart
    mesh.write(1_000, now_ms() - 1_000, now_ms());
    mesh.judged(&[&a, &b, &c]);
    let product = ProductName { domain: "shop".into(), name: mesh.name.into() };
    let partition = partition_of(&product, broker.partitions(&format!("_{}.deltas", mesh.name)));
    let value = Some(vec![delta::VERSION + 1, 0]);
    let seen = meanwhile(&mesh, &[&a, &b, &c], || {
        broker.writer(&format!("_{}.deltas", mesh.name)).write(&[Record {
            partition,
            timestamp_ms: now_ms(),
            value,
            ..Record::default()
        }]);
        pause(25_000);
    });
    seen.names(&["is newer than"]);
    assert!([&a, &b, &c].iter().all(|worker| worker.get("/live").0 == 200), "a restart would heal nothing");
}
