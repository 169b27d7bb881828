//! Where a field stands in a record: `customer.address.zip`, `lines[].sku`.

use std::fmt;

/// Names by dots, `[]` for every item of an array, `{key}` and `{value}` for all of a map's; empty for the record itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FieldPath(pub Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    Name(String),
    Items,
    /// Of a map, or an object whose names are data.
    Keys,
    Values,
}

impl FieldPath {
    /// Whether a record may hold several of it.
    pub fn is_many(&self) -> bool {
        self.0.iter().any(|step| !matches!(step, Step::Name(_)))
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Name(name) if i == 0 => f.write_str(name)?,
                Step::Name(name) => write!(f, ".{name}")?,
                Step::Items => f.write_str("[]")?,
                Step::Keys => f.write_str("{key}")?,
                Step::Values => f.write_str("{value}")?,
            }
        }
        Ok(())
    }
}
