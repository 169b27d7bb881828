//! What the flow asks of the engine. The daemon answers with contracts; the simulator with record ids, so that a
//! failure names the record that was counted twice.

use crate::engine::check::keys::Keys;
use crate::engine::check::record::Examined;
use crate::engine::check::sampled::Sampled;
use crate::engine::check::tally::{Tally, Unmeasured};
use crate::engine::check::verdict::{Facts, Verdict};
use crate::engine::contract::described::Described;
use crate::engine::contract::horizon::Horizon;
use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::contract::plan::IncidentPolicy;
use crate::engine::decode::schema::SchemaRef;
use crate::engine::lineage::content::gather::Gatherer;
use crate::engine::record::{Offset, Position, RawRecord, TopicId, WindowStart};
use crate::engine::trend::budget::Budget;
use crate::engine::trend::drift::Drift;
use crate::engine::trend::history::History;
use crate::engine::trend::level::Closing;
use crate::flow::io::Ms;
use serde::{Serialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Counts that merge in any order; `default()` is the identity.
pub trait Merge: Clone + Default + PartialEq + std::fmt::Debug + Serialize + DeserializeOwned {
    fn merge(&mut self, other: Self);
    /// Records counted.
    fn records(&self) -> u64;
    /// Roughly what it weighs when written.
    fn weight_bytes(&self) -> usize;
    /// Splits off what exceeds `max_bytes`, so that each piece fits a message; merging the pieces gives the whole.
    fn split(self, max_bytes: usize) -> Vec<Self>;
}

impl Merge for Tally {
    fn merge(&mut self, other: Tally) {
        Tally::merge(self, other);
    }

    fn records(&self) -> u64 {
        self.counts.records
    }

    fn weight_bytes(&self) -> usize {
        Tally::weight_bytes(self)
    }

    fn split(self, max_bytes: usize) -> Vec<Tally> {
        Tally::split(self, max_bytes)
    }
}

/// One contract version that reads a topic, through one of its objects or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lens {
    pub product: ProductName,
    pub hash: ContractHash,
    /// The judge's own number for it, valid until the contracts change.
    pub index: usize,
    pub declared_delay_ms: Ms,
    /// It counts no record: it looks for the keys that others refer to.
    pub keys_only: bool,
}

pub trait Judge {
    type Tally: Merge;

    /// Who reads this topic now, one lens a product and contract.
    fn lenses(&self, topic: &str) -> Vec<Lens>;

    /// All topics of a product now, whether they exist or not.
    fn topics(&self, product: &ProductName) -> Vec<Arc<str>>;

    /// Whether a product reads this topic for nothing but the keys that it refers to.
    fn refers_to(&self, _product: &ProductName, _topic: &str) -> bool {
        false
    }

    /// The topic of the keys that a rule about references looks for.
    fn referred_topic(&self, _hash: ContractHash, _rule: usize) -> Option<&str> {
        None
    }

