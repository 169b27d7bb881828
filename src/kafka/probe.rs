//! What `steward check --connect` asks a cluster. Nothing is changed by it, but that the coordinator of transactions remembers an id of the
//! check's own for a week: whether one may be used is told by using it alone.

use crate::flow::io::{Fault, TopicInfo};
use crate::kafka::admin::{Admin, CALL_MS, Mismatch, Topics, names};
use crate::kafka::client;
use crate::kafka::cluster::Cluster;
use crate::kafka::fault;
use crate::kafka::ffi::ask::{self, NewTopic};
use crate::kafka::ffi::rights::{self, Rights};
use crate::kafka::outbox::Outbox;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::producer::Producer as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A group's coordinator that is just being made, or is on the move, answers within this.
const COORDINATOR: Duration = Duration::from_secs(5);

/// What a cluster says of itself and of the topics asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    pub cluster: String,
    pub brokers: usize,
    pub topics: BTreeMap<Arc<str>, Option<TopicInfo>>,
    /// Our own topics that a start would create, with what the brokers would say against it.
    pub missing: BTreeMap<String, Option<Refusal>>,
    pub mismatches: Vec<Mismatch>,
}

/// Why a topic would not be created, in the broker's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: Code,
    pub message: String,
}

/// Rights by name of what they are on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    pub topics: BTreeMap<String, Rights>,
    pub groups: BTreeMap<String, Rights>,
    /// Whether transactional ids that begin as the tasks' do may be used; `Ok(true)` where there are no transactions.
    pub transactions: Result<bool, Fault>,
}

impl Admin {
    /// Asks everything that a start would need, and changes nothing.
    pub fn probe(&self, asked: &[Arc<str>], topics: &Topics) -> Result<Probe, Fault> {
        let specs = topics.specs();
        let cluster = self.cluster().map_err(|f| self.explained(f))?;
        let brokers = self.metadata()?.brokers().len();
        let own = self.topics(&names(&specs))?;
        let mut missing = BTreeMap::new();
        for spec in specs.iter().filter(|s| own.get(s.name.as_str()).copied().flatten().is_none()) {
            missing.insert(spec.name.clone(), self.refusal(&spec.new_topic(topics.replication_factor))?);
        }
        Ok(Probe {
            cluster,
            brokers,
            topics: self.topics(asked)?,
            missing,
            mismatches: self.verify(&specs, &own, topics)?,
        })
    }

    /// What the brokers would say against the creation of this topic.
    pub fn refusal(&self, topic: &NewTopic<'_>) -> Result<Option<Refusal>, Fault> {
        if self.settings.cluster == Cluster::Embedded {
            return Ok(None);
        }
        let said = ask::would_create(&self.client, topic, CALL_MS).map_err(|f| self.explained(f))?;
        Ok(said.err().map(|(code, message)| Refusal { code, message }))
    }

    /// What this principal may do on topics that exist, and on groups; in this order.
    pub fn rights(&self, topics: &[String], groups: &[String]) -> Result<Granted, Fault> {
        // A cluster that never had a group makes its coordinator at the first question.
        let deadline = Instant::now() + COORDINATOR;
        let of_group = |group: &String| loop {
            let granted = rights::of_group(&self.client, group, CALL_MS)?;
            if granted.is_some() || Instant::now() > deadline {
                return Ok((group.clone(), granted));
            }
            self.hear(200);
        };
        let asked = rights::of_topics(&self.client, topics, CALL_MS).and_then(|topics| {
            let groups = groups.iter().map(of_group).collect::<Result<_, Fault>>()?;
            Ok(Granted { topics, groups, transactions: self.may_transact() })
        });
        asked.map_err(|f| self.explained(f))
    }

    /// An id of the check's own under the tasks' prefix: no task is fenced by it.
    fn may_transact(&self) -> Result<bool, Fault> {
        if !self.settings.transactions || self.settings.cluster == Cluster::Embedded {
            return Ok(true);
        }
        let producer = client::producer(&self.settings).map_err(|e| fault::of_producer("producer", &e))?;
        // It holds the client's token, where it logs in by one.
        let Some(outbox) = Outbox::new(producer) else {
            return Err(fault::of_question("init transactions", Code::Fail, "the client gives no queue"));
        };
        match outbox.producer.init_transactions(Duration::from_millis(CALL_MS as u64)) {
            Ok(()) => Ok(true),
            Err(e) if e.rdkafka_error_code() == Some(Code::TransactionalIdAuthorizationFailed) => Ok(false),
            Err(e) => Err(fault::of_producer("init transactions", &e)),
        }
    }
}
