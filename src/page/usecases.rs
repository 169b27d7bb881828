//! `/use-cases` and one of them: SQL that derives a topic from others, run by an engine; what it writes becomes a product.

use crate::engine::contract::name::ProductName;
use crate::engine::derived::usecase::{Definition, Engine, Run, State as Stand, UseCase};
use crate::engine::event::envelope::rfc3339;
use crate::http::server::Site;
use crate::page::audit::curl;
use crate::page::create::steps;
use crate::page::crumbs::crumbs;
use crate::page::frame::{self, Place};
use crate::page::rest::{Ask, Fields, Rest, field, form, reason, see, tag};
use crate::page::token;
use crate::page::verdict::icon;
use crate::page::words::{counted, day_and_clock, encoded};
use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use maud::{Markup, html};
use serde_json::json;

pub async fn list(State(site): State<Site>, headers: HeaderMap) -> Response {
    listed(&site, &headers, &Fields::new(), None)
}

/// The form: `PUT /use-cases/{domain}/{name}`, then its own page.
pub async fn register(State(site): State<Site>, Extension(rest): Extension<Rest>, request: Request) -> Response {
    let (parts, fields) = match form(&site, request).await {
        Ok(form) => form,
        Err(refused) => return *refused,
    };
    let path = format!("/use-cases/{}/{}", encoded(field(&fields, "domain")), encoded(field(&fields, "name")));
    let ask =
        Ask { from: &parts, method: Method::PUT, path: path.clone(), body: definition(&fields), tag: tag(&fields) };
    let answer = ask.of(&rest).await;
    match answer.status.is_success() {
        true => see(&path),
        false => listed(&site, &parts.headers, &fields, Some(&answer.detail())),
    }
}

