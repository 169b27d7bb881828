//! What each field of the records was seen to be. It keeps no record, and every field and list of values has a bound.

use crate::engine::check::key::Hashes;
use crate::engine::check::keys::Keys;
use crate::engine::contract::text::format::TextFormat;
use crate::engine::contract::text::moment::Moments;
use crate::engine::decode::decoder::{Decoder, Unread};
use crate::engine::decode::fields::Fields;
use crate::engine::decode::framing::Encoding;
use crate::engine::decode::moment::MomentKind;
use crate::engine::decode::schema::{SchemaRef, Schemas};
use crate::engine::decode::tree::{Kind, Value};
use crate::engine::infer::guess;
use crate::engine::record::RawRecord;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names that one object may have before they are taken for data: then it is a map.
const CHILDREN_MAX: usize = 200;
/// Fields in all; more are counted and not described.
const FIELDS_MAX: usize = 2_000;
/// Different texts of a field before it is no list of words, and how long a word may be.
pub const WORDS_MAX: usize = 20;
const WORD_BYTES: usize = 64;
/// Fields whose values are looked at for uniqueness: each may hold a million hashes, some 18 MB.
const KEYS_MAX: usize = 8;

/// Formats that a text may be seen to have; others hold for too much.
pub const FORMATS: [(&str, TextFormat); 5] = [
    ("uuid", TextFormat::Uuid),
    ("email", TextFormat::Email),
    ("ipv4", TextFormat::Ipv4),
    ("ipv6", TextFormat::Ipv6),
    ("uri", TextFormat::Uri),
];

#[derive(Debug)]
pub struct Gathered {
    pub read: u64,
    pub tombstones: u64,
    pub undecodable: u64,
    /// The record itself.
    pub root: Field,
    decoder: Decoder,
    /// No field is known before.
    none: Arc<Fields>,
    room: Room,
}

/// What is left of the bounds, and what texts are tried with.
#[derive(Debug)]
struct Room {
    fields: usize,
    keys: usize,
    hashes: Hashes,
    date: Moments,
    timestamp: Moments,
}

/// What was seen of one field, over all the objects (or arrays) that could hold it.
#[derive(Debug, Default)]
pub struct Field {
    /// Values, null among them.
    pub seen: u64,
    pub nulls: u64,
    pub kinds: Kinds,
    /// Of numbers.
    pub least: Option<f64>,
    pub most: Option<f64>,
    /// Characters of texts, items of arrays.
    pub shortest: Option<usize>,
    pub longest: usize,
    /// Texts, and how often; `None`: too many, or too long.
    pub words: Option<BTreeMap<String, u64>>,
    /// How many texts have each of `FORMATS`, are a date, are a timestamp.
    pub formats: [u64; FORMATS.len()],
    pub dates: u64,
    pub timestamps: u64,
    /// Of fields that may be a key.
    pub keys: Option<Keys>,
    /// In the order in which they were first seen.
    pub children: Vec<(String, Field)>,
    /// It has too many names to be an object of fields.
    pub is_map: bool,
    pub items: Option<Box<Field>>,
}

/// How many values of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    pub boolean: u64,
    pub integer: u64,
    /// With a fraction.
    pub fraction: u64,
    pub text: u64,
    pub bytes: u64,
    pub date: u64,
    pub timestamp: u64,
    pub time: u64,
    pub array: u64,
    pub object: u64,
}

impl Default for Gathered {
    fn default() -> Gathered {
        Gathered {
            read: 0,
            tombstones: 0,
            undecodable: 0,
            root: Field::default(),
            decoder: Decoder::default(),
            none: Arc::default(),
            room: Room {
                fields: FIELDS_MAX,
                keys: KEYS_MAX,
                hashes: Hashes::new(b"steward infers.."),
                date: Moments::iso(MomentKind::Date),
                timestamp: Moments::iso(MomentKind::Timestamp),
            },
        }
    }
}

impl Gathered {
    /// A line of a file: JSON, `null` for a tombstone, or nothing.
    pub fn line(&mut self, line: &[u8]) {
        let value = match line.trim_ascii() {
            b"" => return,
            b"null" => None,
            _ => Some(line),
        };
        let record = RawRecord { offset: 0, timestamp_ms: -1, key: None, value, schema_header: None, headers: None };
        // JSON needs no schema.
        let _ = self.see(&record, &Encoding::Json);
    }

    /// A record of a topic. The error names the schema that is wanted first.
    pub fn record(&mut self, record: &RawRecord<'_>) -> Result<(), SchemaRef> {
        self.see(record, &Encoding::Unsaid)
    }

    pub fn replace_schemas(&mut self, schemas: Arc<Schemas>) {
        self.decoder.replace_schemas(schemas);
    }

    /// Records that were read as an object.
    pub fn decoded(&self) -> u64 {
        self.root.kinds.object
    }

