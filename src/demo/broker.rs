//! Kafka in memory: librdkafka's mock cluster, with the topics of the mesh and those of the daemon.

use crate::demo::mesh::{PRODUCTS, UNGOVERNED};
use crate::kafka::admin::Topics;
use crate::kafka::ffi::mock::MockCluster;
use rdkafka::error::KafkaResult;

/// Lives as long as this value.
pub struct Broker {
    cluster: MockCluster,
    pub bootstrap: String,
}

impl Broker {
    pub fn start() -> KafkaResult<Broker> {
        let cluster = MockCluster::start()?;
        let bootstrap = cluster.bootstrap()?;
        for product in &PRODUCTS {
            cluster.create_topic(product.topic, product.partitions)?;
        }
        cluster.create_topic(UNGOVERNED.0, 1)?;
        Ok(Broker { cluster, bootstrap })
    }

    /// The daemon cannot create its own: the mock cluster takes no admin call.
    pub fn create(&self, topics: &Topics) -> KafkaResult<()> {
        topics.all().iter().try_for_each(|(name, partitions)| self.cluster.create_topic(name, *partitions))
    }
}
