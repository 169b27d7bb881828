//! A subject version, asked of a schema registry.

use crate::cli::contract::topic;
use crate::config::registry::Registry;
use crate::registry::client::Client;
use anyhow::{Context, anyhow};
use std::path::Path;

/// The subject version as JSON, what it refers to beside it. `version`: the latest where there is none.
pub fn read(registry: &Registry, subject: &str, version: Option<u32>) -> anyhow::Result<String> {
    let mut client = Client::new(registry).map_err(|why| anyhow!("registry: {why}"))?;
    let answer = client.subject(subject, version, |_| {}).map_err(|failure| anyhow!("registry: {}", failure.reason))?;
    let answer = answer.with_context(|| match version {
        None => format!("the registry has no subject {subject}; GET /subjects lists those that it has"),
        Some(version) => format!("the registry has no version {version} of a subject {subject}"),
    })?;
    Ok(answer.to_string())
}

/// The registry that a configuration names, or the one at an address.
pub fn registry(config: Option<&Path>, url: Option<&str>) -> anyhow::Result<Registry> {
    let env = std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
    let registry = match (config, url) {
        (_, Some(url)) => Registry::at(url, &env.collect()).map_err(|errors| anyhow!("{errors}"))?,
        (Some(file), None) => topic::load(file)?.registry,
        (None, None) => return Err(anyhow!("no schema registry is named: give it as --registry.url or --config")),
    };
    match registry.urls.is_empty() {
        true => Err(anyhow!("no schema registry is named: set registry.url, or give --registry.url")),
        false => Ok(registry),
    }
}
