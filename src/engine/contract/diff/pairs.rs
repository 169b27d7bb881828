//! Which element of one list is which of the other: by id, else by name, else by what it is about.

use crate::engine::contract::diff::walk::{Element, Listed, alike, at, text, text_at};
use crate::engine::contract::yaml::Node;

#[derive(Clone, Copy)]
pub enum Pair<'n> {
    Both(&'n Node, &'n Node),
    /// It was removed.
    Old(&'n Node),
    /// It was added.
    New(&'n Node),
}

impl<'n> Pair<'n> {
    /// The side that gives it its name.
    pub fn shown(self) -> &'n Node {
        match self {
            Pair::Both(_, node) | Pair::Old(node) | Pair::New(node) => node,
        }
    }
}

/// Lists of anything that has no effect on data: by what names an element in one of the standard's lists.
pub static WITHOUT_EFFECT: Listed = Listed {
    element: &Element { keys: &[], besides: None },
    name: "name",
    called: &["name", "id"],
    meanings: &[|node| {
        let names = ["property", "username", "role", "channel", "synonym", "question", "constraint", "url", "value"];
        names.iter().find_map(|key| at(node, key).map(text))
    }],
    added: |_| None,
    removed: |_| None,
};

/// Every element of both lists once: the pairs and what went in the order of the old, then what came in that of the new.
pub fn of<'n>(listed: &Listed, old: &'n [Node], new: &'n [Node]) -> Vec<Pair<'n>> {
    let mut partner: Vec<Option<usize>> = vec![None; old.len()];
    let mut taken = vec![false; new.len()];
    let mut round = |equal: &dyn Fn(&Node, &Node) -> bool| {
        for (i, item) in old.iter().enumerate().filter(|(i, _)| partner[*i].is_none()).collect::<Vec<_>>() {
            let found = (0..new.len()).find(|j| !taken[*j] && equal(item, &new[*j]));
            if let Some(j) = found {
                (partner[i], taken[j]) = (Some(j), true);
            }
        }
    };
    let by = |key: &'static str| {
        move |a: &Node, b: &Node| at(a, key).is_some_and(|a| at(b, key).is_some_and(|b| alike(a, b)))
    };
    // What did not change finds itself, and nothing else can take its place.
    round(&alike);
    round(&by("id"));
    round(&by(listed.name));
    for meaning in listed.meanings {
        round(&|a, b| meaning(a).is_some_and(|a| meaning(b) == Some(a)));
    }
    let of_old = old.iter().zip(&partner).map(|(item, partner)| match partner {
        Some(j) => Pair::Both(item, &new[*j]),
        None => Pair::Old(item),
    });
    let of_new = new.iter().zip(&taken).filter(|(_, taken)| !**taken).map(|(item, _)| Pair::New(item));
    of_old.chain(of_new).collect()
}

/// What an element is called in paths.
pub fn label(listed: &Listed, node: &Node) -> String {
    let named = listed.called.iter().find_map(|key| text_at(node, key)).map(str::to_owned);
    let meant = || listed.meanings.iter().rev().find_map(|meaning| meaning(node));
    named.or_else(meant).unwrap_or_else(|| text(node))
}
