//! Which fields of a contract are profiled, how closely, and the tree by which one walk over a record finds them all.

use crate::engine::contract::model::Property;
use crate::engine::contract::name::ProductName;
use crate::engine::decode::path::{FieldPath, Step};
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

/// The fields of all objects of a plan. A field's index is its number in every delta that names the contract's hash.
#[derive(Debug, Default)]
pub struct ProfilePlan {
    pub fields: Vec<ProfiledField>,
    /// By object.
    pub shapes: Vec<Shape>,
    /// How closely fields outside the contract are looked at.
    pub extra: How,
    /// Fields beyond `FIELDS_MAX`.
    pub left_out: usize,
}

#[derive(Debug)]
pub struct ProfiledField {
    /// Index into `Plan::objects`.
    pub object: usize,
    pub path: FieldPath,
    pub how: How,
}

/// How closely a field is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct How {
    pub sight: Sight,
    pub size: Size,
    /// Of its keyed hashes: those of a field that shows its numbers tell nothing of another's.
    pub scope: u64,
}

/// What of its values may be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// `steward.showValues`: everything.
    Shown,
    /// Numbers as statistics; values themselves only as keyed hashes.
    Hashed,
    /// Counts, and how many keyed hashes are distinct.
    Classified,
}

/// The sizes of a field's sketches; 0 for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub lg_k: u8,
    pub quantiles_k: u16,
    pub frequent: usize,
}

/// What one window of a product may weigh in a delta, in its profile. `SIZES` keeps it.
pub const PROFILE_BYTES_MAX: usize = 1024 * 1024;

/// The sizes by how many fields the contract has, at most. What a field weighs then, in bytes:
///
/// | | counts | HLL, 4 bits a register | KLL of numbers and of lengths, 8 bytes for each of some 3.3 k | values, 3/4 of the map at 76 | sum |
/// |---|---|---|---|---|---|
/// | 64 | 200 | 2,300 | 2 * 5,400 | 3,700 | 17,000, of which a field of one type needs 11,600: 64 are 742 kB |
/// | 256 | 200 | 600 | 2 * 1,450 | 950 | 4,650, of one type 3,200: 256 are 819 kB |
/// | 1,024 | 200 | 330 | | | 530: 1,024 are 543 kB |
/// | 4,096 | 200 | | | | 200: 4,096 are 819 kB |
///
/// In memory a field of an open window holds 4 kB of registers, 8 kB of values that come again, and of numbers and lengths each
/// 7 kB that wait beside the sketch: 36 kB, of 64 fields 2.3 MB. All of it grows with the values that come.
///
/// `EXTRA_FIELDS_MAX` fields outside the contract add at most 32 * 2,500 = 80 kB.
pub const SIZES: [(usize, Size); 4] = [
    (64, Size { lg_k: 12, quantiles_k: 200, frequent: 64 }),
    (256, Size { lg_k: 10, quantiles_k: 50, frequent: 16 }),
    (1_024, Size { lg_k: 9, quantiles_k: 0, frequent: 0 }),
    (FIELDS_MAX, COUNTS),
];
const COUNTS: Size = Size { lg_k: 0, quantiles_k: 0, frequent: 0 };

/// More fields of one contract than these are not profiled, and the profile says so.
pub const FIELDS_MAX: usize = 4_096;
/// Fields outside the contract that have a profile; the values of others are only counted.
pub const EXTRA_FIELDS_MAX: usize = 32;
/// A longer name of a field outside the contract is more likely data than a name.
pub const EXTRA_NAME_BYTES_MAX: usize = 128;

impl Default for How {
    /// What nobody has described may be anything: it is looked at as if it were classified.
    fn default() -> How {
        How { sight: Sight::Classified, size: SIZES[0].1, scope: 0 }
    }
}

/// The fields of one object, nested as records nest them.
#[derive(Debug, Default)]
pub struct Shape {
    pub root: Node,
}

