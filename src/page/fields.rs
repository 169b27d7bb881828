//! What a product's values look like, field by field, in its last closed window.

use crate::catalog::evidence::{Evidence, Point};
use crate::engine::check::verdict::Status;
use crate::engine::contract::plan::{Check, Plan, Validity};
use crate::page::seen::Seen;
use crate::page::spark::{Tone, line};
use crate::page::verdict::{mark, rank};
use crate::page::words::{count, share, short};
use maud::{Markup, html};
use serde_json::Value;
use std::sync::Arc;

/// A field is 2 kB at most; a product's page is to stay within 100 kB.
const FIELDS_MAX: usize = 30;
const VALUES_MAX: usize = 5;

/// `owner`: where the REST is of the worker that has the profile, where that is another.
pub fn fields(seen: &Seen, evidence: &Evidence, profile: Option<&[u8]>, owner: Option<&str>) -> Markup {
    let profile: Option<Value> = profile.and_then(|profile| serde_json::from_slice(profile).ok());
    let of = profile.as_ref().and_then(|profile| profile["fields"].as_array()).map(Vec::as_slice).unwrap_or_default();
    html! {
        section.sec #fields aria-labelledby="h-fields" {
            header {
                h2 #h-fields { "Fields" }
                p { "Values of the last window that closed. Personal values are hashed or counted only." }
                a.end.small href={ (seen.href()) "/profile" } { "All as JSON" }
            }
            @if of.is_empty() {
                div.panel.empty {
                    @match owner {
                        Some(address) => {
                            p { "Another worker judges this product, and has the profile of its fields." }
                            a.btn href={ (address) (seen.href()) "#fields" } { "See it there" }
                        },
                        None => p { "No profile is here yet: it comes with the first window that closes after this worker took the product over." },
                    }
                }
            } @else {
                div.fields { @for field in of.iter().take(FIELDS_MAX) { (one(field, seen, evidence)) } }
                @if of.len() > FIELDS_MAX { p.small.dimmer { "The first " (FIELDS_MAX) " of " (of.len()) "." } }
            }
        }
    }
}

fn one(field: &Value, seen: &Seen, evidence: &Evidence) -> Markup {
    let path = field["path"].as_str().unwrap_or_default();
    let whole = |name: &str| field[name].as_u64().unwrap_or_default();
    let (null, missing, present) = (whole("null"), whole("missing"), whole("count"));
    let kinds: Vec<&str> =
        field["types"].as_object().map(|types| types.keys().map(String::as_str).collect()).unwrap_or_default();
    let distinct = field["distinct"]["estimate"].as_f64();
    let status = verdict(path, seen, evidence);
    html! {
        article.panel {
            header {
                h3.mono { (path) } span.small.dimmer { (kinds.join(", ")) }
                @if field["classified"] == true { " " span.tag.pii { "PII" } }
                @if let Some(status) = status { (mark(status)) }
            }
            div { (picture(field, path, seen.plans, present)) }
            p.inline {
                span { "values " b { (count(present)) } }
                span { "null " b { (count(null)) } }
                @if missing > 0 { span { "missing " b { (count(missing)) } } }
                @if let Some(mean) = field["numbers"]["mean"].as_f64() { span { "mean " b { (short(mean)) } } }
                @if let Some(distinct) = distinct { span { "distinct " b { "≈ " (short(distinct.round())) } } }
            }
            (past(path, evidence))
        }
    }
}

/// The worst word of the rules about a field in the last window; `None` where none is.
fn verdict(path: &str, seen: &Seen, evidence: &Evidence) -> Option<Status> {
    let about = seen.plans.iter().flat_map(|plan| &plan.rules).filter(|rule| {
        rule.field.as_ref().is_some_and(|field| field.to_string() == path) || rule.property.as_deref() == Some(path)
    });
    about
        .filter_map(|rule| evidence.measured.get(&rule.id))
        .map(|measured| measured.status)
        .min_by_key(|status| rank(*status))
}

/// How it went, window by window: what moves most of a field's numbers.
fn past(path: &str, evidence: &Evidence) -> Markup {
    let Some(points) = evidence.fields.get(path).filter(|points| points.len() > 1) else { return html! {} };
    let of = |what: fn(&Point) -> f32| points.iter().map(|point| f64::from(what(point))).collect::<Vec<f64>>();
    let (means, absent, distinct) = (of(|p| p.mean), of(|p| p.absent), of(|p| p.distinct));
    let moves = |values: &[f64]| values.iter().any(|value| *value > 0.0);
    let (name, values, tone) = match () {
        _ if moves(&absent) => ("null or missing", absent, Tone::Warn),
        _ if means.iter().any(|value| value.is_finite()) => ("mean", means, Tone::Data),
        _ if moves(&distinct) => ("distinct values", distinct, Tone::Data),
        _ => return html! {},
    };
    let what = format!("{path}: {name}, the last {} windows", values.len());
    html! { div.past { (line(&values, tone, &what)) p.small.dimmer { (name) ", last " (values.len()) " windows" } } }
}

