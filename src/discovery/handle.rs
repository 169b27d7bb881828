//! A handle for admin calls that is opened when it is first needed.

use crate::flow::io::Fault;
use crate::kafka::admin::Admin;
use crate::kafka::client::Settings;

pub struct Handle {
    settings: Settings,
    open: Option<Admin>,
}

impl Handle {
    pub fn new(settings: Settings) -> Handle {
        Handle { settings, open: None }
    }

    pub fn admin(&mut self) -> Result<&Admin, Fault> {
        let admin = match self.open.take() {
            Some(admin) => admin,
            None => Admin::open(&self.settings)?,
        };
        Ok(self.open.insert(admin))
    }
}
