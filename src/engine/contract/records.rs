//! What becomes of records that no rule can be asked of, that come late or are too large: `steward.records` of a contract,
//! else what the mesh has by default. A policy moves verdicts, incidents and copies; what is counted is the same under each.
//!
//! *Ours*; Connect's `errors.tolerance` (KIP-298) knows all or nothing, and one topic for all that is bad.

use crate::engine::contract::mode::Mode;

/// What is done about such records, beside counting them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// As if nobody had said anything: of undecodable records what `steward.mode` says, of unknown schemas what is said of
    /// undecodable records.
    Usual,
    /// They are told, and move nothing.
    Ignore,
    Warn,
    Fail,
    /// They fail, and are copied to quarantine.
    Quarantine,
}

/// A kind of such records, by the key that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Undecodable,
    /// Undecodable because the registry does not have the schema that they name.
    UnknownSchema,
    /// Their window had closed.
    Late,
    Oversized,
}

/// Where a contract says nothing, `None`; then the mesh's default stands (`over`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    pub undecodable: Option<Action>,
    pub unknown_schema: Option<Action>,
    pub late: Option<Action>,
    /// Keys and values of more bytes together are too large; `None`: none is.
    pub oversized_bytes: Option<u64>,
    pub oversized: Option<Action>,
}

impl Kind {
    /// The words for what is done about it, the default first.
    pub fn words(self) -> &'static [(&'static str, Action)] {
        use Action::{Fail, Ignore, Quarantine, Usual, Warn};
        match self {
            Kind::Undecodable => {
                &[("mode", Usual), ("ignore", Ignore), ("warn", Warn), ("fail", Fail), ("quarantine", Quarantine)]
            }
            Kind::UnknownSchema => &[
                ("undecodable", Usual),
                ("ignore", Ignore),
                ("warn", Warn),
                ("fail", Fail),
                ("quarantine", Quarantine),
            ],
            // Only a product knows which records are late, when they were counted long ago: there is nothing to copy.
            Kind::Late => &[("ignore", Ignore), ("warn", Warn), ("fail", Fail)],
            Kind::Oversized => &[("warn", Warn), ("ignore", Ignore), ("fail", Fail), ("quarantine", Quarantine)],
        }
    }

    pub fn action(self, word: &str) -> Option<Action> {
        self.words().iter().find(|(known, _)| *known == word).map(|(_, action)| *action)
    }
}

impl Policy {
    /// What this contract says, and where it says nothing, what the mesh does. What a contract only observes, the mesh's
    /// default does not make count.
    pub fn over(self, mesh: &Policy, mode: Mode) -> Policy {
        let observed = |action: Option<Action>| match mode {
            Mode::Observe => action.map(|_| Action::Ignore),
            Mode::Warn | Mode::Enforce => action,
        };
        Policy {
            undecodable: self.undecodable.or(observed(mesh.undecodable)),
            unknown_schema: self.unknown_schema.or(match self.undecodable {
                // What the contract says of undecodable records, it says of these too.
                Some(_) => None,
                None => observed(mesh.unknown_schema),
            }),
            late: self.late.or(observed(mesh.late)),
            oversized_bytes: self.oversized_bytes.or(mesh.oversized_bytes),
            oversized: self.oversized.or(observed(mesh.oversized.or(Some(Action::Warn)))),
        }
    }

    /// Of unknown schemas where they are told apart from other undecodable records.
    pub fn apart(&self) -> Option<Action> {
        self.unknown_schema.filter(|action| *action != Action::Usual)
    }

    /// Of late records, where they count.
    pub fn late(&self) -> Option<Action> {
        self.late.filter(|action| *action != Action::Ignore)
    }

    /// Of what is too large.
    pub fn oversized(&self) -> Action {
        self.oversized.unwrap_or(Action::Warn)
    }

    /// Whether it copies records, whatever the mode.
    pub fn puts_aside(&self) -> bool {
        let all = [self.undecodable, self.unknown_schema, self.oversized_bytes.and(self.oversized)];
        all.contains(&Some(Action::Quarantine))
    }
}

impl Action {
    /// Whether such records are copied; `enforces`: anything of the contract is enforced.
    pub fn copies(self, enforces: bool) -> bool {
        self == Action::Quarantine || self == Action::Usual && enforces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contract_overrides_the_mesh_kind_by_kind_and_what_it_observes_stays_observed() {
        use Action::{Fail, Ignore, Quarantine, Usual, Warn};
        let mesh = Policy {
            undecodable: Some(Quarantine),
            unknown_schema: Some(Warn),
            late: Some(Fail),
            oversized_bytes: Some(1_000),
            oversized: Some(Fail),
        };
        let check = |own: Policy, mode: Mode, expected: Policy| {
            assert_eq!(own.over(&mesh, mode), expected, "{own:?} {mode:?}");
        };
        let nothing = Policy::default();
        check(nothing, Mode::Warn, mesh);
        check(nothing, Mode::Enforce, mesh);
        let ignored = Some(Ignore);
        let observed =
            Policy { undecodable: ignored, unknown_schema: ignored, late: ignored, oversized: ignored, ..mesh };
        check(nothing, Mode::Observe, observed);
        let own = Policy { undecodable: Some(Usual), ..nothing };
        check(own, Mode::Warn, Policy { undecodable: Some(Usual), unknown_schema: None, ..mesh });
        check(
            Policy { undecodable: Some(Fail), ..nothing },
            Mode::Observe,
            Policy { undecodable: Some(Fail), unknown_schema: None, ..observed },
        );
        let own = Policy { late: Some(Ignore), oversized_bytes: Some(5), oversized: Some(Quarantine), ..nothing };
        check(
            own,
            Mode::Warn,
            Policy { late: Some(Ignore), oversized_bytes: Some(5), oversized: Some(Quarantine), ..mesh },
        );
        let default = Policy { oversized: Some(Warn), ..nothing };
        assert_eq!(nothing.over(&nothing, Mode::Warn), default);
        assert_eq!((default.apart(), default.late(), default.puts_aside()), (None, None, false));
    }

    #[test]
    fn a_size_that_nobody_bounds_copies_nothing() {
        let of = |bytes| Policy { oversized_bytes: bytes, oversized: Some(Action::Quarantine), ..Policy::default() };
        assert_eq!((of(None).puts_aside(), of(Some(9)).puts_aside()), (false, true));
    }
}