fn picture(field: &Value, path: &str, plans: &[Arc<Plan>], present: u64) -> Markup {
    let numbers = &field["numbers"];
    if let (Some(min), Some(max)) = (numbers["min"].as_f64(), numbers["max"].as_f64()) {
        return spread(numbers, path, plans, min, max);
    }
    let often = field["frequent"]["values"].as_array().map(Vec::as_slice).unwrap_or_default();
    if often.is_empty() {
        return html! { p.small.dimmer { (if field["classified"] == true { "Classified: only counts are kept." } else { "Its values are not counted one by one." }) } };
    }
    let most = often.iter().filter_map(|value| value["upper"].as_u64()).max().unwrap_or(1).max(1);
    html! {
        ul.hbars { @for value in often.iter().take(VALUES_MAX) {
            @let number = value["lower"].as_u64().unwrap_or_default();
            li {
                @match value["value"].as_str() {
                    Some(text) => span.clip.mono { (text.chars().take(40).collect::<String>()) },
                    None => span.clip.mono { "k:" (value["hash"].as_str().unwrap_or_default().chars().take(6).collect::<String>()) "…" },
                }
                svg.bar aria-hidden="true" { rect.d width={ (format!("{:.1}", 100.0 * number as f64 / most as f64)) "%" } height="100%" {} }
                span.num.dim { (share(number, present)) }
            }
        } }
    }
}

/// From the least to the most: all, nine tenths, half of the values as bands, the median as a tick, and the contract's
/// bounds where they lie in sight.
fn spread(numbers: &Value, path: &str, plans: &[Arc<Plan>], min: f64, max: f64) -> Markup {
    let at_rank = |rank: f64| {
        let values = numbers["quantiles"]["values"].as_array()?;
        values.iter().find(|value| value["rank"].as_f64() == Some(rank))?["value"].as_f64()
    };
    let (low, high) = bounds(path, plans);
    let reach = (max - min).max(f64::MIN_POSITIVE);
    let near = |bound: &f64| *bound >= min - reach && *bound <= max + reach;
    let (low, high) = (low.filter(near), high.filter(near));
    let from = low.map_or(min, |low| low.min(min));
    let to = high.map_or(max, |high| high.max(max));
    let wide = if to > from { to - from } else { 1.0 };
    let x = |value: f64| format!("{:.1}%", (4.0 + 92.0 * (value - from) / wide).clamp(0.0, 100.0));
    let w = |a: f64, b: f64| format!("{:.1}%", (92.0 * (b - a) / wide).clamp(0.6, 100.0));
    let band = |class: &'static str, a: Option<f64>, b: Option<f64>, y: u8, height: u8| {
        html! {
            @if let (Some(a), Some(b)) = (a, b) { rect class=(class) x=(x(a)) width=(w(a, b)) y=(y) height=(height) {} }
        }
    };
    let median = at_rank(0.5);
    let text = format!(
        "{path} from {} to {}, median {}",
        short(min),
        short(max),
        median.map_or("not known".to_owned(), short)
    );
    let outside = low.is_some_and(|low| min < low) || high.is_some_and(|high| max > high);
    html! {
        svg.chart height="64" role="img" aria-label=(text) {
            (band("g2", Some(min), Some(max), 22, 2))
            (band("db", at_rank(0.05), at_rank(0.95), 12, 22))
            (band("d", at_rank(0.25), at_rank(0.75), 14, 18))
            @if let Some(median) = median {
                line.q x1=(x(median)) x2=(x(median)) y1="8" y2="38" {}
                text x=(x(median)) y="52" text-anchor="middle" { "p50 " (short(median)) }
            }
            @for bound in [low, high].into_iter().flatten() { line.lim x1=(x(bound)) x2=(x(bound)) y1="0" y2="40" {} }
            text x="0" y="63" { (short(min)) }
            text x="100%" y="63" text-anchor="end" { (short(max)) }
        }
        @if outside { p.small.bad { "Beyond the contract's bounds." } }
    }
}

/// The least and the most that the contract allows.
fn bounds(path: &str, plans: &[Arc<Plan>]) -> (Option<f64>, Option<f64>) {
    for rule in plans
        .iter()
        .flat_map(|plan| &plan.rules)
        .filter(|rule| rule.field.as_ref().is_some_and(|field| field.to_string() == path))
    {
        if let Check::Valid(Validity::Number { minimum, maximum, exclusive_minimum, exclusive_maximum, .. }) =
            &rule.check
        {
            return (minimum.or(*exclusive_minimum), maximum.or(*exclusive_maximum));
        }
    }
    (None, None)
}
