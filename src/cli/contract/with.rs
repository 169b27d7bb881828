//! `--with CONTRACT=RECORDS`: another contract and its records, for relationships that lead into it.

use crate::catalog::files::Source;
use crate::catalog::referred;
use crate::cli::contract::records::lines_of;
use crate::engine::contract::compile;
use crate::engine::contract::model::Contract;
use crate::engine::contract::records::Policy;
use crate::engine::contract::{joined, odcs};
use crate::engine::trial::run::Trial;
use anyhow::{Context, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A contract's file, and that of records of it.
#[derive(Clone, Debug)]
pub struct With {
    contract: PathBuf,
    records: PathBuf,
}

/// `customers.odcs.yaml=customers.jsonl`.
pub fn with(text: &str) -> Result<With, String> {
    match text.split_once('=') {
        Some((contract, records)) if !contract.is_empty() && !records.is_empty() => {
            Ok(With { contract: contract.into(), records: records.into() })
        }
        _ => {
            Err("the file of another contract and that of its records: customers.odcs.yaml=customers.jsonl".to_owned())
        }
    }
}

/// The contract with what it refers to in the others, as the daemon has it where all of them are in force.
pub fn joined(file: &Path, contract: Contract, others: &[With]) -> anyhow::Result<Contract> {
    if others.is_empty() {
        return Ok(contract);
    }
    let mut sources = vec![source(file)?];
    for other in others {
        sources.push(source(&other.contract)?);
    }
    let mut findings = Vec::new();
    let joined = referred::joined(sources, &Policy::default(), &mut findings);
    let of = |source: &Source| joined::parse(&source.text).contract;
    Ok(joined.first().and_then(of).unwrap_or(contract))
}

/// Reads the keys of their records, one value a line as JSON.
pub fn read(trial: &mut Trial, others: &[With]) -> anyhow::Result<()> {
    for other in others {
        let id = source(&other.contract)?.plan.contract_id.clone();
        let name = other.contract.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let objects = trial.referred(|contract| referred::is_called(contract, &id, name));
        if objects.is_empty() {
            bail!(
                "--with {}: no relationship of the object that is tried leads into the contract {id}",
                other.contract.display()
            );
        }
        let mut take = |number: u64, line: &[u8]| trial.keys(&objects, number, line);
        lines_of(&other.records, &mut take).with_context(|| other.records.display().to_string())?;
    }
    Ok(())
}

fn source(file: &Path) -> anyhow::Result<Source> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let contract = odcs::parse(&text).contract;
    let contract = contract.with_context(|| format!("{}: no contract can be read", file.display()))?;
    Ok(Source { path: file.into(), text, plan: Arc::new(compile::compile(&contract)) })
}
