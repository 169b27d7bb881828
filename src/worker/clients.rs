//! The settings of this worker's clients, and what those say in the log.

use crate::config::usable::Config;
use crate::kafka::client::{ClientEvent, Settings};
use crate::kafka::{configured, remedy};
use crate::telemetry;
use crate::telemetry::log::Limiter;
use std::sync::{Arc, Mutex, PoisonError};

/// Settings of this worker's clients; `Keeper::settings` names the task.
pub fn settings(config: &Config) -> Settings {
    let limiter = Mutex::new(Limiter::default());
    let events = Arc::new(move |event| hear(&limiter, event));
    configured::settings(config, &config.worker.group_id, "worker", 0, events)
}

/// What a client says: errors are counted, and repeats of one kind are limited.
fn hear(limiter: &Mutex<Limiter>, event: ClientEvent) {
    let now = crate::clock::now_ms();
    let code = event.code.map(|c| format!("{c:?}"));
    if let Some(code) = &code {
        telemetry::kafka_error(code);
    }
    // Without a code the text's first words tell one kind from another.
    let kind = code.unwrap_or_else(|| event.text.chars().take(40).collect());
    let mut limiter = limiter.lock().unwrap_or_else(PoisonError::into_inner);
    for summary in limiter.due(now) {
        tracing::warn!(client = summary.source, code = summary.code, times = summary.count, "said again by the client");
    }
    if limiter.pass(now, &event.client, &kind) {
        let client = event.client.as_str();
        match event.level {
            0..=3 if let Some(remedy::Remedy { cause, remedy }) = remedy::of(&event.text) => {
                tracing::error!(client, cause, remedy, "{}", event.text);
            }
            0..=3 => tracing::error!(client, "{}", event.text),
            4 => tracing::warn!(client, "{}", event.text),
            5..=6 => tracing::info!(client, "{}", event.text),
            _ => tracing::debug!(client, "{}", event.text),
        }
    }
}