    fn see(&mut self, record: &RawRecord<'_>, encoding: &Encoding) -> Result<(), SchemaRef> {
        let Some(bytes) = record.value else {
            self.read += 1;
            self.tombstones += 1;
            return Ok(());
        };
        let Gathered { decoder, none, root, room, .. } = self;
        match decoder.record(encoding, none, record, bytes) {
            Ok(value) => root.see("", value, false, room),
            Err(Unread::Needs(schema)) => return Err(schema),
            Err(Unread::Undecodable(_)) => self.undecodable += 1,
        }
        self.read += 1;
        Ok(())
    }
}

impl Field {
    /// Values that are not null.
    pub fn values(&self) -> u64 {
        self.seen - self.nulls
    }

    /// `in_items`: it stands in an array, where nothing is a key of the record.
    fn see(&mut self, name: &str, value: Value<'_>, in_items: bool, room: &mut Room) {
        self.seen += 1;
        match value.kind() {
            Kind::Null => self.nulls += 1,
            Kind::Bool(_) => self.kinds.boolean += 1,
            Kind::Number(number) => {
                *(if number.is_whole() { &mut self.kinds.integer } else { &mut self.kinds.fraction }) += 1;
                // What is no number keeps no bound.
                let n = if number.as_f64().is_nan() { f64::NEG_INFINITY } else { number.as_f64() };
                self.least = Some(self.least.map_or(n, |least| least.min(n)));
                self.most = Some(self.most.map_or(n, |most| most.max(n)));
                self.key(name, value, in_items, room);
            }
            Kind::Text(text) => {
                self.see_text(text, room);
                self.key(name, value, in_items, room);
            }
            Kind::Bytes(_) => self.kinds.bytes += 1,
            Kind::Moment(moment) => {
                let kinds = &mut self.kinds;
                *match moment.kind {
                    MomentKind::Date => &mut kinds.date,
                    MomentKind::Timestamp => &mut kinds.timestamp,
                    MomentKind::Time => &mut kinds.time,
                } += 1;
            }
            Kind::Array(items) => {
                self.kinds.array += 1;
                self.measure(items.len());
                let of_items = self.items.get_or_insert_default();
                items.for_each(|item| of_items.see("", item, true, room));
            }
            Kind::Object(members) => {
                self.kinds.object += 1;
                if self.is_map {
                    return;
                }
                for (i, (name, value)) in members.enumerate() {
                    if let Some(child) = self.child(i, name, room) {
                        child.see(name, value, in_items, room);
                    }
                }
                if self.children.len() > CHILDREN_MAX {
                    self.is_map = true;
                    room.fields += self.children.drain(..).count();
                }
            }
        }
    }

    /// Members mostly come in one order, so that a name is looked for where it stood. `None`: there are enough fields.
    fn child(&mut self, at: usize, name: &str, room: &mut Room) -> Option<&mut Field> {
        let there = self.children.get(at).is_some_and(|(known, _)| known == name);
        let place = if there { Some(at) } else { self.children.iter().position(|(known, _)| known == name) };
        let place = match place {
            Some(place) => place,
            None => {
                room.fields = room.fields.checked_sub(1)?;
                self.children.push((name.to_owned(), Field { words: Some(BTreeMap::new()), ..Field::default() }));
                self.children.len() - 1
            }
        };
        self.children.get_mut(place).map(|(_, field)| field)
    }

    fn see_text(&mut self, text: &str, room: &Room) {
        self.kinds.text += 1;
        self.measure(text.chars().count());
        for (count, (name, format)) in self.formats.iter_mut().zip(FORMATS) {
            // Nearly every text with a colon is a URI by its grammar.
            *count += u64::from(format.holds(text) && (name != "uri" || text.contains("://")));
        }
        self.dates += u64::from(room.date.read(text).is_some());
        self.timestamps += u64::from(room.timestamp.read(text).is_some());
        let Some(words) = &mut self.words else { return };
        if let Some(count) = words.get_mut(text) {
            *count += 1;
        } else if words.len() < WORDS_MAX && text.len() <= WORD_BYTES {
            words.insert(text.to_owned(), 1);
        } else {
            self.words = None;
        }
    }

    fn measure(&mut self, length: usize) {
        self.shortest = Some(self.shortest.map_or(length, |shortest| shortest.min(length)));
        self.longest = self.longest.max(length);
    }

    fn key(&mut self, name: &str, value: Value<'_>, in_items: bool, room: &mut Room) {
        if self.keys.is_none() && self.values() == 1 && !in_items && room.keys > 0 && guess::may_be_key(name) {
            room.keys -= 1;
            self.keys = Some(Keys::default());
        }
        if let Some(keys) = &mut self.keys {
            keys.insert(room.hashes.of([value]));
        }
    }
}
