//! Edges between the topics of a mesh, by what their columns hold; whatever may have another cause is no edge.
//!
//! - `Rows`: the copy's rows are the source's: a column that tells rows apart in both, and one more that agrees. The copy has no
//!   key of its own, and what agrees is no key of a third topic.
//! - `Lookup`: the copy was enriched: two columns that tell the source's rows apart come again and again in the copy. One
//!   alone is a foreign key.
//!
//! Of two sources, one of which feeds the other, only one is the nearest. The delays tell: along a chain they add up, and
//! those of siblings have nothing to do with each other. Where they do not tell, there is no edge.

use crate::engine::lineage::content::column::Column;
use crate::engine::lineage::content::compare::{Agreement, within};
use std::collections::BTreeMap;

/// Columns of a topic by name.
pub type Table = BTreeMap<String, Column>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Rows,
    Lookup,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Inferred {
    pub from: String,
    pub to: String,
    pub how: How,
    /// The least containment of its columns, 0 to 1, and its interval at 95 %.
    pub score: f64,
    pub interval: (f64, f64),
    /// Source and copy.
    pub columns: Vec<(String, String)>,
    /// The copy's columns that tell its rows apart, and the source's.
    rows: Option<(String, String)>,
}

struct Pair<'a> {
    from: &'a str,
    to: &'a str,
    agreement: Agreement,
}

/// The edges, in order of their ends.
pub fn edges(mesh: &BTreeMap<String, Table>) -> Vec<Inferred> {
    let mut found = Vec::new();
    for (to, copy) in mesh {
        for (from, source) in mesh.iter().filter(|(from, _)| *from != to) {
            found.extend(edge(mesh, (from, source), (to, copy)));
        }
    }
    let stays = |edge: &Inferred| edge.how == How::Lookup || is_nearest(mesh, &found, edge);
    let nearest: Vec<bool> = found.iter().map(stays).collect();
    let lookups = lookups_of_copies(&found);
    let kept = found.into_iter().zip(nearest).zip(lookups);
    kept.filter(|((_, nearest), inherited)| *nearest && !inherited).map(|((edge, _), _)| edge).collect()
}

fn edge(
    mesh: &BTreeMap<String, Table>,
    (from, source): (&str, &Table),
    (to, copy): (&str, &Table),
) -> Option<Inferred> {
    let pairs = pairs(source, copy);
    let column = |table: &Table, name: &str, is: fn(&Column) -> bool| table.get(name).is_some_and(is);
    let unique = |pair: &&Pair<'_>| column(source, pair.from, Column::is_unique);
    let proves = |pair: &&Pair<'_>| column(source, pair.from, Column::may_prove) && pair.agreement.is_in_order();
    let keys: Vec<&Pair<'_>> = pairs.iter().filter(unique).filter(proves).collect();
    let of_rows = keys.iter().find(|pair| column(copy, pair.to, Column::is_unique)).copied();
    let is_explained = |name: &str| pairs.iter().any(|pair| pair.to == name);
    let own_key = copy.iter().any(|(name, column)| column.is_unique() && !is_explained(name));
    let (how, used): (How, Vec<&Pair<'_>>) = match of_rows {
        Some(_) if !own_key => {
            let foreign = |pair: &&Pair<'_>| !unique(pair) && is_key_elsewhere(mesh, [from, to], &copy[pair.to]);
            (How::Rows, pairs.iter().filter(proves).filter(|pair| !foreign(pair)).collect())
        }
        Some(_) => return None,
        None => (How::Lookup, keys),
    };
    let least = used.iter().min_by(|a, b| a.agreement.interval.0.total_cmp(&b.agreement.interval.0))?;
    (used.len() >= 2).then(|| Inferred {
        from: from.to_owned(),
        to: to.to_owned(),
        how,
        score: least.agreement.containment,
        interval: least.agreement.interval,
        columns: used.iter().map(|pair| (pair.from.to_owned(), pair.to.to_owned())).collect(),
        rows: of_rows.map(|pair| (pair.to.to_owned(), pair.from.to_owned())),
    })
}