pub async fn page(
    State(site): State<Site>,
    Path((domain, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    one(&site, &headers, &ProductName { domain, name }, &Fields::new(), None)
}

/// The form: `execute`, `stop`, `draft`, `save` or `delete`.
pub async fn act(
    State(site): State<Site>,
    Extension(rest): Extension<Rest>,
    Path((domain, name)): Path<(String, String)>,
    request: Request,
) -> Response {
    let (parts, fields) = match form(&site, request).await {
        Ok(form) => form,
        Err(refused) => return *refused,
    };
    let name = ProductName { domain, name };
    let place = href(&name);
    let why = reason(&fields);
    let (method, path, body, then) = match field(&fields, "do") {
        "execute" => (Method::POST, format!("{place}/execute{why}"), Vec::new(), place.clone()),
        "stop" => (Method::POST, format!("{place}/stop{why}"), Vec::new(), place.clone()),
        "delete" => (Method::DELETE, format!("{place}{why}"), Vec::new(), "/use-cases".to_owned()),
        "draft" => {
            let wish = json!({"use_case": name.to_string()}).to_string().into_bytes();
            (Method::POST, format!("/drafts{why}"), wish, String::new())
        }
        _ => (Method::PUT, format!("{place}{why}"), definition(&fields), place.clone()),
    };
    let draft = field(&fields, "do") == "draft";
    let tag = tag(&fields).filter(|_| !draft);
    let answer = Ask { from: &parts, method, path, body, tag }.of(&rest).await;
    match (answer.status.is_success(), &answer.location) {
        (true, Some(draft)) if then.is_empty() => see(draft),
        (true, _) => see(&then),
        (false, _) => one(&site, &parts.headers, &name, &fields, Some(&answer.detail())),
    }
}

fn definition(fields: &Fields) -> Vec<u8> {
    let inputs: Vec<&str> =
        field(fields, "inputs").split([',', ' ', '\n']).map(str::trim).filter(|topic| !topic.is_empty()).collect();
    let text = |name: &str| field(fields, name).replace("\r\n", "\n");
    json!({
        "engine": field(fields, "engine"),
        "title": field(fields, "title"),
        "description": text("description"),
        "inputs": inputs,
        "output": field(fields, "output").trim(),
        "statement": text("statement"),
    })
    .to_string()
    .into_bytes()
}

pub fn href(name: &ProductName) -> String {
    format!("/use-cases/{}/{}", encoded(&name.domain), encoded(&name.name))
}

fn listed(site: &Site, headers: &HeaderMap, fields: &Fields, trouble: Option<&str>) -> Response {
    let directory = site.board.directory();
    let all = &directory.use_cases;
    let running = all.values().filter(|case| case.state().is_some_and(Stand::is_active)).count();
    let title = match (all.len(), running) {
        (0, _) => "No use case is registered".to_owned(),
        (number, running) => format!("{}, {running} running", counted(number, "use case")),
    };
    let body = html! {
        div.rail { div.stick { (steps(1)) } }
        main #main {
            div {
                (crumbs(&[("/", "Explore"), ("/create", "Create")]))
                div.head {
                    div { h1 { (title) } p { "SQL that makes a topic of others. An engine runs it; what it writes becomes a product, with its lineage." } }
                    div.acts { a.btn href="/use-cases?format=json" { "As JSON" } }
                }
            }
            @if let Some(trouble) = trouble { div.note.fail role="alert" { (icon("fail", "")) div { strong { "It was not registered." } p { (trouble) } } } }
            (unconfigured(directory.engines.is_empty()))
            section.sec aria-labelledby="h-all" {
                h2.sr #h-all { "Use cases" }
                (rows(all.iter()))
            }
            section.sec aria-labelledby="h-new" {
                header { h2 #h-new { "Register one" } p { "Its name is that of the product that it makes. Registering asks for an admin, running for a publisher of its domain." } }
                form.panel.pad.stack method="post" action="/use-cases" {
                    (token::field(headers))
                    div.grid4 {
                        label.fld { span { "Domain" } input name="domain" required autocomplete="off" placeholder="shop" value=(field(fields, "domain")); }
                        label.fld { span { "Name" } input name="name" required autocomplete="off" placeholder="big-orders" value=(field(fields, "name")); }
                        (engine(&directory.engines, field(fields, "engine")))
                    }
                    (definition_fields(&[("title", field(fields, "title")), ("description", field(fields, "description")), ("inputs", field(fields, "inputs")), ("output", field(fields, "output")), ("statement", field(fields, "statement"))]))
                    div.acts { button.btn.primary { "Register" } }
                }
            }
        }
    };
    frame::page(site, headers, Place::Create, "Use cases", false, body)
}

/// Each with how it stands; also on `/create`.
pub fn rows<'u>(all: impl Iterator<Item = (&'u ProductName, &'u UseCase)>) -> Markup {
    let mut all = all.peekable();
    html! {
        @if all.peek().is_none() { div.panel.empty { p { "None yet. One that is registered stands here, and may be run by its domain." } } } @else {
            ol.panel { @for (name, case) in all {
                li.inc {
                    (shape(case.state()))
                    h3 { a href=(href(name)) { (case.definition.title) } }
                    span.small.dimmer { (case.state().map_or("never run", Stand::word)) }
                    p { span.mono { (case.definition.inputs.iter().map(String::as_str).collect::<Vec<_>>().join(", ")) } " → " span.mono { (case.definition.output) } ", by " (case.definition.engine.word()) }
                }
            } }
        }
    }
}

fn unconfigured(none: bool) -> Markup {
    html! {
        @if none { div.note.info { (icon("unknown", "")) div { strong { "No engine is configured." } p { "Set " code { "flink.url" } " (its SQL gateway) or " code { "ksqldb.url" } ", and start the workers anew; until then use cases are kept and not run." } } } }
    }
}

fn shape(state: Option<Stand>) -> Markup {
    match state {
        Some(Stand::Running | Stand::Finished) => icon("pass", "pass"),
        Some(Stand::Failed) => icon("fail", "fail"),
        Some(Stand::Asked | Stand::Starting | Stand::Stopping) => icon("unknown", "unknown"),
        Some(Stand::Cancelled) | None => icon("ring", "skipped"),
    }
}

fn engine(configured: &std::collections::BTreeSet<Engine>, chosen: &str) -> Markup {
    html! {
        label.fld { span { "Engine" } select name="engine" {
            @for engine in Engine::ALL { option value=(engine.word()) selected[engine.word() == chosen] { (engine.word()) (if configured.contains(&engine) { "" } else { " (not configured)" }) } }
        } }
    }
}

fn definition_fields(said: &[(&str, &str)]) -> Markup {
    let of = |name: &str| said.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| *value);
    html! {
        div.grid4 {
            label.fld.two { span { "Title" } input name="title" required maxlength="300" autocomplete="off" placeholder="Orders above 1,000" value=(of("title")); }
            label.fld.two { span { "Description" } input name="description" maxlength="2000" autocomplete="off" value=(of("description")); }
            label.fld.two { span { "Reads the topics" } input name="inputs" required autocomplete="off" spellcheck="false" placeholder="shop.orders, shop.customers" value=(of("inputs")); }
            label.fld.two { span { "Writes the topic" } input name="output" required autocomplete="off" spellcheck="false" placeholder="shop.big-orders" value=(of("output")); }
        }
        label.fld { span { "Statement. Parts end with a semicolon; the last is the job. Credentials stay with the engine." }
            textarea.mono name="statement" rows="12" required spellcheck="false" autocapitalize="off" { "\n" (of("statement")) }
        }
    }
}

