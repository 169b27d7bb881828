//! Produces messages and waits for every delivery report, with or without a transaction around them.

use crate::flow::io::{Fault, FaultKind, Message, SendFailure, Whose};
use crate::kafka::client::Context;
use crate::kafka::fault;
use crate::kafka::ffi::queue::{Queue, Said};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, Headers as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, NoCustomPartitioner, Producer as _};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A flush is at most 16 MiB, of which zstd leaves a quarter: 6 s for it is 0.7 MB a second, and well below the transaction's 10 s.
const SEND: Duration = Duration::from_secs(6);

/// A producer and the queue its delivery reports come through.
pub struct Outbox {
    // Before the producer: a queue is dropped first.
    queue: Queue,
    pub producer: BaseProducer<Context, NoCustomPartitioner>,
    /// Messages sent in the producer's life: a report names its message by this number.
    sent: usize,
}

/// A message's number and its fate.
pub type Fate = (usize, Option<Code>);

impl Outbox {
    pub fn new(producer: BaseProducer<Context, NoCustomPartitioner>) -> Option<Outbox> {
        Some(Outbox { queue: Queue::main(producer.client())?, producer, sent: 0 })
    }

    /// Produces all and waits for every delivery report; a failure names whose it is, each product once.
    pub fn send(&mut self, messages: &[Message]) -> Result<(), Vec<SendFailure>> {
        let deadline = Instant::now() + SEND;
        let first = self.sent;
        self.sent += messages.len();
        let mut fates: Vec<Fate> = Vec::with_capacity(messages.len());
        for (i, message) in messages.iter().enumerate() {
            while let Err(code) = self.produce(message, first + i) {
                // A full queue empties as reports are served; anything else is this message's own failure.
                if code != Code::QueueFull || Instant::now() > deadline {
                    fates.push((first + i, Some(code)));
                    break;
                }
                self.listen(20, &mut fates);
            }
        }
        let drained = self.drain(deadline, &mut fates);
        let mine: Vec<Fate> = fates.into_iter().filter(|(number, _)| *number >= first).collect();
        failures(messages, first, &mine, drained)
    }

    fn produce(&self, message: &Message, number: usize) -> Result<(), Code> {
        let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(&message.topic, number);
        if let Some(key) = &message.key {
            record = record.key(key);
        }
        if let Some(partition) = message.partition {
            record = record.partition(partition);
        }
        if let Some(value) = &message.value {
            record = record.payload(value);
        }
        let mut headers = OwnedHeaders::new_with_capacity(16);
        if let Some(original) = &message.copied {
            if original.timestamp_ms >= 0 {
                record = record.timestamp(original.timestamp_ms);
            }
            let with = |headers: OwnedHeaders, (key, value): &(String, Option<Vec<u8>>)| {
                headers.insert(Header { key, value: value.as_deref() })
            };
            headers = original.headers.iter().fold(headers, with);
        }
        let with = |headers: OwnedHeaders, (key, value): &(&'static str, String)| {
            headers.insert(Header { key, value: Some(value.as_str()) })
        };
        headers = message.headers.iter().fold(headers, with);
        if headers.count() > 0 {
            record = record.headers(headers);
        }
        self.producer.send(record).map_err(|(e, _)| e.rdkafka_error_code().unwrap_or(Code::Fail))
    }

    /// Why the open transaction can only be aborted: reports of its messages say no more than that they were thrown away.
    pub fn spoiled(&self) -> Option<Fault> {
        // To begin one more is refused with the open one's error where it has one, and else changes nothing.
        match self.producer.begin_transaction() {
            Err(KafkaError::Transaction(e)) if e.txn_requires_abort() || e.is_fatal() => {
                Some(fault::of_producer("transaction", &KafkaError::Transaction(e)))
            }
            _ => None,
        }
    }

    /// Serves delivery reports until none is outstanding; false if some are at the deadline.
    pub fn drain(&self, deadline: Instant, fates: &mut Vec<Fate>) -> bool {
        while self.producer.in_flight_count() > 0 {
            if Instant::now() > deadline {
                return false;
            }
            self.listen(20, fates);
        }
        true
    }

    /// Serves the queue: waits for the first event, then takes what is there.
    pub fn listen(&self, wait_ms: i32, fates: &mut Vec<Fate>) {
        let context = self.producer.client().context();
        let mut event = self.queue.poll(wait_ms);
        while let Some(heard) = event {
            match heard.read() {
                Said::Delivered(reports) => fates.extend(reports),
                Said::Error(error) => context.tell(Some(error.code), 3, error.text),
                Said::Log { level, text } => context.tell(None, level, text),
                _ => {}
            }
            event = self.queue.poll(0);
        }
    }
}

