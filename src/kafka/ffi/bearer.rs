//! A client's token (SASL OAUTHBEARER), set as soon as there is another.

use crate::kafka::client::Context;
use crate::kafka::tokens::{Known, Token, Told};
use rdkafka::client::Client;
use rdkafka_sys as sys;
use std::ffi::{CString, c_char};
use std::ptr::NonNull;

/// Gives a new client the token that there is, and goes on for as long as what is returned lives. `None`: it logs in by something else.
///
/// # Safety
/// What is returned must be dropped before the client.
pub unsafe fn log_in(client: &Client<Context>) -> Option<Told> {
    let bearer = Bearer(NonNull::new(client.native_ptr())?);
    client.context().tokens().map(|tokens| tokens.tell(move |known| bearer.take(known)))
}

struct Bearer(NonNull<sys::rd_kafka_t>);

// SAFETY: librdkafka's clients are thread-safe: both calls below take the client's own locks.
unsafe impl Send for Bearer {}

impl Bearer {
    /// Hands on what is known: the token, or why there is none newer, which the client then tells as an error of its own.
    fn take(&self, known: &Known) {
        let refused = known.token.as_ref().and_then(|token| self.set(token).err()).or_else(|| known.refused.clone());
        let Some(words) = refused.and_then(|why| CString::new(why).ok()) else { return };
        // SAFETY: the client is alive by `log_in`'s condition; the text is copied.
        unsafe { sys::rd_kafka_oauthbearer_set_token_failure(self.0.as_ptr(), words.as_ptr()) };
    }

    fn set(&self, token: &Token) -> Result<(), String> {
        let c = |text: &str| CString::new(text).map_err(|_| "the provider's token holds a NUL".to_owned());
        let (text, principal) = (c(&token.text)?, c(&token.principal)?);
        let extensions = token.extensions.iter().flat_map(|(name, value)| [c(name), c(value)]);
        let extensions: Vec<CString> = extensions.collect::<Result<_, _>>()?;
        let mut listed: Vec<*const c_char> = extensions.iter().map(|text| text.as_ptr()).collect();
        let mut why = [0 as c_char; 512];
        // SAFETY: the client is alive by `log_in`'s condition; every text is copied, and `why` takes what its length says.
        let code = unsafe {
            sys::rd_kafka_oauthbearer_set_token(
                self.0.as_ptr(),
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
