//! `/stats/…?period=DAY|WEEK&timezone=`: how many events came an hour or a day, and how many jobs, datasets and sources there were.

use crate::clock::now_ms;
use crate::engine::event::envelope::rfc3339;
use crate::engine::lineage::node::Node;
use crate::http::marquez::view::View;
use crate::http::query::{Pairs, bad, pairs};
use crate::http::server::Site;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::ops::Range;

const HOUR_MS: i64 = 3_600_000;

/// Of the events that are kept, by the time at which they happened.
pub async fn events(State(site): State<Site>, uri: Uri) -> Response {
    let lineage = site.lineage.read();
    let told = lineage.graph.told().events();
    let count = |of: &Range<i64>| {
        let kinds = ["fail", "start", "complete", "abort"].map(|kind| {
            let within = told.iter().filter(|(id, _)| of.contains(&id.event_ms));
            let is_kind =
                |event: &Value| event["eventType"].as_str().is_some_and(|word| word.eq_ignore_ascii_case(kind));
            (kind.to_owned(), json!(within.filter(|(_, event)| is_kind(event)).count()))
        });
        kinds.into_iter().collect()
    };
    answer(&uri, count)
}

pub async fn jobs(State(site): State<Site>, uri: Uri) -> Response {
    created(&site, &uri, |view| {
        view.nodes().iter().filter(|node| !node.is_dataset()).map(|node| view.times(node).0).collect()
    })
}

pub async fn datasets(State(site): State<Site>, uri: Uri) -> Response {
    created(&site, &uri, |view| {
        view.nodes().iter().filter(|node| node.is_dataset()).map(|node| view.times(node).0).collect()
    })
}

/// The systems behind datasets, each by its namespace.
pub async fn sources(State(site): State<Site>, uri: Uri) -> Response {
    created(&site, &uri, |view| {
        let mut sources: BTreeMap<String, i64> = BTreeMap::new();
        for node in view.nodes().iter().filter(|node| node.is_dataset()) {
            let first_ms = view.times(node).0;
            let known = sources.entry(Node::namespace(node).to_owned()).or_insert(first_ms);
            *known = first_ms.min(*known);
        }
        sources.into_values().collect()
    })
}

/// How many there were at the end of each interval, of what is there.
fn created(site: &Site, uri: &Uri, times: impl FnOnce(&View) -> Vec<i64>) -> Response {
    let times = times(&View::of(site));
    answer(uri, |of| {
        let count = times.iter().filter(|created_ms| **created_ms < of.end).count();
        [("count".to_owned(), json!(count))].into_iter().collect()
    })
}

fn answer(uri: &Uri, count: impl Fn(&Range<i64>) -> Map<String, Value>) -> Response {
    let shown = |of: &Range<i64>| {
        let mut value = count(of);
        value.insert("startInterval".into(), json!(rfc3339(of.start)));
        value.insert("endInterval".into(), json!(rfc3339(of.end)));
        Value::Object(value)
    };
    match pairs(uri).and_then(|pairs| intervals(&pairs, now_ms())) {
        Ok(intervals) => Json(intervals.iter().map(shown).collect::<Vec<_>>()).into_response(),
        Err(refused) => *refused,
    }
}

/// The last 24 hours, or the last seven days of the time zone; the last one is not over.
fn intervals(pairs: &Pairs, now_ms: i64) -> Result<Vec<Range<i64>>, Box<Response>> {
    match pairs.last("period").map(str::to_uppercase).as_deref() {
        Some("DAY") => {
            let hour_ms = now_ms - now_ms.rem_euclid(HOUR_MS);
            Ok((0..24).rev().map(|n| hour_ms - n * HOUR_MS..hour_ms - (n - 1) * HOUR_MS).collect())
        }
        Some("WEEK") => {
            let name = pairs.last("timezone").unwrap_or_default();
            if name.is_empty() {
                return Err(bad("timezone is missing: period=WEEK is of days, as in &timezone=Europe/Berlin"));
            }
            days(name, now_ms).map_err(|error| bad(&format!("timezone={name} is not known here ({error}); write UTC")))
        }
        _ => Err(bad("period is DAY or WEEK, as in ?period=DAY")),
    }
}

fn days(timezone: &str, now_ms: i64) -> Result<Vec<Range<i64>>, jiff::Error> {
    let zone = TimeZone::get(timezone)?;
    let today = zone.to_datetime(Timestamp::from_millisecond(now_ms)?).date();
    let midnight = |days: i64| -> Result<i64, jiff::Error> {
        Ok(zone.to_timestamp(today.checked_add(Span::new().days(days))?.at(0, 0, 0, 0))?.as_millisecond())
    };
    (-6..=0).map(|day| Ok(midnight(day)?..midnight(day + 1)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_is_seven_days_of_its_zone_and_one_of_them_has_an_hour_less() {
        // 2026-03-31T22:30:00Z is April in Berlin; its clocks went forward on 29 March.
        let now_ms = 1_774_996_200_000;
        let lengths = |zone: &str| {
            let days = days(zone, now_ms).expect(zone);
            assert!(days.windows(2).all(|two| two[0].end == two[1].start) && days[6].contains(&now_ms), "{zone}");
            days.iter().map(|day| (day.end - day.start) / HOUR_MS).collect::<Vec<_>>()
        };
        assert_eq!(lengths("UTC"), [24; 7]);
        assert_eq!(lengths("Europe/Berlin"), [24, 24, 24, 23, 24, 24, 24]);
        assert!(days("Nowhere/None", now_ms).is_err());
    }
}
