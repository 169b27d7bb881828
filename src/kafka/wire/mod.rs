//! Kafka's own protocol, for the few questions that librdkafka has no call for: groups of other kinds, transactions, producers.
//!
//! Six messages, all of the flexible kind (KIP-482), and the two of a login are read and written here by hand: a crate of all messages compiles some
//! two hundred, in every build, and brings its codecs. Shapes are those of Kafka's own `clients/src/main/resources/common/message`.
//! Every length is checked against what is there, and an answer is bounded: brokers are outside.

pub mod codec; // the types of the protocol
pub mod security; // TLS and logins, as librdkafka's properties say
pub mod login; // SASL
pub mod connection; // one broker, one question after the other
pub mod brokers; // all of a cluster's brokers, each asked for its own
pub mod groups; // groups of all kinds; what streams and share groups read
pub mod transactions; // transactional ids, and who wrote which partition

/// Why a broker's answer is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("{0}: {1}")]
    Unreachable(String, String),
    #[error("the broker does not know this question (API key {0}): it is older than that")]
    Unknown(i16),
    #[error("the answer to API key {key} is not as Kafka's protocol has it: {what}")]
    Broken { key: i16, what: String },
    #[error("{what}: error code {code} ({})", meaning(*code))]
    Refused { what: String, code: i16 },
    #[error("{0} is librdkafka's alone, which has no call for this question")]
    Unsupported(String),
    #[error("{0}")]
    Unreadable(String),
    #[error("{0}: the login fails: {1}")]
    Login(String, String),
}

/// Kafka's error codes that people meet here.
pub fn meaning(code: i16) -> &'static str {
    match code {
        14 => "the coordinator is loading",
        15 => "the coordinator is not available",
        16 => "not the coordinator",
        29 => "Read or Describe on the topic is not granted",
        30 => "Describe on the group is not granted",
        31 => "the cluster does not allow it",
        35 => "the version is not supported",
        53 => "Describe on the transactional id is not granted",
        69 => "there is no such group",
        _ => "see Kafka's protocol guide",
    }
}