/// For each of the copy's columns the one of the source that holds most of it.
fn pairs<'a>(source: &'a Table, copy: &'a Table) -> Vec<Pair<'a>> {
    let best = |(to, copied): (&'a String, &'a Column)| {
        let held = source.iter().filter_map(|(from, column)| Some((from, within(copied, column)?)));
        let best = held.max_by(|(_, a), (_, b)| a.containment.total_cmp(&b.containment));
        best.map(|(from, agreement)| Pair { from, to, agreement })
    };
    copy.iter().filter_map(best).collect()
}

/// Whether a third topic has these values as its key.
fn is_key_elsewhere(mesh: &BTreeMap<String, Table>, but: [&str; 2], values: &Column) -> bool {
    let thirds = mesh.iter().filter(|(name, _)| !but.contains(&name.as_str()));
    thirds.flat_map(|(_, table)| table.values()).any(|key| key.is_unique() && within(values, key).is_some())
}

/// Of the sources that rows have, whether no other is nearer, or the delays say so.
fn is_nearest(mesh: &BTreeMap<String, Table>, found: &[Inferred], edge: &Inferred) -> bool {
    let rows = |from: &str, to: &str| found.iter().any(|e| e.how == How::Rows && e.from == from && e.to == to);
    let others = found.iter().filter(|e| e.how == How::Rows && e.to == edge.to && e.from != edge.from);
    others.into_iter().all(|other| match (rows(&edge.from, &other.from), rows(&other.from, &edge.from)) {
        // The other stands between the two, or beside this copy.
        (true, _) => slope(mesh, edge, other).is_some_and(|slope| slope < SIBLING_MAX),
        (_, true) => slope(mesh, other, edge).is_some_and(|slope| slope > CHAIN_MIN),
        // Two that know nothing of each other cannot both be where all rows are from.
        (false, false) => false,
    })
}

const SIBLING_MAX: f64 = 0.25;
const CHAIN_MIN: f64 = 0.75;

/// How much later a value is in the copy for each millisecond that it is later in the middle, after the first: 1 along a
/// chain, 0 where both have it from the first. `None`: the middle is always equally late.
fn slope(mesh: &BTreeMap<String, Table>, first: &Inferred, middle: &Inferred) -> Option<f64> {
    let column = |topic: &str, name: &str| mesh.get(topic)?.get(name);
    let (name, of_first) = first.rows.as_ref()?;
    let (_, of_middle) = middle.rows.as_ref().filter(|(to, _)| to == name)?;
    let copy = column(&first.to, name)?;
    let (first, middle) = (column(&first.from, of_first)?, column(&middle.from, of_middle)?);
    let delays = copy.sketch.beside(&first.sketch).filter_map(|value| {
        let began_ms = value.others_ms?;
        Some(((middle.sketch.first_seen_ms(value.hash)? - began_ms) as f64, (value.mine_ms - began_ms) as f64))
    });
    let delays: Vec<(f64, f64)> = delays.collect();
    let n = delays.len() as f64;
    let (x, y) = delays.iter().fold((0.0, 0.0), |(x, y), d| (x + d.0 / n, y + d.1 / n));
    let (spread, both) = delays
        .iter()
        .fold((0.0, 0.0), |(spread, both), d| (spread + (d.0 - x) * (d.0 - x), both + (d.0 - x) * (d.1 - y)));
    (n >= SLOPE_VALUES_MIN && spread > 0.0).then(|| both / spread)
}

/// Of so many values a slope that is 0 is off by some 1 / sqrt(100), where both spread equally.
const SLOPE_VALUES_MIN: f64 = 100.0;

/// Lookups that a copy has with its rows: what it is a copy of was enriched.
fn lookups_of_copies(found: &[Inferred]) -> Vec<bool> {
    let has = |how: How, from: &str, to: &str| found.iter().any(|e| e.how == how && e.from == from && e.to == to);
    let inherited = |edge: &Inferred| {
        let sources = found.iter().filter(|e| e.how == How::Rows && e.to == edge.to);
        edge.how == How::Lookup && sources.into_iter().any(|source| has(How::Lookup, &edge.from, &source.from))
    };
    found.iter().map(inherited).collect()
}
