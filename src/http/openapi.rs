//! `/openapi.json`: REST as OpenAPI 3.1 has it, made of the table of routes and of the schemas beside this file.

use crate::engine::access::standing::Standing;
use crate::http::routes::{self, Gives, PROBLEM, Route};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use std::sync::OnceLock;

/// By name; `$ref` among them as the document has it.
const SCHEMAS: &str = include_str!("schemas.json");

pub async fn document() -> Response {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| of(&routes::table()).to_string());
    ([(CONTENT_TYPE, routes::JSON)], text.as_str()).into_response()
}

/// The document of these routes.
pub fn of(rows: &[Route]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for row in rows {
        let at = paths.entry(row.path.to_owned()).or_insert_with(|| json!({}));
        at[row.method.as_str().to_lowercase()] = operation(row);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Mesh Steward",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "REST of the governance daemon. Some of these URLs give pages for people to whoever asks for text/html.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        // Where nobody has to log in, nothing is as good as a login.
        "security": [{"token": []}, {"password": []}, {"certificate": []}, {}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "token": {
                    "type": "http", "scheme": "bearer",
                    "description": "A token of `steward token`, or a JWT of the OpenID provider.",
                },
                "password": {"type": "http", "scheme": "basic", "description": "A login's name, and its password or token."},
                "certificate": {"type": "mutualTLS", "description": "A client's certificate that a login names."},
            },
        },
    })
}

pub fn schemas() -> Value {
    // Its own test reads it.
    serde_json::from_str(SCHEMAS).unwrap_or_default()
}

fn operation(row: &Route) -> Value {
    let mut responses: Map<String, Value> = Map::new();
    for Gives { status, body } in &row.gives {
        let status = status.to_string();
        let what = if status.starts_with('2') { row.tells } else { "It could not be done; the body says why" };
        let response = responses.entry(status).or_insert_with(|| json!({"description": what}));
        if let Some((media, schema)) = body {
            response["content"][*media] = of_schema(schema);
        }
    }
    let refused = json!({"description": "Refused: the body says why, and what to do", "content": {PROBLEM: of_schema("Problem")}});
    responses.insert("4XX".into(), refused);
    let in_path = row.path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}'));
    let parameters: Vec<Value> = in_path
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}}))
        .chain(row.query.iter().map(|(name, means)| {
            json!({"name": name, "in": "query", "required": false, "description": means, "schema": {"type": "string"}})
        }))
        .collect();
    let mut operation = json!({
        "operationId": id(row),
        "summary": row.tells,
        "tags": [tag(row.path)],
        "parameters": parameters,
        "responses": responses,
        "description": asks(row.asks),
    });
    if row.asks == Standing::Nobody {
        operation["security"] = json!([]);
    }
    for (media, schema) in &row.takes {
        operation["requestBody"]["required"] = json!(true);
        operation["requestBody"]["content"][*media] = of_schema(schema);
    }
    operation
}

fn of_schema(name: &str) -> Value {
    json!({"schema": {"$ref": format!("#/components/schemas/{name}")}})
}

fn asks(asks: Standing) -> &'static str {
    match asks {
        Standing::Nobody => "Open to everybody.",
        Standing::Viewer => "Asks for the role viewer.",
        Standing::Publisher => "Asks for the role publisher of some domain.",
        Standing::Owner => "Asks for the role publisher of the product's domain.",
        Standing::Admin => "Asks for the role admin.",
    }
}

/// `get_products_domain_name_status`
fn id(row: &Route) -> String {
    let words = row.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<&str> = words.collect();
    format!("{}_{}", row.method.as_str().to_lowercase(), if words.is_empty() { "root".into() } else { words.join("_") })
}

fn tag(path: &str) -> &str {
    match path.trim_start_matches('/') {
        marquez if marquez.starts_with("api/v1") => "marquez",
        path => path.split('/').next().filter(|word| !word.is_empty()).unwrap_or("worker"),
    }
}
