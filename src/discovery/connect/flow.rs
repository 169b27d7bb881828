//! One connector's edges: what its configuration decides, and what Connect has counted.

use crate::discovery::connect::answer::{Connector, Kind, plain};
use crate::discovery::connect::outside::written;
use crate::discovery::connect::route::route;
use crate::discovery::connect::sink::Named;
use crate::discovery::connect::{Topics, mirror, sink, source};
use crate::discovery::gathered::{Detail, Gathered, detail};
use crate::discovery::topic::Cluster;
use crate::engine::lineage::node::Node;
use crate::engine::lineage::sighting::{Evidence, JobFacts};
use std::collections::BTreeSet;

/// The configuration names both ends; whether data flows is another question.
const CONFIGURED: f64 = 0.9;
/// An expression takes what there is; a topic that it matches may hold what the sink refuses.
const MATCHING: f64 = 0.8;
/// Connect counts what a connector has used since it was made, not what it uses at this moment.
const ACTIVE: f64 = 0.9;

/// Adds the connector and all its edges.
pub fn tell(connector: &Connector, job: &Node, cluster: &Cluster, topics: &Topics, gathered: &mut Gathered) {
    gathered.job(facts(connector, job));
    let mut telling = Telling { connector, job, cluster, gathered };
    match (connector.kind, connector.class()) {
        // They write bookkeeping only.
        (_, "MirrorHeartbeat" | "MirrorCheckpoint") => {}
        (_, "MirrorSource") => telling.mirror(),
        (Kind::Source, _) => telling.source(),
        (Kind::Sink, _) => telling.sink(topics),
        (Kind::Unknown, _) => {
            let why = "Connect does not say whether it is a source or a sink: its plug-in may be missing";
            telling.gathered.unresolved(job.to_string(), why);
        }
    }
}

fn facts(connector: &Connector, job: &Node) -> JobFacts {
    let kind = match connector.kind {
        Kind::Source => "source",
        Kind::Sink => "sink",
        Kind::Unknown => "",
    };
    let class = connector.config.get("connector.class").map_or("", String::as_str);
    let running = connector.tasks.iter().filter(|task| *task == "RUNNING").count();
    let tasks = format!("{running} of {} run", connector.tasks.len());
    let mut more = detail([("class", class), ("type", kind), ("tasks", &tasks)]);
    more.extend(connector.trace.clone().map(|trace| ("trace".to_owned(), trace)));
    if connector.kind == Kind::Sink {
        more.insert("group".into(), connector.group());
    }
    JobFacts {
        node: job.clone(),
        kind: "kafka-connect".into(),
        state: connector.standing().to_owned(),
        description: None,
        detail: more,
    }
}

struct Telling<'a> {
    connector: &'a Connector,
    job: &'a Node,
    cluster: &'a Cluster,
    gathered: &'a mut Gathered,
}

