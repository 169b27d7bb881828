//! Live producers: each product's records at its rate, some of them wrong in one way and written down as such.

use crate::clock::now_ms;
use crate::demo::encode::Encoder;
use crate::demo::faults::Book;
use crate::demo::mesh::{Fault, PRODUCTS, Product, UNGOVERNED, UNGOVERNED_PER_SECOND};
use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Records are written in bursts: 20 a second, of 100 records in all.
const BURST: Duration = Duration::from_millis(50);
/// Everything is delivered by then, or the demo fails: the broker is in this process.
const FLUSH: Duration = Duration::from_secs(10);

pub struct Producers {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Producers {
    pub fn start(bootstrap: &str, book: Arc<Book>) -> anyhow::Result<Producers> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap).set("linger.ms", "5").set("enable.idempotence", "true");
        let producer: BaseProducer = config.create()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("producers".into()).spawn(move || {
            if let Err(e) = write(&producer, &book, &stopped) {
                book.failed(e.to_string());
            }
        })?;
        Ok(Producers { stop, thread })
    }

    /// Returns when everything is delivered.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        // It panics nowhere; what it could not do stands in the book.
        let _ = self.thread.join();
    }
}

fn write(producer: &BaseProducer, book: &Book, stop: &AtomicBool) -> anyhow::Result<()> {
    let mut sources = PRODUCTS.iter().map(Source::new).collect::<anyhow::Result<Vec<Source>>>()?;
    for product in PRODUCTS.iter().filter(|p| p.per_second == 0) {
        product.faults.iter().for_each(|silence| book.planted(product.name, silence.rule));
    }
    let (began_ms, mut carts) = (now_ms(), 0);
    while !stop.load(Ordering::Relaxed) {
        for source in &mut sources {
            let due = (now_ms() - began_ms) as u64 * source.product.per_second / 1_000;
            // After a pause of this thread the rest is left out: a flood at once is no producer's habit.
            source.next = source.next.max(due.saturating_sub(source.product.per_second));
            while source.next < due {
                source.write(producer, book)?;
            }
        }
        while carts < (now_ms() - began_ms) as u64 * UNGOVERNED_PER_SECOND / 1_000 {
            let value = (UNGOVERNED.1)(carts).to_string();
            let message = BaseRecord::<str, str>::to(UNGOVERNED.0).payload(&value).timestamp(now_ms());
            producer.send(message).map_err(|(e, _)| e)?;
            carts += 1;
        }
        // Serves delivery reports, and waits.
        producer.poll(BURST);
    }
    Ok(producer.flush(FLUSH)?)
}

/// One product's producer.
struct Source {
    product: &'static Product,
    encoder: Encoder,
    next: u64,
    /// The last good record and its time, for a copy.
    last: Option<(Value, i64)>,
}

impl Source {
    fn new(product: &'static Product) -> anyhow::Result<Source> {
        Ok(Source { product, encoder: Encoder::new(product.encoding)?, next: 0, last: None })
    }

    fn write(&mut self, producer: &BaseProducer, book: &Book) -> anyhow::Result<()> {
        let (product, n) = (self.product, self.next);
        self.next += 1;
        let (mut record, mut time_ms) = ((product.record)(n), now_ms());
        let due = product.faults.iter().find(|planting| n % planting.every == planting.every - 1);
        let planted = due.filter(|planting| self.spoil(planting.fault, &mut record, &mut time_ms, book));
        let mut value = self.encoder.encode(&record)?;
        if planted.is_some_and(|planting| planting.fault == Fault::CutOff) {
            value.truncate(value.len() / 2);
        }
        let key = record[product.key].to_string();
        let partition = (n % product.partitions as u64) as i32;
        let message = BaseRecord::to(product.topic).key(&key).payload(&value).partition(partition).timestamp(time_ms);
        producer.send(message).map_err(|(e, _)| e)?;
        book.written(product.name);
        match planted {
            Some(planting) => book.planted(product.name, planting.rule),
            None => self.last = Some((record, time_ms)),
        }
        Ok(())
    }

    /// Spoils the record; false where it cannot be done yet.
    fn spoil(&self, fault: Fault, record: &mut Value, time_ms: &mut i64, book: &Book) -> bool {
        match fault {
            Fault::Null(field) => record[field] = Value::Null,
            Fault::Text(field, text) => record[field] = json!(text),
            Fault::Number(field, number) if number.fract() == 0.0 => record[field] = json!(number as i64),
            Fault::Number(field, number) => record[field] = json!(number),
            // With its time too: the two are in one window.
            Fault::Duplicate => match &self.last {
                Some((last, last_ms)) => (*record, *time_ms) = (last.clone(), *last_ms),
                None => return false,
            },
            Fault::Late => match book.closed_ms(self.product.name) {
                Some(closed_ms) => *time_ms = closed_ms,
                None => return false,
            },
            Fault::CutOff | Fault::Silence => {}
        }
        true
    }
}
