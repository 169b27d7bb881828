//! What a stage reads beside its work, when there is nothing else to do.

use crate::flow::io::Ms;
use crate::flow::stage::Stage;
use crate::flow::task::Task;

impl<S: Stage> Task<S> {
    pub(super) fn ask_aside(&mut self, now: Ms) {
        if let Some(call) = self.stage.aside(now) {
            self.calling_aside = true;
            self.call(call);
        }
    }
}
