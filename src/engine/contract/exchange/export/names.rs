//! Names that a language can have: letters, digits and underscores, each once.

use crate::engine::contract::exchange::unsaid::Unsaid;
use std::collections::BTreeSet;

/// Names of one scope, such as the fields of a record, or all that a Protobuf message holds.
#[derive(Debug, Default)]
pub struct Names {
    taken: BTreeSet<String>,
    /// What its fields are told apart by where case and underscores do not count.
    folded: BTreeSet<String>,
}

impl Names {
    /// The name itself, or the nearest that is legal and free; that it is another is told.
    pub fn legal(&mut self, name: &str, at: &str, unsaid: &mut Unsaid) -> String {
        let free = self.nearest(&identifier(name), |_, _| true);
        if free != name {
            unsaid.tell(at, format!("the name {name:?} is not legal there: it is {free}"));
        }
        free
    }

    /// Of a Protobuf field: `a_b` and `aB` are one to its JSON.
    pub fn field(&mut self, name: &str, at: &str, unsaid: &mut Unsaid) -> String {
        let fold = |name: &str| name.replace('_', "").to_ascii_lowercase();
        let free = self.nearest(&identifier(name), |names, free| names.folded.insert(fold(free)));
        if free != name {
            unsaid.tell(at, format!("the name {name:?} is not legal there: it is {free}"));
        }
        free
    }

    /// A name that is made up, and told by nobody.
    pub fn free(&mut self, name: &str) -> String {
        self.nearest(&identifier(name), |_, _| true)
    }

    pub fn has(&self, name: &str) -> bool {
        self.taken.contains(name)
    }

    fn nearest(&mut self, legal: &str, mut may_be: impl FnMut(&mut Names, &str) -> bool) -> String {
        let mut free = legal.to_owned();
        let mut count = 1;
        while self.has(&free) || !may_be(self, &free) {
            count += 1;
            free = format!("{legal}_{count}");
        }
        self.taken.insert(free.clone());
        free
    }
}

/// `[A-Za-z_][A-Za-z0-9_]*`.
pub fn identifier(name: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let text: String = name.chars().map(kept).collect();
    match text.chars().next() {
        None => "_".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("_{text}"),
        Some(_) => text,
    }
}

pub fn is_identifier(name: &str) -> bool {
    identifier(name) == name
}

/// `order_line`, `order-line` and `orderLine` as `OrderLine`.
pub fn type_name(name: &str) -> String {
    let mut out = String::new();
    let mut begins = true;
    for c in name.chars() {
        match c.is_ascii_alphanumeric() {
            true if begins => out.push(c.to_ascii_uppercase()),
            true => out.push(c),
            false => {}
        }
        begins = !c.is_ascii_alphanumeric();
    }
    identifier(&out)
}
