//! One product of a worker, as `show`, `export` and `withdraw` take it.

use crate::cli::rest::{Worker, escaped};
use anyhow::bail;

#[derive(Debug, clap::Args)]
pub struct Named {
    #[command(flatten)]
    pub worker: Worker,
    /// The product
    #[arg(value_name = "DOMAIN/NAME")]
    pub product: String,
    /// Prints one JSON document
    #[arg(long)]
    pub json: bool,
}

impl Named {
    pub fn path(&self) -> anyhow::Result<String> {
        path(&self.product)
    }
}

/// `/products/{domain}/{name}` of `domain/name`.
pub fn path(product: &str) -> anyhow::Result<String> {
    match product.split_once('/') {
        Some((domain, name)) if !domain.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok(format!("/products/{}/{}", escaped(domain), escaped(name)))
        }
        _ => bail!("{product} is no product; write domain/name, as `steward product list` does"),
    }
}