impl Telling<'_> {
    fn detail(&self, key: &str, value: &str) -> Detail {
        detail([("state", self.connector.standing()), (key, value)])
    }

    fn unresolved(&mut self, why: String) {
        self.gathered.unresolved(self.job.to_string(), why);
    }

    fn reads(&mut self, from: &Node, evidence: Evidence, confidence: f64, by: (&str, &str)) {
        let detail = self.detail(by.0, by.1);
        self.gathered.saw(from, self.job, evidence, confidence, detail);
    }

    fn writes(&mut self, to: &Node, evidence: Evidence, confidence: f64, by: (&str, &str)) {
        let detail = self.detail(by.0, by.1);
        self.gathered.saw(self.job, to, evidence, confidence, detail);
    }

    /// Topics that it has used, while it runs, but its own bookkeeping.
    fn active(&self) -> BTreeSet<String> {
        let active = self.connector.active.iter().flatten().filter(|_| self.connector.runs());
        let data = active.filter(|topic| !source::is_bookkeeping(self.connector, topic) && self.cluster.is_data(topic));
        data.cloned().collect()
    }

    fn source(&mut self) {
        let decided = source::decided(self.connector);
        let active = self.active();
        match &decided {
            Ok(flows) => {
                for flow in flows {
                    let topic = self.cluster.topic(&flow.topic);
                    self.writes(&topic, Evidence::Configured, CONFIGURED, ("by", "config"));
                    if let Some(from) = &flow.from {
                        self.reads(from, Evidence::Configured, CONFIGURED, ("by", "config"));
                    }
                }
            }
            // Active topics say it instead.
            Err(_) if !active.is_empty() => {}
            Err(why) => self.unresolved(why.clone()),
        }
        // What an earlier configuration wrote to is counted until somebody resets it.
        let stale = |topic: &String| decided.as_ref().is_ok_and(|f| !f.iter().any(|flow| flow.topic == *topic));
        for topic in active.iter().filter(|topic| !stale(topic)) {
            let dataset = self.cluster.topic(topic);
            self.writes(&dataset, Evidence::Observed, ACTIVE, ("by", "active topics"));
            if let Some(table) = source::captured_by(self.connector, topic) {
                self.reads(&table, Evidence::Observed, ACTIVE, ("by", "active topics"));
            }
        }
    }

    fn sink(&mut self, topics: &Topics) {
        let mut read: BTreeSet<String> = BTreeSet::new();
        let decided = sink::decided(self.connector, topics);
        match &decided {
            Ok(Named::Each(named)) => {
                for topic in named {
                    self.reads(&self.cluster.topic(topic), Evidence::Configured, CONFIGURED, ("by", "topics"));
                }
                read.extend(named.iter().cloned());
            }
            Ok(Named::Matching(pattern, matching)) => {
                for topic in matching {
                    let by = ("topics.regex", pattern.as_str());
                    self.reads(&self.cluster.topic(topic), Evidence::Configured, MATCHING, by);
                }
                read.extend(matching.iter().cloned());
            }
            Err(why) => self.unresolved(why.clone()),
        }
        // What it read before its configuration changed is counted until somebody resets it.
        let active = self.active();
        for topic in active.iter().filter(|topic| decided.is_err() || read.contains(*topic)) {
            self.reads(&self.cluster.topic(topic), Evidence::Observed, ACTIVE, ("by", "active topics"));
        }
        if decided.is_err() {
            read.extend(active);
        }
        self.outside(&read);
        if let Some(letters) = self.connector.plain("errors.deadletterqueue.topic.name") {
            let letters = self.cluster.topic(letters);
            self.writes(&letters, Evidence::Configured, CONFIGURED, ("role", "dead letters"));
        }
    }

    /// What a sink writes to, by the names that its topics have after its transforms.
    fn outside(&mut self, read: &BTreeSet<String>) {
        let mut unnamed: BTreeSet<String> = BTreeSet::new();
        for topic in read {
            match route(&self.connector.config, topic).and_then(|routed| written(self.connector, &routed)) {
                Ok(dataset) => self.writes(&dataset, Evidence::Configured, CONFIGURED, ("by", "config")),
                Err(why) => drop(unnamed.insert(why)),
            }
        }
        unnamed.into_iter().for_each(|why| self.unresolved(why));
    }

    fn mirror(&mut self) {
        let Some(origin) = mirror::origin(self.connector, self.cluster) else {
            return self.unresolved("source.cluster.bootstrap.servers is not given, or looked up elsewhere".into());
        };
        // A worker that stands at another cluster writes there.
        let servers = plain(&self.connector.config, "target.cluster.bootstrap.servers");
        let target = servers.and_then(|servers| self.cluster.namespace_of(servers));
        let target = target.unwrap_or_else(|| self.cluster.namespace.clone());
        let (copied, configured) = (mirror::copied(self.connector), mirror::configured(self.connector));
        if let (Err(why), true) = (&configured, copied.as_ref().is_ok_and(BTreeSet::is_empty)) {
            self.unresolved(why.clone());
        }
        if let Err(why) = &copied {
            self.unresolved(why.clone());
        }
        let runs = self.connector.runs();
        for (copies, evidence, confidence, by) in
            [(configured, Evidence::Configured, CONFIGURED, "config"), (copied, Evidence::Observed, ACTIVE, "offsets")]
        {
            if evidence == Evidence::Observed && !runs {
                continue;
            }
            for copy in copies.unwrap_or_default() {
                let (from, to) = (mirror::dataset(&origin, &copy.from), mirror::dataset(&target, &copy.to));
                self.reads(&from, evidence, confidence, ("by", by));
                self.writes(&to, evidence, confidence, ("by", by));
            }
        }
    }
}
