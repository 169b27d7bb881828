//! The profile of one window: a commutative monoid beside the rule counts, and how it goes in parts.

use crate::engine::profile::field::Field;
use crate::engine::profile::shape::EXTRA_FIELDS_MAX;
use crate::engine::profile::topic::Topic;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// `Profile::default()` is the identity of `merge`. Counts are exact in any order; sketches are within their error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub topic: Topic,
    /// By number in the contract's `ProfilePlan`; no longer than to the last that was seen.
    #[serde(with = "sparse")]
    pub fields: Vec<Option<Box<Field>>>,
    /// Ascending by path: what records hold and the contract does not describe, the first `EXTRA_FIELDS_MAX`.
    #[serde(deserialize_with = "ascending")]
    pub extra: Vec<(String, Box<Field>)>,
    /// Values of fields beyond those.
    pub folded: u64,
}

/// What can be taken out of a profile and put into another.
#[derive(Debug)]
pub enum Piece {
    Field(usize, Box<Field>),
    Extra(String, Box<Field>),
}

impl Profile {
    pub fn merge(&mut self, other: Profile) {
        self.topic.merge(other.topic);
        for (number, field) in other.fields.into_iter().enumerate() {
            if let Some(field) = field {
                self.put(Piece::Field(number, field));
            }
        }
        self.folded += other.folded;
        for (path, field) in other.extra {
            self.put(Piece::Extra(path, field));
        }
    }

    pub fn field(&mut self, number: usize) -> &mut Field {
        if self.fields.len() <= number {
            self.fields.resize_with(number + 1, || None);
        }
        self.fields[number].get_or_insert_default()
    }

    /// The field `name` of what `prefix` ends in. `place`: where it was found last, and is found now. `None`: there are too
    /// many, and the value is counted among the folded.
    pub fn extra(&mut self, prefix: &str, name: &str, place: &mut usize) -> Option<&mut Field> {
        let is_it = |(path, _): &(String, Box<Field>)| path.strip_prefix(prefix) == Some(name);
        if !self.extra.get(*place).is_some_and(is_it) {
            *place = self.place_of(prefix, name)?;
        }
        self.extra.get_mut(*place).map(|(_, field)| &mut **field)
    }

    /// Where it stands; it is put there if it is new.
    fn place_of(&mut self, prefix: &str, name: &str) -> Option<usize> {
        let bytes = || prefix.bytes().chain(name.bytes());
        let place = match self.extra.binary_search_by(|(path, _)| path.bytes().cmp(bytes())) {
            Ok(place) => return Some(place),
            Err(place) => place,
        };
        if place >= EXTRA_FIELDS_MAX {
            self.folded += 1;
            return None;
        }
        self.extra.insert(place, (format!("{prefix}{name}"), Box::default()));
        self.fold();
        Some(place)
    }

    /// The first by name stay: whoever is dropped once is dropped in every order of merging, so that those who stay have
    /// never lost a count.
    fn fold(&mut self) {
        while self.extra.len() > EXTRA_FIELDS_MAX {
            let Some((_, field)) = self.extra.pop() else { return };
            self.folded += field.kinds.total();
        }
    }

    pub fn put(&mut self, piece: Piece) {
        match piece {
            Piece::Field(number, field) => self.field(number).merge(*field),
            Piece::Extra(path, field) => {
                match self.extra.binary_search_by(|(known, _)| known.cmp(&path)) {
                    Ok(place) => self.extra[place].1.merge(*field),
                    Err(place) => self.extra.insert(place, (path, field)),
                }
                self.fold();
            }
        }
    }

    /// All fields, leaving what the records themselves are.
    pub fn take_pieces(&mut self) -> Vec<Piece> {
        let fields = std::mem::take(&mut self.fields).into_iter().enumerate();
        let mut pieces: Vec<Piece> = fields.filter_map(|(i, f)| Some(Piece::Field(i, f?))).collect();
        pieces.extend(std::mem::take(&mut self.extra).into_iter().map(|(path, field)| Piece::Extra(path, field)));
        pieces
    }

    /// Roughly what it weighs when written.
    pub fn weight_bytes(&self) -> usize {
        let fields: usize = self.fields.iter().flatten().map(|f| 2 + f.size_bytes()).sum();
        let extra: usize = self.extra.iter().map(|(path, f)| 1 + path.len() + f.size_bytes()).sum();
        self.topic.size_bytes() + fields + extra
    }
}

impl Piece {
    pub fn weight_bytes(&self) -> usize {
        match self {
            Piece::Field(_, field) => 2 + field.size_bytes(),
            Piece::Extra(path, field) => 1 + path.len() + field.size_bytes(),
        }
    }
}

/// Of one path there is one, and they stand in order, whatever was written.
fn ascending<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, Box<Field>)>, D::Error> {
    Ok(BTreeMap::deserialize(deserializer)?.into_iter().collect())
}

/// Only the fields that are there, each with its number.
mod sparse {
    use crate::engine::profile::field::Field;
    use crate::engine::profile::shape::FIELDS_MAX;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    type Fields = Vec<Option<Box<Field>>>;

    pub fn serialize<S: Serializer>(fields: &Fields, serializer: S) -> Result<S::Ok, S::Error> {
        // A sequence says its length first.
        let there: Vec<(u32, &Field)> =
            fields.iter().enumerate().filter_map(|(i, f)| Some((i as u32, f.as_deref()?))).collect();
        serializer.collect_seq(there)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fields, D::Error> {
        let mut fields = Fields::new();
        for (number, field) in Vec::<(u32, Box<Field>)>::deserialize(deserializer)? {
            let number = number as usize;
            if number >= FIELDS_MAX {
                return Err(D::Error::custom(format!("field {number} of at most {FIELDS_MAX}")));
            }
            if fields.len() <= number {
                fields.resize_with(number + 1, || None);
            }
            fields[number] = Some(field);
        }
        Ok(fields)
    }
}
