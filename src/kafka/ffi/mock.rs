//! librdkafka's mock cluster, with the one setting that rdkafka hides: how long a new group waits for members.

use crate::kafka::ffi::text;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::producer::{BaseProducer, Producer as _};
use rdkafka_sys as sys;
use std::ffi::CString;

/// A broker inside this process, on a free port of the loopback address. It ends when this is dropped.
pub struct MockCluster {
    /// Holds the cluster, and never produces.
    holder: BaseProducer,
}

impl MockCluster {
    /// Its groups give out partitions at once, where Kafka waits 3 s for further members.
    pub fn start() -> KafkaResult<MockCluster> {
        let holder: BaseProducer = ClientConfig::new().set("test.mock.num.brokers", "1").create()?;
        let cluster = MockCluster { holder };
        // SAFETY: the cluster belongs to the holder, which is alive.
        unsafe { sys::rd_kafka_mock_group_initial_rebalance_delay_ms(cluster.ptr()?, 0) };
        Ok(cluster)
    }

    /// host:port
    pub fn bootstrap(&self) -> KafkaResult<String> {
        // SAFETY: as in `start`; the text belongs to the cluster and is copied.
        Ok(text(unsafe { sys::rd_kafka_mock_cluster_bootstraps(self.ptr()?) }))
    }

    pub fn create_topic(&self, name: &str, partitions: i32) -> KafkaResult<()> {
        let nul = |_| KafkaError::AdminOp(Code::InvalidArgument);
        let name = CString::new(name).map_err(nul)?;
        // SAFETY: as in `start`; the name lives until the call returns.
        match unsafe { sys::rd_kafka_mock_topic_create(self.ptr()?, name.as_ptr(), partitions, 1) }.into() {
            Code::NoError => Ok(()),
            code => Err(KafkaError::AdminOp(code)),
        }
    }

    fn ptr(&self) -> KafkaResult<*mut sys::rd_kafka_mock_cluster_t> {
        // SAFETY: the client is alive; null where it has no such cluster.
        let ptr = unsafe { sys::rd_kafka_handle_mock_cluster(self.holder.client().native_ptr()) };
        if ptr.is_null() { Err(KafkaError::AdminOp(Code::NotImplemented)) } else { Ok(ptr) }
    }
}
