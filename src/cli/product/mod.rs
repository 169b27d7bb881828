//! `steward product`: products as a worker's REST tells them, published and withdrawn from the terminal.

pub mod named; // which one
pub mod list; // all of them
pub mod show; // one, and how it stands
pub mod publish; // a contract becomes a product, or changes one
pub mod withdraw; // a product is no more
pub mod export; // its contracts

use crate::cli::{Exit, examples};
use std::io::Write;

#[derive(Debug, clap::Subcommand)]
pub enum Product {
    /// Lists products: owner, lifecycle, verdict, score, open incidents
    #[command(after_help = examples::PRODUCT_LIST)]
    List(list::Args),
    /// Shows one product: what its contracts say, and how it stands
    #[command(after_help = examples::PRODUCT_SHOW)]
    Show(show::Args),
    /// Publishes contracts and an ODPS document as a product, or as a change of one
    #[command(after_help = examples::PRODUCT_PUBLISH)]
    Publish(publish::Args),
    /// Withdraws a product; names whom that breaks
    #[command(after_help = examples::PRODUCT_WITHDRAW)]
    Withdraw(withdraw::Args),
    /// Writes a product's contracts, or the product as ODPS
    #[command(after_help = examples::PRODUCT_EXPORT)]
    Export(export::Args),
}

pub fn product(command: &Product, out: &mut impl Write) -> anyhow::Result<Exit> {
    match command {
        Product::List(args) => list::list(args, out),
        Product::Show(args) => show::show(args, out),
        Product::Publish(args) => publish::publish(args, out),
        Product::Withdraw(args) => withdraw::withdraw(args, out),
        Product::Export(args) => export::export(args, out),
    }
}
