//! What is wrong with a dashboard, the queries aside: its grid, its ids, and what an operator would miss on it.

use crate::boards::elements;
use serde_json::Value;
use std::collections::BTreeSet;

/// Kinds of panel that Grafana has built in and that we use; `strict` knows the same.
const TYPES: [&str; 6] = ["bargauge", "row", "stat", "state-timeline", "table", "timeseries"];
/// Of Grafana's units those that base units need.
const UNITS: [&str; 7] = ["Bps", "bytes", "cps", "none", "percentunit", "s", "short"];
/// Columns of Grafana's grid.
const WIDTH: u64 = 24;
/// Every dashboard begins with these variables, so that a link takes them along.
const VARIABLES: [&str; 3] = ["datasource", "job", "instance"];

/// `uids`: of all dashboards that links may lead to.
pub fn faults(board: &Value, uids: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    let text = |key: &str| board[key].as_str().unwrap_or_default();
    let mut must = |holds: bool, fault: &str| faults.extend((!holds).then(|| fault.to_owned()));
    must(text("uid").starts_with("mesh-steward-"), "its uid does not begin with mesh-steward-");
    must(board.get("id").is_none(), "it has an id, which is one Grafana's own");
    must(!text("title").is_empty() && !text("description").is_empty(), "it has no title or no description");
    must(board["editable"] == false, "it is editable: what is changed in Grafana is lost with the next import");
    must(board["tags"] == serde_json::json!(["mesh-steward"]), "without the tag, links do not find it");
    let link = &board["links"][0];
    must(
        link["tags"] == board["tags"] && link["includeVars"] == true && link["keepTime"] == true,
        "no link to the others",
    );

    let variables: Vec<&Value> = elements(&board["templating"]["list"]).collect();
    let names: Vec<&str> = variables.iter().filter_map(|variable| variable["name"].as_str()).collect();
    must(names.starts_with(&VARIABLES), "its variables do not begin with datasource, job, instance");
    must(variables[0]["type"] == "datasource" && variables[0]["query"] == "prometheus", "datasource chooses none");
    for variable in variables.iter().skip(1) {
        must(variable["refresh"] == 2, "a variable is not read again when the time range changes");
        let all = variable["includeAll"] == true;
        must(variable["multi"] == all && (variable["allValue"] == ".+") == all, "All is not .+");
    }
    named_sources(board, "", &mut faults);
    leads(board, uids, &mut faults);
    let used = board.to_string();
    for name in names.iter().skip(1) {
        let used = used.contains(&format!("\\\"${name}\\\""));
        faults.extend((!used).then(|| format!("no query asks for ${name}")));
    }

    let mut taken: Vec<(&str, [u64; 4])> = Vec::new();
    let mut ids = BTreeSet::new();
    for panel in elements(&board["panels"]) {
        let title = panel["title"].as_str().unwrap_or_default();
        let of_panel = panel_faults(panel).into_iter().map(|fault| format!("{title}: {fault}"));
        faults.extend(of_panel);
        if !panel["id"].as_u64().is_some_and(|id| id > 0 && ids.insert(id)) {
            faults.push(format!("{title}: its id is taken, or none"));
        }
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap_or_default());
        if w == 0 || h == 0 || x + w > WIDTH {
            faults.push(format!("{title}: it is not within the grid"));
        }
        let meets = |[ox, oy, ow, oh]: [u64; 4]| x < ox + ow && ox < x + w && y < oy + oh && oy < y + h;
        faults.extend(taken.iter().filter(|(_, at)| meets(*at)).map(|(other, _)| format!("{title}: over {other}")));
        taken.push((title, [x, y, w, h]));
    }
    faults
}

fn panel_faults(panel: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |holds: bool, fault: &str| faults.extend((!holds).then(|| fault.to_owned()));
    let text = |key: &str| panel[key].as_str().unwrap_or_default();
    must(TYPES.contains(&text("type")), "no such type of panel");
    must(!text("title").is_empty(), "it has no title");
    if text("type") == "row" {
        return faults;
    }
    must(text("description").ends_with('.'), "its description is no sentence");
    let defaults = &panel["fieldConfig"]["defaults"];
    must(defaults["unit"].as_str().is_some_and(|unit| UNITS.contains(&unit)), "it has no unit that we use");
    let steps = elements(&defaults["thresholds"]["steps"]).collect::<Vec<_>>();
    must(steps.first().is_some_and(|first| first["value"].is_null()), "its thresholds have no beginning");
    must(steps[1..].is_sorted_by_key(|step| step["value"].as_f64()), "its thresholds do not rise");
    let targets: Vec<&Value> = elements(&panel["targets"]).collect();
    must(!targets.is_empty(), "it asks for nothing");
    let refs: BTreeSet<&str> = targets.iter().filter_map(|target| target["refId"].as_str()).collect();
    must(refs.len() == targets.len(), "two targets have one refId");
    must(targets.iter().all(|target| target["expr"].as_str().is_some_and(|expr| !expr.is_empty())), "no expr");
    must(targets.iter().all(|target| target["instant"] != target["range"]), "a target is neither instant nor range");
    must(targets.iter().chain([&panel]).all(|asked| asked["datasource"].is_object()), "no data source");
    faults
}

/// Data sources that are named otherwise than by the variable.
fn named_sources(value: &Value, key: &str, faults: &mut Vec<String>) {
    if key == "datasource" && *value != serde_json::json!({"type": "prometheus", "uid": "${datasource}"}) {
        faults.push(format!("a data source that nobody else has: {value}"));
    }
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| named_sources(value, key, faults)),
        Value::Array(items) => items.iter().for_each(|value| named_sources(value, "", faults)),
        _ => {}
    }
}

/// Links that lead nowhere.
fn leads(value: &Value, uids: &BTreeSet<String>, faults: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.values().for_each(|value| leads(value, uids, faults)),
        Value::Array(items) => items.iter().for_each(|value| leads(value, uids, faults)),
        Value::String(text) => {
            let uid = text.strip_prefix("/d/").map(|rest| rest.split(['?', '/']).next().unwrap_or_default());
            faults
                .extend(uid.filter(|uid| !uids.contains(*uid)).map(|uid| format!("a link to `{uid}`, which is none")));
        }
        _ => {}
    }
}
