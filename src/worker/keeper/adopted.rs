//! A configuration that was read again, put in force while the worker runs.

use crate::catalog::directory::Reloaded;
use crate::kafka::admin::Admin;
use crate::kafka::configured::{self, topics};
use crate::telemetry;
use crate::telemetry::levels;
use crate::worker::keeper::{Keeper, News};
use crate::worker::reload::Ready;
use std::sync::Arc;

impl Keeper {
    /// Puts a configuration in force that was read again, as a whole or not at all.
    pub(super) fn reloaded(&mut self, ready: Result<Ready, Vec<String>>, news: &mut News) -> Reloaded {
        let at_ms = crate::clock::now_ms();
        let adopted = ready.and_then(|ready| self.adopt(ready, news).map_err(|why| vec![why]));
        telemetry::reloaded(adopted.is_ok());
        match adopted {
            Ok((live, waiting)) => {
                let (changed, waits_for_a_start) = (live.join(", "), waiting.join(", "));
                tracing::info!(changed, waits_for_a_start, "the configuration was read again");
                Reloaded { at_ms, changed: live, waiting, ..Reloaded::default() }
            }
            Err(refused) => {
                for why in &refused {
                    tracing::error!("the configuration was read again and is refused, what is in force stays: {why}");
                }
                Reloaded { at_ms, refused, ..Reloaded::default() }
            }
        }
    }

    fn adopt(&mut self, mut ready: Ready, news: &mut News) -> Result<(Vec<String>, Vec<String>), String> {
        let config = Arc::new(ready.change.config.clone());
        if ready.clients {
            let events = self.settings.events.clone();
            let settings = configured::settings(&config, &config.worker.group_id, "worker", 0, events);
            // A client reads its certificates when it is made.
            let admin = Admin::open(&settings).map_err(|fault| fault.message)?;
            self.catalog.renew(&settings, &topics(&config).catalog()).map_err(|fault| fault.message)?;
            (self.settings, self.admin, news.clients) = (settings, admin, true);
        }
        // Nothing fails from here on.
        if config.log.level != self.config.log.level
            && let Err(why) = levels::set(levels::ROOT, &config.log.level, crate::clock::now_ms())
        {
            tracing::debug!(%why, "the level of the log stays");
        }
        if let Some((of_schemas, of_subjects)) = ready.registry.take() {
            news.registry = Some(of_schemas);
            if let Some(subjects) = &self.subjects {
                subjects.renew(of_subjects);
            }
        }
        news.rules = ready.rules.take();
        self.files.turn_to(config.contracts.paths.clone());
        self.policies.turn_to(config.contracts.policies.clone());
        self.reload.took(&ready);
        self.config = config;
        Ok((ready.change.live.into_iter().collect(), ready.change.waiting.into_iter().collect()))
    }
}