#[derive(Debug, Default)]
pub struct Node {
    /// Empty for the record, and for items.
    pub name: String,
    /// `None`: the record itself, or a field that is left out.
    pub field: Option<usize>,
    /// Where what is in it stands: empty, or `customer.`, `lines[].`
    pub prefix: String,
    pub children: Vec<Node>,
    pub by_name: FxHashMap<String, usize>,
    /// The contract classifies it: names in it that nobody describes may be data of the same kind.
    pub classified: bool,
    /// What the items of an array are.
    pub items: Option<Box<Node>>,
}

impl ProfilePlan {
    /// The name and the properties of each object.
    pub fn of<'p>(product: &ProductName, objects: impl Iterator<Item = (&'p str, &'p [Property])>) -> ProfilePlan {
        let objects: Vec<(&str, &[Property])> = objects.collect();
        let count = objects.iter().map(|(_, properties)| count(properties)).sum::<usize>();
        let size = SIZES.iter().find(|(fields, _)| count <= *fields).map_or(COUNTS, |(_, size)| *size);
        let extra = How { sight: Sight::Classified, size, scope: scope(&[&product.to_string()]) };
        let mut plan = ProfilePlan { extra, ..ProfilePlan::default() };
        for (object, (name, properties)) in objects.iter().enumerate() {
            let mut root = Node::default();
            let place = format!("{product}/{name}");
            for property in *properties {
                plan.put((object, &place), property, &mut root, size);
            }
            root.classified = all_classified(properties);
            plan.shapes.push(Shape { root });
        }
        plan
    }

    /// `of`: the object's number, and its name below the product's.
    fn put(&mut self, of: (usize, &str), property: &Property, parent: &mut Node, size: Size) {
        let slot: &mut Node = match property.field.0.last() {
            Some(Step::Items) => parent.items.get_or_insert_with(Box::default).as_mut(),
            Some(Step::Name(name)) => {
                let at = *parent.by_name.entry(name.clone()).or_insert(parent.children.len());
                if at == parent.children.len() {
                    parent.children.push(Node { name: name.clone(), ..Node::default() });
                }
                &mut parent.children[at]
            }
            // What a map holds may be anything, by names that are data: it has no profile.
            Some(Step::Keys | Step::Values) | None => return,
        };
        // A property that stands there twice is one field of the record.
        if slot.field.is_none() && self.fields.len() < FIELDS_MAX {
            let sight = match (property.classified, property.show_values) {
                (true, _) => Sight::Classified,
                (false, true) => Sight::Shown,
                (false, false) => Sight::Hashed,
            };
            let how = How { sight, size, scope: scope(&[of.1, &property.field.to_string()]) };
            slot.field = Some(self.fields.len());
            self.fields.push(ProfiledField { object: of.0, path: property.field.clone(), how });
        } else if slot.field.is_none() {
            self.left_out += 1;
        }
        // What holds a classified field counts as classified itself; only where it is by its own right, all in it is.
        slot.classified = property.classified && all_classified(&property.children);
        slot.prefix = format!("{}.", property.field);
        for child in &property.children {
            self.put(of, child, slot, size);
        }
    }
}

/// The same in every version of a contract, so that sketches of a field merge over them.
pub fn scope(names: &[&str]) -> u64 {
    let mut digest = Sha256::new();
    for name in names {
        digest.update((name.len() as u64).to_le_bytes());
        digest.update(name);
    }
    digest.finalize().iter().take(8).fold(0, |scope, byte| scope << 8 | u64::from(*byte))
}

fn all_classified(properties: &[Property]) -> bool {
    properties.iter().all(|property| property.classified)
}

fn count(properties: &[Property]) -> usize {
    let in_a_map = |p: &&Property| matches!(p.field.0.last(), Some(Step::Keys | Step::Values));
    properties.iter().filter(|p| !in_a_map(p)).map(|p| 1 + count(&p.children)).sum()
}