/// What the reports of one batch say, one failure for each output and one for all that is nobody's.
fn failures(messages: &[Message], first: usize, fates: &[Fate], drained: bool) -> Result<(), Vec<SendFailure>> {
    let delivered = fates.iter().filter(|(_, error)| error.is_none()).count();
    let mut failed: BTreeMap<Option<Whose>, (Fault, usize)> = BTreeMap::new();
    for (number, error) in fates {
        let (Some(code), Some(message)) = (error, messages.get(number - first)) else { continue };
        let (fault, own) = fault::of_delivery(&message.topic, *code);
        // Where nothing arrived in time, the broker is away, and no output is to blame.
        let own = own && (*code != Code::MessageTimedOut || delivered > 0);
        let about = if own { message.about.clone() } else { None };
        failed.entry(about).and_modify(|(_, count)| *count += 1).or_insert((fault, 1));
    }
    if !drained {
        let reported: BTreeSet<usize> = fates.iter().map(|(number, _)| *number).collect();
        let silent = messages.iter().zip(first..).filter(|(_, number)| !reported.contains(number));
        let topics: BTreeSet<&str> = silent.map(|(message, _)| &*message.topic).collect();
        let topics: Vec<&str> = topics.into_iter().collect();
        let message = format!(
            "produce: {} did not take what was written within {} s: see that their brokers run, and that enough of their replicas are \
             in sync (min.insync.replicas)",
            topics.join(", "),
            SEND.as_secs()
        );
        failed.entry(None).or_insert((Fault { kind: FaultKind::Abortable, message }, 1));
    }
    let told = |(about, (mut fault, count)): (Option<Whose>, (Fault, usize))| {
        if count > 1 {
            fault.message = format!("{} (and {} more)", fault.message, count - 1);
        }
        SendFailure { about, fault }
    };
    if failed.is_empty() { Ok(()) } else { Err(failed.into_iter().map(told).collect()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(about: Option<&str>) -> Message {
        Message {
            topic: about.unwrap_or("t").into(),
            partition: None,
            key: None,
            headers: vec![],
            value: None,
            copied: None,
            about: about.map(|name| Whose::Quarantine(name.into())),
        }
    }

    /// Products blamed, `None` for nobody, in order.
    fn check(fates: &[(usize, Option<Code>)], drained: bool, blamed: &[Option<&str>]) {
        let name = |whose| match whose {
            Whose::Quarantine(topic) => topic.to_string(),
            Whose::Product(product) => product.to_string(),
        };
        let messages = [message(Some("a")), message(Some("b")), message(None)];
        let found = failures(&messages, 7, &fates.iter().map(|(i, e)| (i + 7, *e)).collect::<Vec<_>>(), drained);
        let found: Vec<Option<String>> =
            found.err().unwrap_or_default().into_iter().map(|f| f.about.map(name)).collect();
        assert_eq!(found, blamed.iter().map(|b| b.map(str::to_string)).collect::<Vec<_>>());
    }

    #[test]
    fn a_failure_names_its_product_and_a_broker_that_is_away_names_none() {
        check(&[(0, None), (1, None), (2, None)], true, &[]);
        check(&[(0, Some(Code::MessageSizeTooLarge)), (1, None)], true, &[Some("a")]);
        check(&[(0, Some(Code::TopicAuthorizationFailed)), (1, Some(Code::PurgeQueue))], true, &[None, Some("a")]);
        check(&[(0, Some(Code::MessageTimedOut)), (1, None)], true, &[Some("a")]);
        check(&[(0, Some(Code::MessageTimedOut)), (1, Some(Code::MessageTimedOut))], true, &[None]);
        check(&[(2, Some(Code::MessageSizeTooLarge))], true, &[None]);
        check(&[(0, None)], false, &[None]);
    }

    #[test]
    fn topics_that_took_nothing_in_time_are_named() {
        let messages = [message(Some("a")), message(Some("b")), message(None)];
        let failed = failures(&messages, 7, &[(8, None)], false).expect_err("not drained");
        assert!(failed[0].fault.message.starts_with("produce: a, t did not take"), "{}", failed[0].fault.message);
    }
}
