//! What the mesh does about records where a contract says nothing: the configuration's words as the engine knows them.

use crate::config::records::Records;
use crate::engine::contract::records::{Kind, Policy};

/// Every word of a checked configuration is one of its kind's (`config::keys`).
pub fn of(records: &Records) -> Policy {
    Policy {
        undecodable: Kind::Undecodable.action(&records.undecodable),
        unknown_schema: Kind::UnknownSchema.action(&records.unknown_schema),
        late: Kind::Late.action(&records.late),
        oversized_bytes: records.oversized_bytes,
        oversized: Kind::Oversized.action(&records.oversized_then),
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::config::keys;
    use crate::config::usable::Config;
    use crate::engine::contract::records::{Action, Kind, Policy};
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn the_configuration_takes_the_words_of_contracts() {
        for (path, kind) in [
            ("records.undecodable", Kind::Undecodable),
            ("records.unknown.schema", Kind::UnknownSchema),
            ("records.late", Kind::Late),
            ("records.oversized.then", Kind::Oversized),
        ] {
            let key = keys::find(path).expect("a key");
            let keys::Kind::Word(words) = key.kind else { panic!("{path} is no word") };
            let known: BTreeSet<&str> = kind.words().iter().map(|(word, _)| *word).collect();
            assert_eq!(words.iter().copied().collect::<BTreeSet<_>>(), known, "{path}");
            assert_eq!(key.default, [kind.words()[0].0], "{path}");
        }
    }

    #[test]
    fn the_default_is_what_is_done_without_any_policy() {
        let folder = tempfile::tempdir().expect("a folder");
        let load = |text: &str| {
            let file = folder.path().join("steward.yaml");
            std::fs::write(&file, format!("worker.id: w\n{text}")).expect("written");
            of(&Config::load_with(&file, &BTreeMap::new()).expect("a configuration").records)
        };
        let usual = Some(Action::Usual);
        let default = Policy {
            undecodable: usual,
            unknown_schema: usual,
            late: Some(Action::Ignore),
            oversized_bytes: None,
            oversized: Some(Action::Warn),
        };
        assert_eq!(load(""), default);
        assert_eq!((default.apart(), default.late(), default.puts_aside()), (None, None, false));
        let text = "records: {undecodable: quarantine, late: fail, oversized: {bytes: 5, then: ignore}}\nrecords.unknown.schema: warn";
        assert_eq!(
            load(text),
            Policy {
                undecodable: Some(Action::Quarantine),
                unknown_schema: Some(Action::Warn),
                late: Some(Action::Fail),
                oversized_bytes: Some(5),
                oversized: Some(Action::Ignore),
            }
        );
    }
}