    /// Decodes and checks one record; the findings wait in the judge for `count`. Says its event time, `None` where the
    /// contract's field cannot be read: then the record's own timestamp stands.
    fn examine(&mut self, lens: usize, record: &RawRecord<'_>) -> Examined;

    /// Whether `examine` has all that it needs for records that name this schema.
    fn knows(&self, schema: SchemaRef) -> bool;

    /// Adds what `examine` just found. `future`: its timestamp was beyond the tolerance.
    /// Returns the numbers of the rules that it broke, for the early flush.
    fn count(
        &mut self,
        lens: usize,
        record: &RawRecord<'_>,
        at: Position,
        future: bool,
        tally: &mut Self::Tally,
    ) -> &[u32];

    /// Adds the values of the record that `examine` was just asked about to sketches of its topic's columns, for lineage.
    fn gather(&self, _lens: usize, _topic: &Arc<str>, _at_ms: Ms, _into: &mut Gatherer) {}

    /// The records that follow stand in this partition.
    fn reads(&mut self, _at: Position) {}

    /// Why the record that `count` just counted is put aside; `None`: it is not.
    fn aside(&self, _lens: usize) -> Option<Why> {
        None
    }

    /// Counts a record that was put aside, or was to be: then `lost` says why it could not.
    fn put_aside(
        &self,
        _hash: ContractHash,
        _at: Position,
        _offset: Offset,
        _lost: Option<&str>,
        _tally: &mut Self::Tally,
    ) {
    }

    /// Uniqueness keys that a record may add to its tally.
    fn keys_per_record(&self, _lens: usize) -> usize {
        1
    }

    /// Judges a window; `None` where nobody knows this contract version, then the verdict is `unknown`.
    fn verdict(&self, hash: ContractHash, tally: &Self::Tally, facts: &Facts) -> Option<Verdict>;

    /// Judges windows that close, by what those before them have left as well, and leaves what later ones need.
    fn close(
        &self,
        hash: ContractHash,
        tally: &Self::Tally,
        facts: &Facts,
        _closing: &Closing,
        _history: &mut History,
    ) -> Option<Verdict> {
        self.verdict(hash, tally, facts)
    }

    /// Compares the windows with those before them; `None` where nothing can be said.
    fn drift(
        &self,
        _hash: ContractHash,
        _tally: &Self::Tally,
        _closing: &Closing,
        _history: &mut History,
    ) -> Option<Drift> {
        None
    }

    /// Takes note of records that came after their window had closed.
    fn late(&self, _hash: ContractHash, _tally: &Self::Tally, _history: &mut History) {}

    /// How the contract's objectives stand at this time.
    fn budgets(&self, _hash: ContractHash, _history: &History, _at: Ms) -> Vec<Budget> {
        Vec::new()
    }

    /// Of windows without records from `first` on: the starts of those at which the verdict may become another.
    fn turns(
        &self,
        _hash: ContractHash,
        _history: &History,
        _first: WindowStart,
        _size_ms: Ms,
    ) -> BTreeSet<WindowStart> {
        BTreeSet::new()
    }

    /// The results of the rules that can no longer hold in this window, whatever comes.
    fn doomed(&self, hash: ContractHash, tally: &Self::Tally) -> Vec<crate::engine::check::verdict::RuleResult>;

    /// The rules of a contract version whose keys are remembered beyond a window.
    fn horizons(&self, _hash: ContractHash) -> &[Horizon] {
        &[]
    }

    /// The keys that such a rule has counted; `None` where there was none.
    fn keys<'t>(&self, _tally: &'t Self::Tally, _rule: usize) -> Option<&'t Keys> {
        None
    }

    fn contract(&self, hash: ContractHash) -> Option<ContractFacts>;

    /// What a contract version tells catalogs of its topics.
    fn described(&self, hash: ContractHash) -> Option<Arc<Described>>;

    /// The contract versions of a product that are in force now: an idle window is judged by them.
    fn current(&self, product: &ProductName) -> Vec<ContractHash>;

    /// Where records were counted and not measured.
    fn unmeasured<'t>(&self, _tally: &'t Self::Tally) -> Option<&'t BTreeMap<(TopicId, i32), Unmeasured>> {
        None
    }

    /// What was looked at of the records; `None`: all of them.
    fn sampled(&self, _hash: ContractHash, _tally: &Self::Tally) -> Option<Sampled> {
        None
    }

    /// Why records could not be decoded, by reason.
    fn undecodable<'t>(&self, tally: &'t Self::Tally) -> &'t BTreeMap<String, u64>;

    /// What the values of a window look like; `None` where nobody can say.
    fn profile(&self, _hash: ContractHash, _tally: &Self::Tally) -> Option<crate::engine::profile::summary::Summary> {
        None
    }

    /// What the window event and the metrics count.
    fn counts(&self, tally: &Self::Tally) -> crate::engine::check::tally::Counts;
}

/// Why a record is put aside, in the words of its contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    pub contract: String,
    pub version: String,
    /// The ids of the enforced rules that it broke.
    pub rules: Vec<String>,
    pub reason: String,
}

/// What events say of the contract they judge by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractFacts {
    pub id: String,
    pub version: String,
    pub owner: String,
    pub incident: IncidentPolicy,
}
