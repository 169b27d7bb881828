//! Dashboards and rules as their files say them, and every query in them.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// A query and where it stands.
pub struct Query {
    pub place: String,
    pub expr: String,
}

/// An alert, or a recording rule.
pub struct Rule {
    pub name: String,
    pub alerts: bool,
    pub value: Value,
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards")
}

/// Each dashboard with its file's name.
pub fn boards() -> Vec<(String, Value)> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .expect("the dashboards")
        .map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".json"))
        .collect();
    names.sort();
    let read = |name: String| {
        let board = serde_json::from_str(&text(&name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        (name, board)
    };
    names.into_iter().map(read).collect()
}

/// Every query of a dashboard's panels.
pub fn queries(name: &str, board: &Value) -> Vec<Query> {
    let of_panel = |panel: &Value| -> Vec<Query> {
        let place = format!("{name}: {}", panel["title"].as_str().unwrap_or_default());
        let expr = |target: &Value| target["expr"].as_str().unwrap_or_default().to_owned();
        elements(&panel["targets"]).map(|target| Query { place: place.clone(), expr: expr(target) }).collect()
    };
    elements(&board["panels"]).flat_map(of_panel).collect()
}

pub fn rules() -> Vec<Rule> {
    let rule = |value: &Value| {
        let alert = value["alert"].as_str();
        let name = alert.or(value["record"].as_str()).unwrap_or_default().to_owned();
        Rule { name, alerts: alert.is_some(), value: value.clone() }
    };
    let file = yaml("rules.yaml");
    elements(&file["groups"]).flat_map(|group| elements(&group["rules"])).map(rule).collect()
}

/// A YAML file of the folder.
pub fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&text(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

pub fn text(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Of an array; of anything else nothing.
pub fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
