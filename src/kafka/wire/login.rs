//! Logging in by SASL: PLAIN (RFC 4616), SCRAM (RFC 5802) and OAUTHBEARER (RFC 7628), as steps that a connection carries to the broker and back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};
use std::num::NonZeroU32;
use std::sync::Arc;

/// RFC 5802 knows no most; a broker that asks for more than this would keep a core busy for seconds.
const ITERATIONS_MAX: u32 = 1_000_000;

#[derive(Clone)]
pub struct Login {
    pub mechanism: Mechanism,
    pub user: Arc<str>,
    /// By OAUTHBEARER the token.
    pub password: Arc<str>,
    /// Of the token's message, by name; other mechanisms have none.
    pub extensions: Vec<(String, String)>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({:?}, …)", self.mechanism)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    Plain,
    Scram256,
    Scram512,
    Bearer,
}

impl Mechanism {
    pub fn of(name: &str) -> Option<Mechanism> {
        [Mechanism::Plain, Mechanism::Scram256, Mechanism::Scram512, Mechanism::Bearer]
            .into_iter()
            .find(|mechanism| mechanism.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::Scram256 => "SCRAM-SHA-256",
            Mechanism::Scram512 => "SCRAM-SHA-512",
            Mechanism::Bearer => "OAUTHBEARER",
        }
    }

    /// Which keys to look at, where the broker refuses.
    pub fn remedy(self) -> &'static str {
        match self {
            Mechanism::Bearer => "see kafka.sasl.oauthbearer.client.id and what the broker expects of tokens",
            _ => "see kafka.sasl.username and kafka.sasl.password",
        }
    }
}

impl Login {
    /// Logs in by `ask`, which carries bytes to the broker and brings its answer. The error says what is wrong with the broker's words;
    /// that it refuses is `ask`'s to say.
    pub fn by<E: From<String>>(&self, mut ask: impl FnMut(&[u8]) -> Result<Vec<u8>, E>) -> Result<(), E> {
        let scram = match self.mechanism {
            Mechanism::Plain => {
                ask(format!("\0{}\0{}", self.user, self.password).as_bytes())?;
                return Ok(());
            }
            Mechanism::Bearer => return self.bearer(ask),
            Mechanism::Scram256 => (digest::SHA256_OUTPUT_LEN, pbkdf2::PBKDF2_HMAC_SHA256, hmac::HMAC_SHA256),
            Mechanism::Scram512 => (digest::SHA512_OUTPUT_LEN, pbkdf2::PBKDF2_HMAC_SHA512, hmac::HMAC_SHA512),
        };
        let mut random = [0; 24];
        SystemRandom::new().fill(&mut random).map_err(|_| "the system gives no random bytes".to_owned())?;
        let nonce: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        self.scram(scram, &nonce, ask)
    }

    /// A refusal comes as a message that must be answered before the broker says that it is one (RFC 7628, 3.2.3).
    fn bearer<E: From<String>>(&self, mut ask: impl FnMut(&[u8]) -> Result<Vec<u8>, E>) -> Result<(), E> {
        let extensions = self.extensions.iter().map(|(name, value)| format!("{name}={value}\x01"));
        let first = format!("n,,\x01auth=Bearer {}\x01{}\x01", self.password, extensions.collect::<String>());
        let said = text(ask(first.as_bytes())?)?;
        if said.is_empty() {
            return Ok(());
        }
        ask(b"\x01")?;
        Err(format!("the broker refuses the token: {said}; {}", self.mechanism.remedy()).into())
    }

