//! A program that tells where the fields of a contract are: along their paths its reads are copied, each for its place.

use crate::engine::decode::avro::compile::READS_MAX;
use crate::engine::decode::avro::program::{Default, Field, NameId, Program, Read, ReadId};
use crate::engine::decode::fields::{Fields, NOWHERE, Place, RECORD};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The error says that there would be too many reads: a union of many records at each of many places.
pub fn place(program: &Program, fields: &Arc<Fields>) -> Result<Program, String> {
    let first = program.names.len() - program.fields.count();
    let names = program.names[..first].iter().cloned().chain(fields.names()).collect();
    let known = FxHashMap::default();
    let mut placer = Placer { reads: program.reads.clone(), names, first: first as NameId, fields, known };
    let root = placer.read(program.root, RECORD)?;
    Ok(Program { reads: placer.reads, root, names: placer.names, fields: fields.clone() })
}

struct Placer<'f> {
    reads: Vec<Read>,
    names: Arc<[Box<str>]>,
    /// The name of the first place.
    first: NameId,
    fields: &'f Fields,
    /// What a read has become at a place: several branches may hold the same one.
    known: FxHashMap<(ReadId, Place), ReadId>,
}

impl Placer<'_> {
    /// Recursion goes as deep as the contract does, and through a union before each step.
    fn read(&mut self, id: ReadId, at: Place) -> Result<ReadId, String> {
        if !self.fields.holds_more(at) {
            return Ok(id);
        }
        if let Some(known) = self.known.get(&(id, at)) {
            return Ok(*known);
        }
        let placed = match self.reads[id as usize].clone() {
            Read::Record { mut fields, mut defaults } => {
                for Field { name, read } in &mut fields {
                    if let Some(name) = name {
                        (*name, *read) = self.member(*name, *read, at)?;
                    }
                }
                for Default { name, read, .. } in &mut defaults {
                    (*name, *read) = self.member(*name, *read, at)?;
                }
                Read::Record { fields, defaults }
            }
            Read::Map { value, .. } => {
                let named = self.fields.children(at).into_iter();
                let named: Result<_, String> = named.map(|at| Ok((at, self.read(value, at)?))).collect();
                Read::Map { value, place: at, named: named? }
            }
            Read::Duration(names) => Read::Duration(names.map(|name| self.name(name, at).0)),
            Read::Array(item) => Read::Array(self.read(item, self.fields.items(at))?),
            Read::Union(branches) => {
                let branches: Result<_, String> = branches.iter().map(|branch| self.read(*branch, at)).collect();
                Read::Union(branches?)
            }
            _ => return Ok(id),
        };
        if self.reads.len() >= 2 * READS_MAX {
            return Err(format!("with the places of the contract's fields it has more than {} types", 2 * READS_MAX));
        }
        let new = self.reads.len() as ReadId;
        self.reads.push(placed);
        self.known.insert((id, at), new);
        Ok(new)
    }

    /// A member of a record at a place.
    fn member(&mut self, name: NameId, read: ReadId, at: Place) -> Result<(NameId, ReadId), String> {
        match self.name(name, at) {
            (name, NOWHERE) => Ok((name, read)),
            (name, place) => Ok((name, self.read(read, place)?)),
        }
    }

    /// The place of a member, and the name that says so.
    fn name(&self, name: NameId, at: Place) -> (NameId, Place) {
        match self.fields.child(at, &self.names[name as usize]) {
            NOWHERE => (name, NOWHERE),
            place => (self.first + place, place),
        }
    }
}
