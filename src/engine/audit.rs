//! What was asked of the mesh: one line for each request that would change something, whatever came of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The value of a record in the audit topic; its key is the actor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// RFC 3339, UTC: when the worker had the answer.
    pub at: String,
    pub actor: String,
    /// `product.publish`, `product.lifecycle`, `product.withdraw`, `product.pause` …; of what is no product's the last word of the
    /// path behind its method, `post.reload`.
    pub action: String,
    /// `shop/orders`, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// `done`, `refused` (4xx) or `failed` (5xx).
    pub outcome: String,
    /// The answer's, of HTTP.
    pub status: u16,
    /// The call, so that people learn the API.
    pub method: String,
    pub path: String,
    /// The request's `X-Request-Id`, its own or one that the worker gave it; the answer carries the same.
    pub correlation: String,
    /// The worker that took it.
    pub worker: String,
    /// Why, as the request says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the refusal or failure said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Revision, lifecycle and contract versions; `None`: there was nothing, or the call is no change of a product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl Line {
    /// When, in milliseconds since 1970; a line that another hand wrote may not say it.
    pub fn at_ms(&self) -> Option<i64> {
        moment(&self.at)
    }
}

/// Which lines are asked for; an empty text asks for all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'f> {
    pub actor: &'f str,
    pub product: &'f str,
    pub action: &'f str,
    pub outcome: &'f str,
    /// Lines of that time and later, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Lines before that time.
    pub until_ms: Option<i64>,
    /// In any text of the line, whatever its case.
    pub contains: &'f str,
}

impl Filter<'_> {
    /// `at_ms`: the line's time.
    pub fn takes(&self, at_ms: i64, line: &Line) -> bool {
        let is = |asked: &str, found: &str| asked.is_empty() || asked == found;
        let texts = [&line.actor, &line.action, &line.outcome, &line.path, &line.correlation, &line.worker];
        let texts = texts.into_iter().chain(&line.product).chain(&line.reason).chain(&line.detail);
        let word = self.contains.to_lowercase();
        is(self.actor, &line.actor)
            && is(self.product, line.product.as_deref().unwrap_or_default())
            && is(self.action, &line.action)
            && is(self.outcome, &line.outcome)
            && self.since_ms.is_none_or(|since| at_ms >= since)
            && self.until_ms.is_none_or(|until| at_ms < until)
            && (word.is_empty() || texts.into_iter().any(|text| text.to_lowercase().contains(&word)))
    }
}

/// A time of RFC 3339, or the beginning of a day (`2026-11-29`, UTC), in milliseconds since 1970.
pub fn moment(text: &str) -> Option<i64> {
    let time = text.parse::<jiff::Timestamp>().or_else(|_| format!("{text}T00:00:00Z").parse::<jiff::Timestamp>());
    time.ok().map(|time| time.as_millisecond())
}

pub fn outcome(status: u16) -> &'static str {
    match status {
        ..400 => "done",
        400..500 => "refused",
        _ => "failed",
    }
}

/// What a call is named, and the product that its path names.
pub fn named(method: &str, path: &str) -> (String, Option<String>) {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let of = |domain: &str, name: &str| Some(format!("{domain}/{name}"));
    match parts[..] {
        ["products"] => ("product.publish".to_owned(), None),
        ["products", domain, name] if method == "DELETE" => ("product.withdraw".to_owned(), of(domain, name)),
        ["products", domain, name] | ["products", domain, name, "contract"] => {
            ("product.publish".to_owned(), of(domain, name))
        }
        ["products", domain, name, what] => (format!("product.{what}"), of(domain, name)),
        ["drafts"] => ("draft.create".to_owned(), None),
        ["drafts", _] if method == "DELETE" => ("draft.delete".to_owned(), None),
        ["drafts", _] => ("draft.edit".to_owned(), None),
        ["drafts", _, what] => (format!("draft.{what}"), None),
        ["use-cases", domain, name] if method == "DELETE" => ("use-case.delete".to_owned(), of(domain, name)),
        ["use-cases", domain, name] => ("use-case.register".to_owned(), of(domain, name)),
        ["use-cases", domain, name, what] => (format!("use-case.{what}"), of(domain, name)),
        _ => (format!("{}.{}", method.to_lowercase(), parts.last().unwrap_or(&"")), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_named_by_what_they_mean() {
        for (call, action, product) in [
            ("POST /products", "product.publish", None),
            ("PUT /products/shop/orders", "product.publish", Some("shop/orders")),
            ("PUT /products/shop/orders/contract", "product.publish", Some("shop/orders")),
            ("PUT /products/shop/orders/lifecycle", "product.lifecycle", Some("shop/orders")),
            ("DELETE /products/shop/orders", "product.withdraw", Some("shop/orders")),
            ("PUT /products/shop/orders/pause", "product.pause", Some("shop/orders")),
            ("POST /drafts/7/trial", "draft.trial", None),
            ("DELETE /drafts/7", "draft.delete", None),
            ("PUT /use-cases/shop/big", "use-case.register", Some("shop/big")),
            ("DELETE /use-cases/shop/big", "use-case.delete", Some("shop/big")),
            ("POST /use-cases/shop/big/execute", "use-case.execute", Some("shop/big")),
            ("POST /admin/reload", "post.reload", None),
        ] {
            let (method, path) = call.split_once(' ').unwrap();
            assert_eq!(named(method, path), (action.to_owned(), product.map(str::to_owned)), "{call}");
        }
    }

    #[test]
    fn a_filter_takes_what_it_asks_for() {
        let line = Line {
            at: "2026-11-29T06:00:00.5Z".into(),
            actor: "jane".into(),
            action: "product.publish".into(),
            product: Some("shop/orders".into()),
            outcome: outcome(409).into(),
            reason: Some("Freshness was too strict".into()),
            ..Line::default()
        };
        let takes = |filter: Filter<'_>, expected: bool| {
            assert_eq!(filter.takes(line.at_ms().unwrap(), &line), expected, "{filter:?}");
        };
        takes(Filter::default(), true);
        takes(Filter { actor: "jane", outcome: "refused", contains: "freshness", ..Filter::default() }, true);
        takes(Filter { actor: "jan", ..Filter::default() }, false);
        takes(Filter { product: "shop/orders", ..Filter::default() }, true);
        takes(Filter { product: "shop", ..Filter::default() }, false);
        takes(Filter { outcome: "done", ..Filter::default() }, false);
        takes(Filter { contains: "volume", ..Filter::default() }, false);
        for (text, since, until) in [
            ("2026-11-29", true, false),
            ("2026-11-30", false, true),
            ("2026-11-29T06:00:00Z", true, false),
            ("2026-11-29T06:00:00.500Z", true, false),
            ("2026-11-29T07:00:01+01:00", false, true),
        ] {
            takes(Filter { since_ms: moment(text), ..Filter::default() }, since);
            takes(Filter { until_ms: moment(text), ..Filter::default() }, until);
        }
        assert_eq!(moment("yesterday"), None);
    }
}