    fn scram<E: From<String>>(
        &self,
        (length, derive, mac): (usize, pbkdf2::Algorithm, hmac::Algorithm),
        nonce: &str,
        mut ask: impl FnMut(&[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<(), E> {
        let user = self.user.replace('=', "=3D").replace(',', "=2C");
        let first = format!("n={user},r={nonce}");
        let said = text(ask(format!("n,,{first}").as_bytes())?)?;
        let part = |name: &str| said.split(',').find_map(|part| part.strip_prefix(name)).unwrap_or_default();
        let (both, salt, times) = (part("r="), STANDARD.decode(part("s=")).ok(), part("i=").parse().unwrap_or(0));
        if !both.starts_with(nonce) || both.len() == nonce.len() {
            return Err("the broker's first SCRAM message does not go on from ours".to_owned().into());
        }
        let (Some(salt), Some(times)) = (salt, NonZeroU32::new(times).filter(|times| times.get() <= ITERATIONS_MAX))
        else {
            return Err(format!(
                "the broker's first SCRAM message has no salt, or not 1 to {ITERATIONS_MAX} iterations"
            )
            .into());
        };
        let mut salted = vec![0; length];
        pbkdf2::derive(derive, times, &salt, self.password.as_bytes(), &mut salted);
        let sign = |key: &[u8], what: &[u8]| hmac::sign(&hmac::Key::new(mac, key), what);
        let of_client = sign(&salted, b"Client Key");
        let stored = digest::digest(mac.digest_algorithm(), of_client.as_ref());
        let last = format!("c=biws,r={both}"); // biws: n,,
        let whole = format!("{first},{said},{last}");
        let signature = sign(stored.as_ref(), whole.as_bytes());
        let proof: Vec<u8> = of_client.as_ref().iter().zip(signature.as_ref()).map(|(key, sign)| key ^ sign).collect();
        let said = text(ask(format!("{last},p={}", STANDARD.encode(&proof)).as_bytes())?)?;
        let verifier = said
            .split(',')
            .find_map(|part| part.strip_prefix("v="))
            .and_then(|text| STANDARD.decode(text).ok())
            .unwrap_or_default();
        let of_broker = hmac::Key::new(mac, sign(&salted, b"Server Key").as_ref());
        // Who does not know the password cannot sign so: it is no broker of this cluster.
        hmac::verify(&of_broker, whole.as_bytes(), &verifier)
            .map_err(|_| "the broker does not show that it knows the password, too".to_owned().into())
    }
}

fn text(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|_| "the broker's SCRAM message is no UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256: (usize, pbkdf2::Algorithm, hmac::Algorithm) =
        (digest::SHA256_OUTPUT_LEN, pbkdf2::PBKDF2_HMAC_SHA256, hmac::HMAC_SHA256);

    /// What the broker answers, one message after the other; what it was sent.
    fn talk(user: &str, password: &str, answers: &[&str]) -> (Result<(), String>, Vec<String>) {
        let login = Login {
            mechanism: Mechanism::Scram256,
            user: user.into(),
            password: password.into(),
            extensions: Vec::new(),
        };
        let (mut sent, mut answers) = (Vec::new(), answers.iter());
        let ended = login.scram(SHA256, "rOprNGfwEbeRWgbNEkqO", |bytes| {
            sent.push(String::from_utf8_lossy(bytes).into_owned());
            answers.next().map(|answer| answer.as_bytes().to_vec()).ok_or_else(|| "no answer".to_owned())
        });
        (ended, sent)
    }

    /// The example of RFC 7677, 3.
    const FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const LAST: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    #[test]
    fn a_login_by_scram_is_as_its_standard_shows_it() {
        let (ended, sent) = talk("user", "pencil", &[FIRST, LAST]);
        assert_eq!(ended, Ok(()));
        assert_eq!(
            sent,
            [
                "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            ]
        );
        assert_eq!(talk("a=b,c", "x", &[]).1, ["n,,n=a=3Db=2Cc,r=rOprNGfwEbeRWgbNEkqO"]);
    }

    #[test]
    fn a_broker_that_does_not_know_the_password_is_none() {
        let check = |password: &str, answers: &[&str], said: &str| {
            let (ended, _) = talk("user", password, answers);
            assert!(ended.as_ref().is_err_and(|why| why.contains(said)), "{answers:?}: {ended:?}");
        };
        check("another", &[FIRST, LAST], "does not show");
        check("pencil", &[FIRST, "v=AAAA"], "does not show");
        check("pencil", &[FIRST, ""], "does not show");
        check("pencil", &["r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"], "does not go on");
        check("pencil", &["r=xyz,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"], "does not go on");
        check("pencil", &[&FIRST.replace("i=4096", "i=0")], "iterations");
        check("pencil", &[&FIRST.replace("i=4096", "i=4000000000")], "iterations");
        check("pencil", &[&FIRST.replace("s=W22", "s=!")], "no salt");
        check("pencil", &[""], "does not go on");
    }

    #[test]
    fn a_token_is_sent_with_its_extensions_and_a_refusal_is_answered_before_it_counts() {
        let check = |answer: &str, sent: &[&str], refused: Option<&str>| {
            let extensions = vec![("tenant".to_owned(), "a b".to_owned())];
            let login = Login { mechanism: Mechanism::Bearer, user: "".into(), password: "t.o.k".into(), extensions };
            let mut said = Vec::new();
            let done = login.by(|message| -> Result<Vec<u8>, String> {
                said.push(String::from_utf8_lossy(message).into_owned());
                Ok(if said.len() == 1 { answer.as_bytes().to_vec() } else { Vec::new() })
            });
            assert_eq!(said, sent);
            match (done, refused) {
                (Ok(()), None) => {}
                (Err(why), Some(words)) => assert!(why.contains(words) && !why.contains("t.o.k"), "{why}"),
                (done, _) => panic!("{answer}: {done:?}"),
            }
        };
        let first = "n,,\x01auth=Bearer t.o.k\x01tenant=a b\x01\x01";
        check("", &[first], None);
        check(r#"{"status":"invalid_token"}"#, &[first, "\x01"], Some("invalid_token"));
    }
}
