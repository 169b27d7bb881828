//! The schemas of the mesh, as a schema registry has them (Confluent's API): by id, and by subject for a visitor.

use crate::demo::mesh::{Encoding, PRODUCTS};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use std::io;
use std::net::TcpListener;

/// A free port of the loopback address. Who asks before it is served waits in the socket's queue.
pub fn bind() -> io::Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves as long as its runtime lives.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    let routes = Router::new()
        .route("/subjects", get(async || Json(schemas().map(|(topic, ..)| subject(topic)).collect::<Vec<_>>())))
        .route("/subjects/{subject}/versions/latest", get(latest))
        .route("/schemas/ids/{id}", get(by_id));
    axum::serve(tokio::net::TcpListener::from_std(listener)?, routes).await
}

async fn by_id(Path(wanted): Path<u32>) -> Response {
    match schemas().find(|(_, id, _)| *id == wanted) {
        Some((_, _, schema)) => Json(json!({"schema": schema})).into_response(),
        None => missing(40403, "Schema not found"),
    }
}

async fn latest(Path(wanted): Path<String>) -> Response {
    match schemas().find(|(topic, ..)| subject(topic) == wanted) {
        Some((_, id, schema)) => {
            Json(json!({"subject": wanted, "version": 1, "id": id, "schema": schema})).into_response()
        }
        None => missing(40401, "Subject not found"),
    }
}

fn missing(code: u32, message: &str) -> Response {
    (StatusCode::NOT_FOUND, Json(json!({"error_code": code, "message": message}))).into_response()
}

fn subject(topic: &str) -> String {
    format!("{topic}-value")
}

/// Topic, id and text of each registered schema.
fn schemas() -> impl Iterator<Item = (&'static str, u32, &'static str)> {
    PRODUCTS.iter().filter_map(|product| match product.encoding {
        Encoding::Framed(id, schema) => Some((product.topic, id, schema)),
        Encoding::Json | Encoding::Avro(_) => None,
    })
}
