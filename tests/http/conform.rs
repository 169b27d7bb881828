//! Holds every answer that these tests get against `openapi.json`: its status, media type and body must stand there.

use jsonschema::Validator;
use mesh_steward::http::openapi;
use mesh_steward::http::routes;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

pub fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| openapi::of(&routes::table()))
}

/// `target`: path and query as they were asked.
pub fn holds(method: &str, target: &str, status: u16, media: &str, body: &str) {
    let path = target.split('?').next().unwrap_or_default();
    // Pages and what they load are no part of it; 431 and an empty 400 are hyper's, of what is no HTTP.
    if media.starts_with("text/html")
        || path.starts_with("/assets/")
        || status == 431
        || (status == 400 && body.is_empty())
    {
        return;
    }
    let said = format!("{method} {target}: {status} {media}: {body}");
    let method = if method == "HEAD" { "get" } else { &method.to_lowercase() };
    let Some(operation) = template(path).and_then(|template| document()["paths"][template].get(method)) else {
        assert!([400, 401, 403, 404, 405].contains(&status), "openapi.json has no such operation: {said}");
        return;
    };
    let responses = &operation["responses"];
    let documented = responses.get(status.to_string()).or((400..500).contains(&status).then(|| &responses["4XX"]));
    let documented = documented.unwrap_or_else(|| panic!("openapi.json has no such status: {said}"));
    if body.is_empty() {
        return; // of HEAD, or none
    }
    let media = media.split(';').next().unwrap_or_default();
    let content = documented["content"].get(media);
    let content = content.unwrap_or_else(|| panic!("openapi.json has no such media type: {said}"));
    if media.ends_with("json") {
        let value: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {said}"));
        let name = content["schema"]["$ref"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        if let Some(wrong) = wrong(name, &value) {
            panic!("{wrong}\nis not the schema {name}: {said}");
        }
    }
}

/// What is wrong with a value of this schema.
fn wrong(name: &str, value: &Value) -> Option<String> {
    static KNOWN: Mutex<BTreeMap<String, Validator>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let made = || {
        let schema = json!({"$ref": format!("#/components/schemas/{name}"), "components": document()["components"]});
        jsonschema::validator_for(&schema).unwrap()
    };
    let validator = known.entry(name.to_owned()).or_insert_with(made);
    let errors: Vec<String> = validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect();
    (!errors.is_empty()).then(|| errors.join("\n"))
}

/// The path of the document that this one is, the one with most words of its own.
fn template(path: &str) -> Option<&'static str> {
    let words: Vec<&str> = path.split('/').collect();
    let fits = |template: &&String| {
        let of: Vec<&str> = template.split('/').collect();
        of.len() == words.len() && of.iter().zip(&words).all(|(of, word)| of.starts_with('{') || of == word)
    };
    let paths = document()["paths"].as_object()?;
    paths.keys().filter(fits).min_by_key(|template| template.matches('{').count()).map(String::as_str)
}