fn one(site: &Site, headers: &HeaderMap, name: &ProductName, fields: &Fields, trouble: Option<&str>) -> Response {
    let directory = site.board.directory();
    let Some(case) = directory.use_cases.get(name) else {
        return frame::missing(
            site,
            headers,
            "There is no such use case",
            "It may have been deleted. /use-cases has those that are.",
        );
    };
    let Definition { engine: by, title, description, inputs, output, statement } = &case.definition;
    let active = case.state().is_some_and(Stand::is_active);
    let governed = directory.products.iter().find(|(_, info)| info.topics.contains(output)).map(|(name, _)| name);
    let typed = |known: &str, else_: &str| match fields.iter().any(|(name, _)| name == "statement") {
        true => field(fields, known).to_owned(),
        false => else_.to_owned(),
    };
    let inputs_text = inputs.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let step = if governed.is_some() {
        4
    } else if case.has_run() {
        2
    } else {
        1
    };
    let body = html! {
        div.rail { div.stick { (steps(step)) } }
        main #main {
            div {
                (crumbs(&[("/", "Explore"), ("/create", "Create"), ("/use-cases", "Use cases")]))
                form.head method="post" action=(href(name)) {
                    (token::field(headers))
                    input type="hidden" name="etag" value=(case.tag());
                    div {
                        div.title { h1 { (title) } span.tag { (by.word()) } }
                        p { (if description.is_empty() { name.to_string() } else { description.clone() }) }
                    }
                    div.acts {
                        @if active { button.btn.danger name="do" value="stop" { "Stop" } }
                        @else { button.btn.primary name="do" value="execute" { (if case.run.is_some() { "Execute again" } else { "Execute" }) } }
                        @if let Some(product) = governed { a.btn href=(crate::page::seen::href(product)) { "Open " (product.to_string()) } }
                        @else { button.btn name="do" value="draft" aria-disabled=[(!case.has_run()).then_some("true")] { "Make it a product" } }
                    }
                }
            }
            @if let Some(trouble) = trouble { div.note.fail role="alert" { (icon("fail", "")) div { strong { "It was not done." } p { (trouble) } } } }
            (unconfigured(directory.engines.is_empty()))
            div.cols {
                div {
                    section.sec aria-labelledby="h-sql" {
                        header { h2 #h-sql { "Statement" } p { "Revision " (case.revision) ", by " (case.changed_by) ", " (day_and_clock(&rfc3339(case.changed_ms))) " UTC" } }
                        div.code.wrap { pre tabindex="0" role="region" aria-label="Text of the statement" { (statement) } button.btn.tiny data-copy=(statement) hidden { "Copy" } }
                    }
                    section.sec aria-labelledby="h-change" {
                        details open[trouble.is_some() && !typed("statement", "").is_empty()] {
                            summary { h2 #h-change { "Change it" } }
                            form.panel.pad.stack method="post" action=(href(name)) {
                                (token::field(headers))
                                input type="hidden" name="etag" value=(case.tag());
                                div.grid4 { (engine(&directory.engines, by.word())) }
                                (definition_fields(&[("title", &typed("title", title)), ("description", &typed("description", description)), ("inputs", &typed("inputs", &inputs_text)), ("output", &typed("output", output)), ("statement", &typed("statement", statement))]))
                                label.fld { span { "Why? The audit keeps it." } input name="reason" maxlength="300" autocomplete="off"; }
                                div.acts {
                                    button.btn name="do" value="save" { "Save" }
                                    button.btn.danger name="do" value="delete" formnovalidate { "Delete" }
                                }
                            }
                        }
                    }
                }
                aside {
                    section.panel.pad #run data-poll="2000" aria-labelledby="h-run" aria-live="polite" { (ran(case)) }
                    section.panel.pad aria-labelledby="h-way" {
                        h2 #h-way { "What it reads and writes" }
                        dl.facts {
                            dt { "Reads" } dd { @for topic in inputs { div.mono { (topic) } } }
                            dt { "Writes" } dd.mono { (output) }
                            dt { "Product" } dd { @if let Some(product) = governed { a href=(crate::page::seen::href(product)) { (product.to_string()) } } @else { "none yet" } }
                        }
                    }
                    section.panel.pad.stack aria-labelledby="h-call" {
                        h2 #h-call { "The same by hand" }
                        div.code.wrap { pre tabindex="0" role="region" aria-label="The call behind Execute" { (curl("POST", &format!("{}/execute", href(name)), site)) } }
                    }
                }
            }
        }
    };
    frame::page(site, headers, Place::Create, title, false, body)
}

/// How the last run stands.
fn ran(case: &UseCase) -> Markup {
    let sentence = |run: &Run| match run.state {
        Stand::Asked => "It was asked for; a worker takes it within seconds",
        Stand::Starting => "The engine has been given it",
        Stand::Running => "It runs",
        Stand::Stopping => "It is being stopped",
        Stand::Finished => "It has finished",
        Stand::Failed => "It failed",
        Stand::Cancelled => "It was stopped",
    };
    html! {
        h2 #h-run { "Last run" }
        @match &case.run {
            None => p.small.dim { "It never ran." },
            Some(run) => {
                p { span class={ "v " (if run.state == Stand::Failed { "fail" } else if matches!(run.state, Stand::Running | Stand::Finished) { "pass" } else { "unknown" }) } { (shape(Some(run.state))) (sentence(run)) } }
                @if let Some(message) = &run.message { p class=(if run.state == Stand::Failed { "bad small" } else { "small dim" }) { (message) } }
                dl.facts {
                    dt { "Since" } dd { (day_and_clock(&rfc3339(run.changed_ms))) " UTC" }
                    dt { "Asked by" } dd { (run.asked_by) }
                    @if !run.jobs.is_empty() { dt { "Jobs" } dd { @for job in &run.jobs { div.mono { (job) } } } }
                    @if let Some(worker) = &run.worker { dt { "Worker" } dd.mono { (worker) } }
                }
            }
        }
    }
}
