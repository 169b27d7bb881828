//! Three brokers, each a controller too: every topic stands on all three, and a write waits for two. Between them and whoever comes by
//! `network` is a network of the tests' own.

use crate::broker::held::pause;
use crate::broker::network::Network;
use crate::broker::node::Node;
use crate::broker::topics::answers;
use crate::broker::{Broker, free_ports};
use std::time::{Duration, Instant};

pub struct Cluster {
    /// Asked directly, by whichever of the three lives.
    pub broker: Broker,
    pub network: Network,
    ports: [u16; NODES],
}

pub const NODES: usize = 3;

impl Cluster {
    pub fn start() -> Cluster {
        // All at once, so that they differ.
        let [a, b, c, d, e, f, g, h, i] = free_ports();
        let (ports, controllers, inner) = ([a, b, c], [d, e, f], [g, h, i]);
        let network = Network::before(&inner);
        let voters: Vec<String> =
            controllers.iter().zip(1..).map(|(port, node)| format!("{node}@127.0.0.1:{port}")).collect();
        let voters = voters.join(",");
        let format = |n: usize| {
            let properties = format!(
                "node.id={id}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},NETWORK://127.0.0.1:{inner}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},NETWORK://{outer}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,NETWORK:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
",
                id = n + 1,
                port = ports[n],
                controller = controllers[n],
                inner = inner[n],
                outer = network.addresses[n],
            );
            Node::format(ports[n], controllers[n], &properties, &[])
        };
        // Each starts a Java for it.
        let nodes = std::thread::scope(|scope| {
            let all: Vec<_> = (0..NODES).map(|n| scope.spawn(move || format(n))).collect();
            all.into_iter().map(|node| node.join().expect("a formatted node")).collect()
        });
        let bootstrap: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let cluster = Cluster { broker: Broker::of(bootstrap.join(","), nodes), network, ports };
        (0..NODES).for_each(|n| cluster.answers(n));
        cluster
    }

    pub fn node(&self, n: usize) -> &Node {
        &self.broker.nodes[n]
    }

    /// Starts a node that is down, and waits until it answers and holds what the others hold.
    pub fn restart(&self, n: usize) {
        self.node(n).start();
        self.answers(n);
        let started = Instant::now();
        while self.broker.behind() > 0 {
            assert!(started.elapsed() < Duration::from_secs(90), "node {n} stays behind:\n{}", self.node(n).log());
            pause(100);
        }
    }

    fn answers(&self, n: usize) {
        let started = Instant::now();
        while !answers(&format!("127.0.0.1:{}", self.ports[n])) {
            assert!(started.elapsed() < Duration::from_secs(90), "node {n} does not answer:\n{}", self.node(n).log());
        }
    }
}
