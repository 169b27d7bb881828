//! What is wrong with a query: metrics and labels that the daemon does not have, counters without a rate, dashboards' habits.

use mesh_steward::telemetry::names::{ALL, Kind};
use promql_parser::label::MatchOp;
use promql_parser::parser::{self, Expr, LabelModifier, VectorSelector};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Stands for `$__rate_interval`, which is no duration: eleven minutes and eleven seconds occur nowhere else.
const INTERVAL: (&str, Duration) = ("671s", Duration::from_secs(671));
/// Where Prometheus scraped a series; it adds them itself.
const SCRAPED: [&str; 2] = ["job", "instance"];
/// Both selectors stand in each query of a dashboard, so that one Prometheus may see several meshes.
const PICKED: [&str; 2] = ["$job", "$instance"];

/// The series that there are.
pub struct Known(BTreeMap<String, Series>);

#[derive(Clone)]
struct Series {
    labels: BTreeSet<String>,
    counts: bool,
}

/// Labels that the answer may have, or what is wrong.
pub type Checked = Result<BTreeSet<String>, Vec<String>>;

impl Known {
    /// What the daemon exports, and `up`.
    pub fn new() -> Known {
        let mut known = BTreeMap::new();
        let mut add = |name: &str, labels: &[&str], counts: bool| {
            let labels = labels.iter().chain(&SCRAPED).map(|label| (*label).to_owned()).collect();
            known.insert(name.to_owned(), Series { labels, counts });
        };
        add("up", &[], false);
        for metric in ALL {
            match metric.kind {
                Kind::Counter => add(metric.name, metric.labels, true),
                Kind::Gauge => add(metric.name, metric.labels, false),
                Kind::Histogram(_) => {
                    add(&format!("{}_bucket", metric.name), &[metric.labels, &["le"]].concat(), true);
                    add(&format!("{}_sum", metric.name), metric.labels, true);
                    add(&format!("{}_count", metric.name), metric.labels, true);
                }
            }
        }
        Known(known)
    }

    /// Takes what a recording rule makes.
    pub fn record(&mut self, name: &str, labels: BTreeSet<String>) {
        self.0.insert(name.to_owned(), Series { labels, counts: false });
    }

    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    pub fn of_dashboard(&self, expr: &str) -> Checked {
        self.check(&expr.replace("$__rate_interval", INTERVAL.0), true)
    }

    pub fn of_rule(&self, expr: &str) -> Checked {
        self.check(expr, false)
    }

    fn check(&self, expr: &str, dashboard: bool) -> Checked {
        let parsed = parser::parse(expr).map_err(|e| vec![format!("cannot be parsed: {e}")])?;
        let mut walk = Walk { known: self, dashboard, faults: Vec::new() };
        let labels = walk.expr(&parsed, "");
        if walk.faults.is_empty() { Ok(labels) } else { Err(walk.faults) }
    }
}

struct Walk<'a> {
    known: &'a Known,
    dashboard: bool,
    faults: Vec<String>,
}

impl Walk<'_> {
    /// The labels of what an expression answers; `function` is what it is an argument of.
    fn expr(&mut self, expr: &Expr, function: &str) -> BTreeSet<String> {
        match expr {
            Expr::VectorSelector(selector) => self.selector(selector, function),
            Expr::MatrixSelector(matrix) => {
                if self.dashboard && matrix.range != INTERVAL.1 {
                    self.faults.push(format!("`{function}` is over another range than $__rate_interval"));
                }
                self.selector(&matrix.vs, function)
            }
            Expr::Aggregate(aggregate) => {
                let inner = self.expr(&aggregate.expr, "");
                match &aggregate.modifier {
                    Some(LabelModifier::Include(by)) => {
                        let by: BTreeSet<String> = by.labels.iter().cloned().collect();
                        let unknown: Vec<&String> = by.difference(&inner).collect();
                        self.faults.extend(unknown.iter().map(|label| format!("no series has `{label}` to group by")));
                        by
                    }
                    Some(LabelModifier::Exclude(_)) => inner,
                    None if ["topk", "bottomk"].contains(&aggregate.op.to_string().as_str()) => inner,
                    None => BTreeSet::new(),
                }
            }
            Expr::Binary(binary) => {
                let mut labels = self.expr(&binary.lhs, function);
                let right = self.expr(&binary.rhs, function);
                if labels.is_empty() || binary.op.to_string() == "or" {
                    labels.extend(right);
                }
                labels
            }
            Expr::Call(call) => {
                let mut labels = BTreeSet::new();
                for argument in &call.args.args {
                    labels.extend(self.expr(argument, call.func.name));
                }
                if let ("label_replace", Some(Expr::StringLiteral(label))) =
                    (call.func.name, call.args.args.get(1).map(|argument| &**argument))
                {
                    labels.insert(label.val.clone());
                }
                if call.func.name == "histogram_quantile" && !labels.remove("le") {
                    self.faults.push("a quantile of what has no `le`".to_owned());
                }
                labels
            }
            Expr::Paren(paren) => self.expr(&paren.expr, function),
            Expr::Unary(unary) => self.expr(&unary.expr, function),
            Expr::Subquery(subquery) => self.expr(&subquery.expr, function),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => BTreeSet::new(),
            Expr::Extension(_) => {
                self.faults.push("no PromQL".to_owned());
                BTreeSet::new()
            }
        }
    }

    fn selector(&mut self, selector: &VectorSelector, function: &str) -> BTreeSet<String> {
        let name = selector.name.clone().unwrap_or_default();
        let Some(series) = self.known.0.get(&name).cloned() else {
            self.faults.push(format!("no metric is called `{name}`"));
            return BTreeSet::new();
        };
        let matchers = &selector.matchers.matchers;
        for matcher in matchers.iter().filter(|matcher| !series.labels.contains(&matcher.name)) {
            self.faults.push(format!("`{name}` has no label `{}`", matcher.name));
        }
        if series.counts != ["rate", "increase"].contains(&function) {
            let needs = if series.counts { "a counter needs a rate" } else { "a gauge has no rate" };
            self.faults.push(format!("`{name}` in `{function}`: {needs}"));
        }
        for (label, variable) in SCRAPED.iter().zip(PICKED).filter(|_| self.dashboard) {
            let picks = |m: &promql_parser::label::Matcher| {
                m.name == *label && matches!(m.op, MatchOp::Re(_)) && m.value == variable
            };
            if !matchers.iter().any(picks) {
                self.faults.push(format!("`{name}` without {label}=~\"{variable}\""));
            }
        }
        series.labels
    }
}
