//! A client's token (SASL OAUTHBEARER), set as soon as there is another.

use crate::kafka::client::Context;
use crate::kafka::tokens::{Token, Tokens};
use rdkafka::client::Client;
use rdkafka_sys as sys;
use std::ffi::{CString, c_char};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A client that is made waits so long for the first token: its first question need not fail then.
const FIRST_WITHIN: Duration = Duration::from_secs(10);

/// Gives a new client the token that there is, so that it need not wait until its queue is read.
pub fn log_in(client: &Client<Context>) {
    // SAFETY: the client is borrowed for longer than this lives.
    drop(client.context().tokens().and_then(|tokens| unsafe { Bearer::of(client.native_ptr(), tokens) }));
}

/// Who logs in, and which answer of the provider it has seen. It lives no longer than its client: it stands in a `Queue`.
pub struct Bearer {
    client: NonNull<sys::rd_kafka_t>,
    tokens: Arc<Tokens>,
    seen: AtomicU64,
}

impl Bearer {
    /// # Safety
    /// The client must outlive what is returned.
    pub unsafe fn of(client: *mut sys::rd_kafka_t, tokens: &Arc<Tokens>) -> Option<Bearer> {
        tokens.first(FIRST_WITHIN);
        let bearer = Bearer { client: NonNull::new(client)?, tokens: tokens.clone(), seen: AtomicU64::new(0) };
        bearer.renew();
        Some(bearer)
    }

    /// Hands on what is new: a token, or why there is none, which the client then tells as an error of its own.
    pub fn renew(&self) {
        let Some((version, known)) = self.tokens.since(self.seen.load(Ordering::Relaxed)) else { return };
        self.seen.store(version, Ordering::Relaxed);
        let refused = known.token.and_then(|token| self.set(&token).err()).or(known.refused);
        let Some(words) = refused.and_then(|why| CString::new(why).ok()) else { return };
        // SAFETY: the client is alive by `of`'s condition; the text is copied.
        unsafe { sys::rd_kafka_oauthbearer_set_token_failure(self.client.as_ptr(), words.as_ptr()) };
    }

    fn set(&self, token: &Token) -> Result<(), String> {
        let c = |text: &str| CString::new(text).map_err(|_| "the provider's token holds a NUL".to_owned());
        let (text, principal) = (c(&token.text)?, c(&token.principal)?);
        let extensions = token.extensions.iter().flat_map(|(name, value)| [c(name), c(value)]);
        let extensions: Vec<CString> = extensions.collect::<Result<_, _>>()?;
        let mut listed: Vec<*const c_char> = extensions.iter().map(|text| text.as_ptr()).collect();
        let mut why = [0 as c_char; 512];
        // SAFETY: the client is alive by `of`'s condition; every text is copied, and `why` takes what its length says.
        let code = unsafe {
            sys::rd_kafka_oauthbearer_set_token(
                self.client.as_ptr(),
                text.as_ptr(),
                token.ends_ms,
                principal.as_ptr(),
                listed.as_mut_ptr(),
                listed.len(),
                why.as_mut_ptr(),
                why.len(),
            )
        };
        match code {
            sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            _ => Err(super::text(why.as_ptr())),
        }
    }
}
