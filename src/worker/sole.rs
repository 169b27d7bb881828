//! Writes to the catalog what was decided of it as it stands, in one transaction with all that goes with it.
//!
//! The catalog has one such writer at a time, by fencing and without a group: all workers share one transactional id, and whoever
//! initialises it fences the one before and waits until their transaction is decided (KIP-98). What is read after that stands until
//! the commit, or the commit fails because another worker took over, and all begins again. So any worker takes any change at once,
//! and of two changes of one state the second finds another one.

use crate::catalog::published::NotDone;
use crate::flow::io::{Fault, Message};
use crate::kafka::atomic::Atomic;
use crate::kafka::catalog::Copy;
use crate::kafka::client::Settings;
use std::collections::BTreeMap;

/// Each worker that asks at the same time fences the others once; so many at a time come through.
const TRIES: usize = 5;

pub type Records = BTreeMap<String, Vec<u8>>;

pub struct Sole<'k> {
    pub settings: &'k Settings,
    pub catalog: &'k mut Copy,
}

impl Sole<'_> {
    /// Returns when what `decide` says is durable, or will not be; the copy of the catalog has it then. Without messages there is
    /// nothing to write. `stands`: whether the catalog shows what this answer was written with.
    pub fn write<T: Clone>(
        &mut self,
        decide: impl Fn(&Records) -> Result<(T, Vec<Message>), NotDone>,
        stands: impl Fn(&Records, &T) -> bool,
    ) -> Result<T, NotDone> {
        // What changes nothing or may not be made needs no writer.
        self.catalog.look().map_err(failed)?;
        let (answer, messages) = decide(&self.catalog.records)?;
        if messages.is_empty() {
            return Ok(answer);
        }
        let (worker_id, stage, slot) = ("all".to_owned(), "catalog", 0);
        let mut writer = Atomic::new(Settings { worker_id, stage, slot, transactions: true, ..self.settings.clone() });
        let mut made = Err(NotDone::Failed(String::new()));
        let mut written: Option<T> = None;
        for _ in 0..TRIES {
            made = self.hold_and_write(&mut writer, &decide, &stands, &mut written);
            match &made {
                Err(NotDone::Failed(why)) => tracing::info!(why, "a change of the catalog is tried again"),
                _ => break,
            }
        }
        writer.let_go();
        made
    }

    fn hold_and_write<T: Clone>(
        &mut self,
        writer: &mut Atomic,
        decide: &impl Fn(&Records) -> Result<(T, Vec<Message>), NotDone>,
        stands: &impl Fn(&Records, &T) -> bool,
        written: &mut Option<T>,
    ) -> Result<T, NotDone> {
        writer.hold().map_err(failed)?;
        self.catalog.look().map_err(failed)?;
        // A commit that was in doubt may have been one.
        if let Some(written) = written.take().filter(|written| stands(&self.catalog.records, written)) {
            return Ok(written);
        }
        let (answer, messages) = decide(&self.catalog.records)?;
        if messages.is_empty() {
            return Ok(answer);
        }
        *written = Some(answer.clone());
        writer.write(&messages).map_err(failed)?;
        self.catalog.look().map_err(failed)?;
        Ok(answer)
    }
}

fn failed(fault: Fault) -> NotDone {
    NotDone::Failed(fault.message)
}

/// A record of one of our logs of one partition.
pub fn record(topic: String, key: String, value: Option<Vec<u8>>) -> Message {
    let (key, headers) = (Some(key.into_bytes()), Vec::new());
    Message { topic: topic.into(), partition: Some(0), key, headers, value, copied: None, about: None }
}
