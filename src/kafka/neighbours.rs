//! What others do on this cluster, asked through the handle for admin calls: nothing here changes anything.

use crate::flow::io::{Fault, Part};
use crate::kafka::admin::{Admin, CALL_MS};
use crate::kafka::ffi::ask;
use crate::kafka::ffi::others::{self, Entry, Group, Members};
use crate::kafka::wire::WireError;
use crate::kafka::wire::brokers::Brokers;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A cluster's brokers and partitions.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Host and port by id.
    pub brokers: BTreeMap<i32, (String, u16)>,
    pub leaders: BTreeMap<Part, i32>,
}

impl Admin {
    /// Groups of the kinds `classic` and `consumer`, and what went wrong at single brokers.
    pub fn groups(&self) -> Result<(Vec<Group>, Vec<String>), Fault> {
        self.hear(0);
        others::groups(&self.client, CALL_MS).map_err(|f| self.explained(f))
    }

    pub fn members(&self, groups: &[&str]) -> Result<Vec<(String, Members)>, Fault> {
        others::members(&self.client, groups, CALL_MS).map_err(|f| self.explained(f))
    }

    /// Next-to-read offsets.
    pub fn committed_by(&self, group: &str) -> Result<Vec<(Part, i64)>, Fault> {
        others::committed_by(&self.client, group, CALL_MS).map_err(|f| self.explained(f))
    }

    /// High watermarks; a partition whose leader does not answer is absent.
    pub fn log_ends(&self, parts: &[Part]) -> Result<BTreeMap<Part, i64>, Fault> {
        match parts {
            [] => Ok(BTreeMap::new()),
            parts => ask::highs(&self.client, parts, CALL_MS).map_err(|f| self.explained(f)),
        }
    }

    /// Where brokers are, and which of them leads which partition. Those that this principal may not see are absent.
    pub fn layout(&self) -> Result<Layout, Fault> {
        self.hear(0);
        let metadata = self.metadata()?;
        let brokers = metadata
            .brokers()
            .iter()
            .filter_map(|broker| Some((broker.id(), (broker.host().to_owned(), u16::try_from(broker.port()).ok()?))));
        let mut leaders = BTreeMap::new();
        for topic in metadata.topics() {
            let name: Arc<str> = topic.name().into();
            leaders.extend(topic.partitions().iter().map(|part| (Part::new(&name, part.id()), part.leader())));
        }
        Ok(Layout { brokers: brokers.collect(), leaders })
    }

    /// A connection to each broker, for what librdkafka has no call for; those that cannot be reached, with the reason.
    pub fn brokers(&self, layout: &Layout) -> (Brokers, Vec<WireError>) {
        let token = self.settings.tokens.as_ref().and_then(|tokens| tokens.token());
        Brokers::open(&self.settings.admin, token.as_ref(), &layout.brokers)
    }

    /// Who may read or write which topics; `None`: nobody holds ACLs in force.
    pub fn entries(&self) -> Result<Option<Vec<Entry>>, Fault> {
        self.hear(0);
        others::entries(&self.client, CALL_MS).map_err(|f| self.explained(f))
    }
}
