//! `/drafts/{id}`: a contract on its way: edited with what lint finds beside it, tried on what the topic holds, published.

use crate::engine::check::verdict::Status;
use crate::engine::contract::diff::{Change, Level, Perspective};
use crate::engine::contract::name::ProductName;
use crate::engine::published::contracts::{compared, documents, read};
use crate::http::impact::consumers;
use crate::http::server::Site;
use crate::page::audit::curl;
use crate::page::create::steps;
use crate::page::crumbs::crumbs;
use crate::page::frame::{self, Place};
use crate::page::rest::{Ask, Rest, Said, field, form, reason, see, tag};
use crate::page::token;
use crate::page::verdict::{icon, mark, rank};
use crate::page::words::{count, counted, encoded};
use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;
use std::collections::BTreeMap;

const PROBLEMS_MAX: usize = 50;
const CHANGES_MAX: usize = 100;

/// What the last form came to.
#[derive(Default)]
struct Outcome {
    trial: Option<Value>,
    trouble: Option<(&'static str, Said)>,
    saved: bool,
}

pub async fn page(
    State(site): State<Site>,
    Extension(rest): Extension<Rest>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    shown(&site, &rest, &parts, &id, None, Outcome::default()).await
}

/// The form: `save`, `try`, `publish` or `delete`. What is written in it is saved first, whatever it asks.
pub async fn act(
    State(site): State<Site>,
    Extension(rest): Extension<Rest>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let (parts, fields) = match form(&site, request).await {
        Ok(form) => form,
        Err(refused) => return *refused,
    };
    let place = format!("/drafts/{}", encoded(&id));
    let wish = field(&fields, "do");
    let ask = |method, path: String, body: Vec<u8>, tag: Option<String>| Ask { from: &parts, method, path, body, tag };
    let tag = tag(&fields);
    if wish == "delete" {
        let answer = ask(Method::DELETE, place, Vec::new(), tag).of(&rest).await;
        return match answer.status.is_success() {
            true => see("/create"),
            false => {
                let trouble = Some(("It was not thrown away.", answer));
                shown(&site, &rest, &parts, &id, None, Outcome { trouble, ..Outcome::default() }).await
            }
        };
    }
    // A browser ends lines as mail does.
    let text = fields.iter().find(|(name, _)| name == "contract").map(|(_, text)| text.replace("\r\n", "\n"));
    let text = text.unwrap_or_default();
    let saved = ask(Method::PUT, place.clone(), text.clone().into_bytes(), tag).of(&rest).await;
    if !saved.status.is_success() {
        let trouble = Some(("It was not saved; what you wrote stands below.", saved));
        return shown(&site, &rest, &parts, &id, Some(&text), Outcome { trouble, ..Outcome::default() }).await;
    }
    let mut outcome = Outcome { saved: true, ..Outcome::default() };
    match wish {
        "try" => {
            let answer = ask(Method::POST, format!("{place}/trial"), Vec::new(), None).of(&rest).await;
            match answer.status.is_success() {
                true => outcome.trial = Some(answer.body),
                false => outcome.trouble = Some(("It was not tried.", answer)),
            }
        }
        "publish" => {
            let why = reason(&fields);
            let tag = saved.body["etag"].as_str().map(str::to_owned);
            let answer = ask(Method::POST, format!("{place}/publish{why}"), Vec::new(), tag).of(&rest).await;
            if answer.status.is_success() {
                let name = answer.body["name"].as_str().unwrap_or_default().to_owned();
                let path: Vec<String> = name.split('/').map(encoded).collect();
                return see(&format!("/products/{}", path.join("/")));
            }
            outcome.trouble = Some(("It was not published.", answer));
        }
        _ => {}
    }
    shown(&site, &rest, &parts, &id, None, outcome).await
}

async fn shown(site: &Site, rest: &Rest, parts: &Parts, id: &str, text: Option<&str>, outcome: Outcome) -> Response {
    let path = format!("/drafts/{}", encoded(id));
    let asked = Ask { from: parts, method: Method::GET, path, body: Vec::new(), tag: None };
    let draft = asked.of(rest).await;
    if !draft.status.is_success() {
        return frame::missing(site, &parts.headers, "There is no such draft", &draft.detail());
    }
    let draft = draft.body;
    let contract = text.or(draft["contract"].as_str()).unwrap_or_default();
    let of = draft["product"].as_str().or(draft["topic"].as_str()).unwrap_or("a product").to_owned();
    let problems = draft["problems"].as_array().map(Vec::as_slice).unwrap_or_default();
    let errors = problems.iter().filter(|problem| problem["severity"] == "error").count();
    let title = match draft["base"].is_string() {
        true => format!("Change {of}"),
        false => format!("Draft a contract for {of}"),
    };
    let changed = changes(site, &draft, contract);
    let sub = match (draft["sample"]["read"].as_u64(), &draft["topic"]) {
        (Some(read), Value::String(topic)) => format!("Inferred from {} records of {topic}. ", count(read)),
        _ => String::new(),
    };
    let now = if outcome.trial.is_some() { 3 } else { 2 };
    let body = html! {
        div.rail { div.stick { (steps(now)) } }
        main #main {
            form.stack method="post" action={ "/drafts/" (encoded(id)) } {
                (token::field(&parts.headers))
                div {
                    (crumbs(&[("/", "Explore"), ("/create", "Create")]))
                    div.head {
                        div { h1 { (title) } p { (sub) "Nothing is judged by it and nobody is told until you publish." } }
                        div.acts {
                            button.btn name="do" value="save" { "Save and check" }
                            button.btn name="do" value="try" { "Dry run" }
                            button.btn.primary name="do" value="publish" aria-disabled=[(errors > 0).then_some("true")] { "Publish" }
                        }
                    }
                }
                input type="hidden" name="etag" value=(draft["etag"].as_str().unwrap_or_default());
                (told(&outcome, errors))
                div.cols {
                    div {
                        section.sec aria-labelledby="h-odcs" {
                            header { h2 #h-odcs { "Contract" } p { "In ODCS. What lint finds stands at the line's end and in the list." } }
                            div.panel.edit data-lint=(lint(problems)) data-ask="/lint" {
                                pre aria-hidden="true" {}
                                textarea name="contract" rows="34" spellcheck="false" autocapitalize="off" aria-label="Contract, ODCS in YAML" { "\n" (contract) }
                            }
                        }
                        @if let Some((before, changes)) = &changed { (difference(before, contract, changes, site, &of)) }
                    }
                    aside {
                        (found(problems))
                        (tried(outcome.trial.as_ref()))
                        section.panel.pad.stack aria-labelledby="h-why" {
                            h2 #h-why { "Publish" }
                            label.fld { span { "Why? The audit keeps it." } input name="reason" maxlength="300" autocomplete="off"; }
                            div.code.wrap { pre tabindex="0" role="region" aria-label="The call behind Publish" { (curl("POST", &format!("/drafts/{}/publish", encoded(id)), site)) } }
                            button.btn.danger.tiny name="do" value="delete" formnovalidate { "Throw the draft away" }
                        }
                    }
                }
            }
        }
    };
    frame::page(site, &parts.headers, Place::Create, &title, false, body)
}

fn told(outcome: &Outcome, errors: usize) -> Markup {
    html! {
        @if let Some((what, said)) = &outcome.trouble {
            div.note.fail role="alert" { (icon("fail", "")) div { strong { (what) } p { (said.detail()) } (found_in(said)) } }
        } @else if outcome.saved {
            div.note.info role="status" { (icon("pass", "")) div {
                strong { "Saved." }
                p { (if errors == 0 { "Nothing stops it from being published but a policy.".to_owned() } else { format!("{} to be mended before it can be published.", counted(errors, "error")) }) }
            } }
        }
    }
}

/// What a refusal lists: problems of lint, or policies that stop it.
fn found_in(said: &Said) -> Markup {
    let list = |name: &str| said.body[name].as_array().map(Vec::as_slice).unwrap_or_default();
    html! {
        ul.small {
            @for problem in list("problems").iter().take(PROBLEMS_MAX) { li { (problem["message"].as_str().unwrap_or_default()) } }
            @for policy in list("policies").iter().take(PROBLEMS_MAX) { li { b { (policy["policy"].as_str().unwrap_or_default()) } " " (policy["reason"].as_str().unwrap_or_default()) } }
        }
    }
}

/// `{"12": ["fail", "text"]}`, which the editor writes at the line's end.
fn lint(problems: &[Value]) -> String {
    let mut by_line: BTreeMap<String, Value> = BTreeMap::new();
    for problem in problems.iter().rev().filter(|problem| problem["line"].as_u64().is_some_and(|line| line > 0)) {
        let class = if problem["severity"] == "error" { "fail" } else { "warn" };
        by_line.insert(problem["line"].to_string(), serde_json::json!([class, problem["message"]]));
    }
    serde_json::to_string(&by_line).unwrap_or_default()
}

fn found(problems: &[Value]) -> Markup {
    html! {
        section.sec.panel aria-labelledby="h-lint" {
            header.pad { h2 #h-lint { "Check" } p #lint-n role="status" { (if problems.is_empty() { "Nothing is wrong with it.".to_owned() } else { counted(problems.len(), "finding") }) } }
            @if !problems.is_empty() {
                ol { @for problem in problems.iter().take(PROBLEMS_MAX) {
                    @let bad = problem["severity"] == "error";
                    li.inc {
                        (if bad { icon("fail", "fail") } else { icon("warn", "warn") })
                        h3 { (problem["message"].as_str().unwrap_or_default()) }
                        span.small.dimmer.num { @if let Some(line) = problem["line"].as_u64() { "line " (line) } }
                        p { (problem["remedy"].as_str().unwrap_or_default()) }
                    }
                } }
            }
        }
    }
}

fn word(verdict: &Value) -> Status {
    match verdict.as_str() {
        Some("pass") => Status::Pass,
        Some("warn") => Status::Warn,
        Some("fail") => Status::Fail,
        Some("skip") => Status::Skip,
        _ => Status::Unknown,
    }
}

/// What each rule would have said of what the topic holds.
fn tried(report: Option<&Value>) -> Markup {
    let Some(report) = report else {
        return html! {
            section.panel.pad aria-labelledby="h-dry" { h2 #h-dry { "Dry run" } p.small.dim { "Tries the rules on the newest records of the topic and says what would have failed. Nothing is changed by it." } }
        };
    };
    let list = |name: &str| report[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut checks: Vec<&Value> = list("checks").iter().chain(list("own")).collect();
    checks.sort_by_key(|check| rank(word(&check["verdict"])));
    let failing = checks.iter().filter(|check| check["verdict"] == "fail").count();
    html! {
        section.sec.panel aria-labelledby="h-dry" {
            header.pad {
                h2 #h-dry { "Dry run" }
                p { (count(report["records"]["read"].as_u64().unwrap_or_default())) " records of " (report["topic"].as_str().unwrap_or_default()) ". " (failing) " of " (counted(checks.len(), "rule")) " would fail." }
            }
            ol { @for check in checks.iter().take(PROBLEMS_MAX) {
                @let status = word(&check["verdict"]);
                li.inc {
                    (mark(status))
                    h3 { (check["name"].as_str().map_or_else(|| format!("{} {}", check["property"].as_str().unwrap_or_default(), check["rule"].as_str().unwrap_or_default()), str::to_owned)) }
                    span.num.small { (check["failed"].as_u64().map_or_else(String::new, count)) }
                    p {
                        @if let Some(why) = check["reason"].as_str() { (why) }
                        @else if let Some(sample) = check["samples"].as_array().and_then(|all| all.first()) {
                            "first: partition " (sample["partition"]) ", offset " (sample["offset"]) ", " (sample["reason"].as_str().unwrap_or_default())
                        }
                    }
                }
            } }
        }
    }
}

/// What it changes of the published product, and the text before; `None` where it becomes a new one.
fn changes(site: &Site, draft: &Value, contract: &str) -> Option<(String, Vec<Change>)> {
    draft["base"].as_str()?;
    let (domain, name) = draft["product"].as_str()?.split_once('/')?;
    let directory = site.board.directory();
    let entry = directory.published.get(&ProductName { domain: domain.into(), name: name.into() })?;
    let (before, after) = (read(&entry.contracts).ok()?, read(&documents(contract)).ok());
    let all = after.and_then(|after| compared(&before, &after).ok()).unwrap_or_default();
    Some((entry.contracts.join("---\n"), all.into_values().flatten().collect()))
}

/// Each change in a sentence with whom it breaks, then the lines.
fn difference(before: &str, after: &str, changes: &[Change], site: &Site, product: &str) -> Markup {
    let breaking = |change: &Change| change.level(Perspective::Consumer) == Level::Breaking;
    let touched = product
        .split_once('/')
        .map(|(domain, name)| consumers(site, &ProductName { domain: domain.into(), name: name.into() }));
    let touched: Vec<String> = touched.into_iter().flatten().collect();
    let number = changes.iter().filter(|change| breaking(change)).count();
    html! {
        section.sec aria-labelledby="h-diff" {
            header { h2 #h-diff { "What changes" } p { (counted(changes.len(), "change")) " of meaning, " (number) " breaking for readers." } }
            @if number > 0 { div.note.warn role="status" { (icon("warn", "")) div { strong { "It breaks readers." } p { (if touched.is_empty() { "None is known.".to_owned() } else { touched.join(", ") }) } } } }
            ul.panel { @for change in changes.iter().take(CHANGES_MAX) {
                li.inc { (if breaking(change) { icon("fail", "fail") } else { icon("pass", "pass") }) h3 { (change.message) } span.tag { (if breaking(change) { "breaking" } else { "safe" }) } p.mono { (change.path) } }
            } @if changes.is_empty() { li.pad.dim { "Nothing that readers or rules would notice." } } }
            (lines(before, after))
        }
    }
}

/// The lines that differ, each with what stands around it.
fn lines(before: &str, after: &str) -> Markup {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same_head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let same_tail =
        old[same_head..].iter().rev().zip(new[same_head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let from = same_head.saturating_sub(3);
    let (gone, come) = (&old[same_head..old.len() - same_tail], &new[same_head..new.len() - same_tail]);
    let tail = &new[new.len() - same_tail..];
    if gone.is_empty() && come.is_empty() {
        return html! {};
    }
    html! {
        div.panel.scroll tabindex="0" role="region" aria-label="Lines that differ" { table.diff { tbody {
            @for line in &new[from..same_head] { tr { td {} td { (line) } } }
            @for line in gone { tr.del { td { "−" } td { (line) } } }
            @for line in come { tr.add { td { "+" } td { (line) } } }
            @for line in tail.iter().take(3) { tr { td {} td { (line) } } }
        } } }
    }
}
