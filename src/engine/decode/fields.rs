//! The fields that a contract names, as one tree of places: a decoder tells them by number while it reads a record, and
//! nobody compares their names again.

use crate::engine::decode::path::{FieldPath, Step};
use rustc_hash::FxHashMap;

/// Where a field stands, by number; places are numbered as the contract names them.
pub type Place = u32;

/// The record itself.
pub const RECORD: Place = 0;
/// What no contract names.
pub const NOWHERE: Place = u32::MAX;

/// A tree of places.
#[derive(Clone, Debug)]
pub struct Fields {
    places: Vec<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    parent: Place,
    /// In the object around it; empty for the record and for items.
    name: Box<str>,
    /// `"name":`, as JSON mostly has it; empty where the name cannot stand there as it is.
    written: Box<[u8]>,
    by_name: FxHashMap<Box<str>, Place>,
    /// What its items are, where it is an array.
    items: Place,
}

/// How a field is found in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The place, up to the first array or map.
    pub place: Place,
    /// And on from there, into each of its items.
    pub rest: Box<[Turn]>,
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    Items,
    Keys,
    Values,
    Field(Place),
    /// Within a map, where nothing has a place: its names are data.
    Member(Box<str>),
}

impl Default for Fields {
    /// The record alone.
    fn default() -> Fields {
        Fields::of([])
    }
}

impl Fields {
    /// The tree of these paths, up to the first map, and of all that stands around them.
    pub fn of<'p>(paths: impl IntoIterator<Item = &'p FieldPath>) -> Fields {
        let mut fields = Fields { places: vec![Known::new(NOWHERE, "")] };
        for path in paths {
            let mut at = RECORD;
            for step in &path.0 {
                let (known, name) = match step {
                    Step::Keys | Step::Values => break,
                    Step::Items => (fields.items(at), None),
                    Step::Name(name) => (fields.child(at, name), Some(name.as_str())),
                };
                at = if known == NOWHERE { fields.grow(at, name) } else { known };
            }
        }
        fields
    }

    /// One more place: a member of an object at `around`, or (`None`) the items of an array there. `NOWHERE` where there is
    /// no such place.
    pub fn grow(&mut self, around: Place, name: Option<&str>) -> Place {
        let new = self.places.len() as Place;
        let Some(known) = self.places.get_mut(around as usize) else { return NOWHERE };
        match name {
            Some(name) => drop(known.by_name.insert(name.into(), new)),
            None => known.items = new,
        }
        self.places.push(Known::new(around, name.unwrap_or_default()));
        new
    }

    /// The number of places, the record's included.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// By place: the name in the object around it; empty for the record and for items.
    pub fn names(&self) -> impl Iterator<Item = Box<str>> {
        self.places.iter().map(|known| known.name.clone())
    }

    /// The place around it; `NOWHERE` around the record.
    pub fn parent(&self, place: Place) -> Place {
        self.get(place).map_or(NOWHERE, |known| known.parent)
    }

    /// The member of this name of an object at the place; `NOWHERE`: no contract names it.
    pub fn child(&self, place: Place, name: &str) -> Place {
        self.get(place).and_then(|known| known.by_name.get(name)).copied().unwrap_or(NOWHERE)
    }

    /// All members that are named of an object at the place, in order.
    pub fn children(&self, place: Place) -> Vec<Place> {
        let named = self.get(place).map(|known| known.by_name.values().copied().collect());
        let mut named: Vec<Place> = named.unwrap_or_default();
        named.sort_unstable();
        named
    }

    /// Whether the contract names anything in what stands at the place.
    pub fn holds_more(&self, place: Place) -> bool {
        self.get(place).is_some_and(|known| known.items != NOWHERE || !known.by_name.is_empty())
    }

    /// What the items of an array at the place are.
    pub fn items(&self, place: Place) -> Place {
        self.get(place).map_or(NOWHERE, |known| known.items)
    }

    /// `"name":`; `None` where it cannot be told by its bytes.
    #[inline]
    pub fn written(&self, place: Place) -> Option<&[u8]> {
        self.get(place).map(|known| &*known.written).filter(|written| !written.is_empty())
    }

    /// The way to a field; `None` where the tree was not made of it.
    pub fn route(&self, path: &FieldPath) -> Option<Route> {
        let mut route = Route { place: RECORD, rest: Box::default() };
        let mut rest = Vec::new();
        let (mut at, mut in_a_map) = (RECORD, false);
        for step in &path.0 {
            in_a_map |= matches!(step, Step::Keys | Step::Values);
            let turn = match step {
                Step::Keys => Turn::Keys,
                Step::Values => Turn::Values,
                Step::Items if in_a_map => Turn::Items,
                Step::Name(name) if in_a_map => Turn::Member(name.as_str().into()),
                Step::Items => {
                    at = self.items(at);
                    Turn::Items
                }
                Step::Name(name) => {
                    at = self.child(at, name);
                    Turn::Field(at)
                }
            };
            self.get(at)?;
            match turn {
                Turn::Field(place) if rest.is_empty() => route.place = place,
                turn => rest.push(turn),
            }
        }
        route.rest = rest.into();
        Some(route)
    }

    fn get(&self, place: Place) -> Option<&Known> {
        self.places.get(place as usize)
    }
}

