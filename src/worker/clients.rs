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
    if let Some(code) = event.code {
        telemetry::kafka_error(&format!("{code:?}"));
    }
    let kind = kind(&event);
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

/// What is not said again for a while. A known cause is a kind of its own: whatever keeps a broker away has the same code, and what an operator
/// must hear of is that it is another cause now.
fn kind(event: &ClientEvent) -> String {
    match (remedy::of(&event.text), event.code) {
        (Some(remedy), _) => remedy.cause.to_owned(),
        (None, Some(code)) => format!("{code:?}"),
        // The text's first words tell one kind from another.
        (None, None) => event.text.chars().take(40).collect(),
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
    use rdkafka::error::RDKafkaErrorCode as Code;

    #[test]
    fn another_cause_of_the_same_error_is_said() {
        let of = |text: &str| {
            kind(&ClientEvent {
                client: "c".into(),
                text: text.into(),
                level: 3,
                code: Some(Code::BrokerTransportFailure),
            })
        };
        let (away, again) = ("b:1/1: Connect to ipv4#b:1 failed: Connection refused", "b:2/2: Connection refused");
        let expired = "b:1/1: Receive failed: error:0A000416:SSL routines::ssl/tls alert certificate unknown";
        assert_eq!(of(away), of(again));
        assert_ne!(of(away), of(expired));
        assert_eq!(of("b:1/1: Disconnected"), "BrokerTransportFailure");
    }

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
