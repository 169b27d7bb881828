//! Versions of a data product (ODPS): what each part means to those who read what it gives. Tables; keys that are not in one have
//! no effect on data.

use crate::engine::contract::diff::Direction::{self, Both, Loosens, Tightens, Undetermined};
use crate::engine::contract::diff::contract::status;
use crate::engine::contract::diff::grade;
use crate::engine::contract::diff::walk::Treat::{Elsewhere, List, Value};
use crate::engine::contract::diff::walk::{Element, Key, Listed, Sides, text, text_at};
use crate::engine::contract::yaml::Node;

pub static PRODUCT: Element = Element {
    besides: None,
    keys: &[
        Key("kind", Value(grade::both)),
        // Whoever refers to the product refers to another one.
        Key("id", Value(grade::unknown)),
        Key("status", Value(status)),
        Key("inputPorts", List(&INPUT_PORTS)),
        Key("outputPorts", List(&OUTPUT_PORTS)),
        Key("managementPorts", List(&MANAGEMENT_PORTS)),
    ],
};

/// A port has several versions side by side: its name and its version call it.
const MEANINGS: &[fn(&Node) -> Option<String>] = &[
    |port| Some(format!("{} {}", text_at(port, "name")?, text_at(port, "version")?)),
    |port| text_at(port, "name").map(str::to_owned),
];

/// What it is made of, which what it gives may follow.
static INPUT_PORTS: Listed = Listed {
    element: &Element {
        besides: None,
        keys: &[
            Key("name", Elsewhere),
            Key("version", Value(grade::unknown)),
            Key("contractId", Value(grade::unknown)),
        ],
    },
    name: "id",
    called: &["name", "id"],
    meanings: MEANINGS,
    added: |_| Some(Undetermined),
    removed: |_| Some(Undetermined),
};

static OUTPUT_PORTS: Listed = Listed {
    element: &Element {
        besides: None,
        keys: &[
            Key("name", Value(grade::both)),
            Key("version", Value(version)),
            Key("type", Value(grade::both)),
            Key("contractId", Value(promised)),
            Key("inputContracts", List(&INPUT_CONTRACTS)),
        ],
    },
    name: "id",
    called: &["name", "id"],
    meanings: MEANINGS,
    added: |_| Some(Tightens),
    removed: |_| Some(Loosens),
};

static INPUT_CONTRACTS: Listed = Listed {
    element: &Element { besides: None, keys: &[Key("version", Value(grade::unknown))] },
    name: "id",
    called: &["id"],
    meanings: &[],
    added: |_| Some(Undetermined),
    removed: |_| Some(Undetermined),
};

/// Where one asks about it: no data come that way.
static MANAGEMENT_PORTS: Listed = Listed {
    element: &Element {
        besides: None,
        keys: &[
            Key("name", Elsewhere),
            Key("content", Value(grade::unknown)),
            Key("type", Value(grade::unknown)),
            Key("url", Value(grade::unknown)),
            Key("channel", Value(grade::unknown)),
        ],
    },
    name: "id",
    called: &["name", "id"],
    meanings: &[|port| text_at(port, "name").map(str::to_owned)],
    added: |_| None,
    removed: |_| Some(Undetermined),
};

/// As Semantic Versioning counts: another first number says that readers break.
fn version(sides: &Sides<'_>) -> Option<Direction> {
    let first = |node: &Node| text(node).trim_start_matches(['v', 'V']).split('.').next().map(str::to_owned);
    match (sides.old, sides.new) {
        (Some(old), Some(new)) => (first(old) != first(new)).then_some(Both),
        _ => Some(Undetermined),
    }
}

/// Which contract holds: what another one promises, a comparison of the two tells.
fn promised(sides: &Sides<'_>) -> Option<Direction> {
    match (sides.old, sides.new) {
        (None, _) => Some(Tightens),
        (_, None) => Some(Loosens),
        _ => Some(Undetermined),
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::contract::diff::{Direction, compare, document};

    #[test]
    fn a_product_breaks_its_readers_where_a_port_of_theirs_goes() {
        let product = |ports: &str| format!("kind: DataProduct\napiVersion: v1.0.0\nid: p\nstatus: active\n{ports}\n");
        let check = |old: &str, new: &str, expected: &[(&str, Option<Direction>)]| {
            let read = |text: &str| document(&product(text)).expect("YAML");
            let found = compare(&read(old), &read(new)).expect("two products").changes;
            let found: Vec<_> = found.iter().map(|change| (change.path.as_str(), change.direction)).collect();
            assert_eq!(found, expected, "{old}\n=>\n{new}");
        };
        let out = |ports: &str| format!("outputPorts: [{ports}]");
        let (one, two) = ("{name: o, version: 1.0.0, contractId: a}", "{name: o, version: 2.0.0, contractId: b}");
        let both = out(&format!("{one}, {two}"));
        check(&both, &out(&format!("{two}, {one}")), &[]);
        check(&both, &out(two), &[("outputPorts.o", Some(Direction::Loosens))]);
        check(&out(one), &both, &[("outputPorts.o", Some(Direction::Tightens))]);
        let raised = [
            ("outputPorts.o.version", Some(Direction::Both)),
            ("outputPorts.o.contractId", Some(Direction::Undetermined)),
        ];
        check(&out(one), &out(two), &raised);
        let minor = "{name: o, version: 1.1.0, tags: [x]}";
        let less = [
            ("outputPorts.o.version", None),
            ("outputPorts.o.contractId", Some(Direction::Loosens)),
            ("outputPorts.o.tags", None),
        ];
        check(&out(one), &out(minor), &less);
        let made_of = "inputPorts: [{name: i, version: 1.0.0, contractId: c}]";
        check(made_of, "", &[("inputPorts.i", Some(Direction::Undetermined))]);
        let asked = |url: &str| format!("managementPorts: [{{name: m, content: discoverability, url: '{url}'}}]");
        check(&asked("https://a"), &asked("https://b"), &[("managementPorts.m.url", Some(Direction::Undetermined))]);
        check("description: {purpose: a}", "description: {purpose: b}", &[("description.purpose", None)]);
    }
}