impl Known {
    fn new(parent: Place, name: &str) -> Known {
        // What has to be escaped, and what begins no member, is never compared as it is.
        let plain = !name.is_empty() && name.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\');
        let written = if plain { format!("\"{name}\":").into_bytes().into() } else { Box::default() };
        Known { parent, name: name.into(), written, by_name: FxHashMap::default(), items: NOWHERE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(steps: &[&str]) -> FieldPath {
        FieldPath(steps.iter().map(|s| if *s == "[]" { Step::Items } else { Step::Name((*s).into()) }).collect())
    }

    #[test]
    fn places_are_one_tree_in_the_order_of_their_names() {
        let paths = [
            path(&["id"]),
            path(&["lines", "[]", "sku"]),
            path(&["lines", "[]", "price", "[]"]),
            path(&["customer", "zip"]),
            path(&["id"]),
            path(&["a\"b"]),
        ];
        let fields = Fields::of(&paths);
        let names: Vec<Box<str>> = fields.names().collect();
        assert_eq!(
            names.iter().map(|name| &**name).collect::<Vec<_>>(),
            ["", "id", "lines", "", "sku", "price", "", "customer", "zip", "a\"b"]
        );
        assert_eq!(fields.children(RECORD), [1, 2, 7, 9]);
        assert_eq!(fields.children(3), [4, 5]);
        assert_eq!((fields.child(3, "sku"), fields.child(3, "id"), fields.child(NOWHERE, "id")), (4, NOWHERE, NOWHERE));
        assert_eq!((fields.parent(8), fields.parent(1), fields.parent(RECORD)), (7, RECORD, NOWHERE));
        assert_eq!((fields.written(1), fields.written(9), fields.written(3)), (Some(&b"\"id\":"[..]), None, None));
        let route = |steps: &[&str]| fields.route(&path(steps));
        assert_eq!(route(&[]), Some(Route { place: RECORD, rest: [].into() }));
        assert_eq!(route(&["customer", "zip"]), Some(Route { place: 8, rest: [].into() }));
        assert_eq!(
            route(&["lines", "[]", "sku"]),
            Some(Route { place: 2, rest: [Turn::Items, Turn::Field(4)].into() })
        );
        assert_eq!((route(&["zip"]), route(&["id", "[]"])), (None, None));
        let in_a_map = FieldPath(vec![Step::Name("customer".into()), Step::Values, Step::Name("id".into())]);
        assert_eq!(Fields::of([&in_a_map]).count(), 2, "what stands in a map has no place");
        let rest = [Turn::Values, Turn::Member("id".into())].into();
        assert_eq!(fields.route(&in_a_map), Some(Route { place: 7, rest }));
    }
}
