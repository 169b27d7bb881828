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
    if is_race(&event) {
        return tracing::debug!(client = event.client, "{}", event.text);
    }
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

/// Workers that change the catalog at the same time fence each other, and ask again (`worker::registrar`): no error, whatever the client
/// calls it.
fn is_race(event: &ClientEvent) -> bool {
    event.client.ends_with("catalog-0") && event.text.contains("has been fenced by a newer instance")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_fenced_while_it_changes_the_catalog_is_no_error_and_a_task_is_one() {
        const FENCED: &str =
            "TXNERR: Fatal transaction error: Local: This instance has been fenced by a newer instance (_FENCED)";
        for (client, text, expected) in [
            ("producer catalog-0", FENCED, true),
            ("producer inspect-0", FENCED, false),
            ("producer catalog-0", "Local: Broker transport failure", false),
        ] {
            let event = ClientEvent { client: client.into(), text: text.into(), level: 3, code: None };
            assert_eq!(is_race(&event), expected, "{client}: {text}");
        }
    }
}
