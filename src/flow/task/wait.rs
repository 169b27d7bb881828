//! Partitions that wait for a schema: held before the first record that needs it, and live all the while.
//!
//! What came before that record is counted, and the partition's offset goes on in every flush, so that an outage of the
//! registry costs nothing but time. A partition that leaves, or is opened again, forgets what it waited for: whoever reads
//! the record next finds out anew.

use crate::engine::decode::schema::SchemaRef;
use crate::flow::io::{Action, Ms, Part};
use crate::flow::opening::{Phase, Wait};
use crate::flow::stage::Stage;
use crate::flow::task::Task;

/// What a partition waits for is said again so often: whoever asks the registry may have forgotten it.
const SAY_AGAIN_MS: Ms = 5_000;

impl<S: Stage> Task<S> {
    /// The partition's next record needs the first of these schemas.
    pub(super) fn wait(&mut self, now: Ms, part: &Part, schemas: Vec<SchemaRef>) {
        let Some(Phase::Live { waits, .. }) = self.parts.phases.get_mut(part) else { return };
        self.out.push(Action::Hold(vec![part.clone()]));
        self.out.extend(schemas.iter().copied().map(Action::Want));
        *waits = Some(Wait { schemas, since_ms: now, said_ms: now });
    }

    /// Starts those waiting partitions again, at their position, that `may` go on.
    pub(super) fn read_on(&mut self, may: impl Fn(&S, &Wait) -> bool) {
        for (part, phase) in &mut self.parts.phases {
            // One that is to be opened again goes on from there.
            let Phase::Live { waits, reopen: None, .. } = phase else { continue };
            if waits.as_ref().is_some_and(|wait| may(&self.stage, wait))
                && let Some(offset) = self.stage.position(part)
            {
                *waits = None;
                self.out.push(Action::Start { part: part.clone(), offset });
            }
        }
    }

    pub(super) fn wish_again(&mut self, now: Ms) {
        for phase in self.parts.phases.values_mut() {
            if let Phase::Live { waits: Some(wait), .. } = phase
                && now - wait.said_ms >= SAY_AGAIN_MS
            {
                wait.said_ms = now;
                self.out.extend(wait.schemas.iter().copied().map(Action::Want));
            }
        }
    }
}
