//! What catalogs are told of a product: its topics when they or their verdicts change and once a day, and the inspection of
//! each window.
//!
//! Everything is decided from the log, as windows are: times are those at which deltas were written.

use crate::engine::check::tally::Counts;
use crate::engine::contract::described::Described;
use crate::engine::event::envelope::Event;
use crate::engine::event::id;
use crate::engine::event::lineage::dataset::{self, Change, Governed};
use crate::engine::event::lineage::quality;
use crate::engine::event::lineage::run::{self, Inspection};
use crate::engine::event::lineage::schema::digest;
use crate::engine::event::lineage::speaker::Speaker;
use crate::engine::profile::summary::Summary;
use crate::flow::io::Ms;
use crate::flow::judge::Judge;
use crate::flow::state::{ProductState, Told};
use crate::flow::tell::{Moved, Said, Teller};
use serde_json::Value;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct LineageConfig {
    /// The cluster's, by OpenLineage's naming rules.
    pub namespace: String,
    /// Where lineage events go; it may be the governance topic.
    pub topic: Arc<str>,
}

/// A topic whose contract does not change is told this often, for catalogs that forget.
const TELL_EVERY_MS: Ms = 24 * 3_600_000;

/// Topics of one product that are told: at 80 bytes each 8 kB of its state.
const TOLD_MAX: usize = 100;

impl<J: Judge> Teller<'_, J> {
    /// Tells the product's topics that exist: at first sight, when their contract changes, when they were created anew,
    /// and once a day.
    pub fn datasets(&self, state: &mut ProductState, moved: &mut Moved, now: Ms) {
        let Some(speaker) = self.speaker() else { return };
        let since = now - TELL_EVERY_MS;
        // What left is remembered for as long: if it comes back at once, its events must not have the ids of the first.
        state.told.retain(|_, told| told.at_ms > since || told.current);
        state.told.values_mut().for_each(|told| told.current = false);
        for hash in state.current.clone() {
            let (Some(contract), Some(described)) = (self.judge.contract(hash), self.judge.described(hash)) else {
                continue;
            };
            for dataset in &described.datasets {
                let Some(id) = state.topics.iter().find(|t| t.topic == dataset.topic).and_then(|t| t.id) else {
                    continue;
                };
                let key = id::of(&[&contract.id, &dataset.topic]);
                let known = state.told.get(&key).copied();
                if known.is_none() && state.told.len() >= TOLD_MAX {
                    continue;
                }
                // The digest is made when something may have changed: a change of the schema is a change of the hash.
                let same = known.filter(|k| k.hash == hash && k.id == id);
                if let Some(known) = same.filter(|k| k.at_ms > since) {
                    state.told.insert(key, Told { current: true, ..known });
                    continue;
                }
                let schema = digest(dataset);
                let change = known.and_then(|known| match () {
                    () if known.id != id => Some(Change::Create),
                    () if known.schema != schema => Some(Change::Alter),
                    () => None,
                });
                // Later than whatever was told of it: two workers may disagree within a millisecond.
                let at_ms = known.map_or(now, |known| now.max(known.at_ms + 1));
                let governed = Governed {
                    product: &state.product,
                    contract_id: &contract.id,
                    contract_version: &contract.version,
                    hash,
                    owner: described.owner.as_deref(),
                    dataset,
                    change,
                    quality: Value::Null,
                    time_ms: at_ms,
                };
                moved.lineage.push(dataset::event(&speaker, &governed));
                state.told.insert(key, Told { id, hash, schema, at_ms, current: true });
            }
        }
    }

    /// Tells the inspection of a window that is being told; and the product's topics with it, where the verdict is another
    /// than that of the window before.
    pub fn inspection(
        &self,
        state: &mut ProductState,
        events: &mut Vec<Event>,
        said: &Said<'_, J::Tally>,
        counts: Counts,
        profile: Option<&Summary>,
    ) {
        let Some(speaker) = self.speaker() else { return };
        let described = self.judge.described(said.key.hash).unwrap_or_else(|| Arc::new(Described::default()));
        let columns = profile.map(|summary| quality::of_profile(&described, summary)).unwrap_or_default();
        let (began_ms, ended_ms) = said.times;
        let product = state.product.clone();
        let inspection = Inspection {
            product: &product,
            hash: said.key.hash,
            start_ms: said.key.start,
            end_ms: said.key.start + self.window.size_ms,
            revision: said.revision,
            began_ms: began_ms.min(ended_ms),
            ended_ms,
            described: &described,
            counts,
            coverage: said.coverage,
            late: said.late,
            incomplete: said.incomplete,
            exact: said.exact,
            results: &said.verdict.results,
            columns: &columns,
        };
        events.extend(run::events(&speaker, &inspection));
        if !said.late && state.recent.last().is_none_or(|before| before.status != said.verdict.status) {
            self.judged(&speaker, state, events, &inspection);
        }
    }

    /// Tells how the topics of a contract stand: by OpenLineage a dataset has such facets too, for who looks at no runs.
    fn judged(
        &self,
        speaker: &Speaker<'_>,
        state: &mut ProductState,
        events: &mut Vec<Event>,
        inspection: &Inspection<'_>,
    ) {
        let Some(contract) = self.judge.contract(inspection.hash) else { return };
        for dataset in &inspection.described.datasets {
            // What is not told as a dataset is not told how it stands.
            let told = state.told.get_mut(&id::of(&[&contract.id, &dataset.topic]));
            let Some(told) = told.filter(|told| told.hash == inspection.hash) else { continue };
            told.at_ms = inspection.ended_ms.max(told.at_ms + 1);
            let governed = Governed {
                product: inspection.product,
                contract_id: &contract.id,
                contract_version: &contract.version,
                hash: inspection.hash,
                owner: inspection.described.owner.as_deref(),
                dataset,
                change: None,
                quality: run::quality_of(inspection, dataset),
                time_ms: told.at_ms,
            };
            events.push(dataset::event(speaker, &governed));
        }
    }

    fn speaker(&self) -> Option<Speaker<'_>> {
        let LineageConfig { namespace, .. } = self.lineage?;
        Some(Speaker { source: self.source, namespace, governance: self.events })
    }
}
