//! One broker, one question after the other, each within a time.

use crate::kafka::wire::WireError;
use crate::kafka::wire::codec::{Reader, Writer};
use crate::kafka::wire::login::Login;
use crate::kafka::wire::security::{Security, Stream};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// A broker with 50,000 groups or transactional ids of 200 bytes answers with 10 MB.
const ANSWER_BYTES_MAX: i32 = 32 * 1024 * 1024;
/// As the broker's log and quotas call us.
const CLIENT_ID: &str = "steward-lineage";

/// The question which versions a broker knows; its version 0 is not flexible, and every broker answers it.
const API_VERSIONS: i16 = 18;
/// How it is logged in, and the messages of that; neither version is flexible.
const SASL_HANDSHAKE: (i16, i16) = (17, 1);
const SASL_AUTHENTICATE: (i16, i16) = (36, 0);

pub struct Connection {
    /// `host:port`, for people.
    place: String,
    stream: Stream,
    correlation: i32,
    /// What the broker knows of each question.
    versions: Versions,
}

/// Why a login failed.
struct Refused(String);

impl From<String> for Refused {
    fn from(why: String) -> Refused {
        Refused(why)
    }
}

/// By question, the lowest and the highest version.
type Versions = BTreeMap<i16, (i16, i16)>;

impl Connection {
    /// Connects, asks what the broker knows, and logs in where that is asked for.
    pub fn open(host: &str, port: u16, security: &Security, timeout: Duration) -> Result<Connection, WireError> {
        let place = format!("{host}:{port}");
        let unreachable = |e: std::io::Error| WireError::Unreachable(place.clone(), e.to_string());
        let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
        let mut connected = None;
        for address in (host, port).to_socket_addrs().map_err(unreachable)? {
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(stream) => {
                    connected = Some(stream);
                    break;
                }
                Err(error) => last = error,
            }
        }
        let stream = connected.ok_or_else(|| unreachable(last))?;
        let set = stream.set_read_timeout(Some(timeout)).and_then(|()| stream.set_write_timeout(Some(timeout)));
        set.and_then(|()| stream.set_nodelay(true)).map_err(unreachable)?;
        let stream = security.stream(host, stream).map_err(|why| WireError::Unreachable(place.clone(), why))?;
        let mut connection = Connection { place, stream, correlation: 0, versions: BTreeMap::new() };
        connection.versions = connection.known()?;
        if let Some(login) = &security.login {
            connection.log_in(login).map_err(|Refused(why)| WireError::Login(connection.place.clone(), why))?;
        }
        Ok(connection)
    }

    fn log_in(&mut self, login: &Login) -> Result<(), Refused> {
        let (key, version) = SASL_HANDSHAKE;
        let mechanism = login.mechanism.name();
        let body = Writer::default().old_string(mechanism).take();
        let answer = self.exchange(key, version, false, &body).map_err(|e| Refused(e.to_string()))?;
        let mut reader = Reader::new(&answer);
        if reader.i32().and_then(|_| reader.i16())? != 0 {
            return Err(Refused(format!("{mechanism} is not offered; see kafka.sasl.mechanism")));
        }
        login.by(|message| {
            let (key, version) = SASL_AUTHENTICATE;
            let body = Writer::default().i32(message.len() as i32).bytes(message).take();
            let answer = self.exchange(key, version, false, &body).map_err(|e| Refused(e.to_string()))?;
            let mut reader = Reader::new(&answer);
            reader.i32()?;
            let (code, why) = (reader.i16()?, reader.old_string()?);
            let length = reader.i32()?;
            match code {
                0 => Ok(reader.bytes(usize::try_from(length).unwrap_or_default())?.to_vec()),
                _ => Err(Refused(format!("{why}; {}", login.mechanism.remedy()))),
            }
        })
    }

    /// Asks by a flexible version; what comes back is the answer's body.
    pub fn ask(&mut self, key: i16, version: i16, body: &[u8]) -> Result<Vec<u8>, WireError> {
        let known = self.versions.get(&key);
        if !known.is_some_and(|(least, most)| (*least..=*most).contains(&version)) {
            return Err(WireError::Unknown(key));
        }
        let answer = self.exchange(key, version, true, body)?;
        let mut reader = Reader::new(&answer);
        // The header: the correlation, which was compared, and tagged fields.
        let header = reader.i32().and_then(|_| reader.end());
        header.map_err(|what| WireError::Broken { key, what })?;
        let rest = answer.len() - reader.left();
        Ok(answer[rest..].to_vec())
    }

    /// The versions of each question that the broker knows, lowest and highest.
    fn known(&mut self) -> Result<Versions, WireError> {
        let answer = self.exchange(API_VERSIONS, 0, false, &[])?;
        let broken = |what: String| WireError::Broken { key: API_VERSIONS, what };
        let mut reader = Reader::new(&answer);
        let read = |reader: &mut Reader<'_>| -> Result<(i16, Versions), String> {
            reader.i32()?;
            let code = reader.i16()?;
            let mut versions = BTreeMap::new();
            for _ in 0..reader.i32()? {
                versions.insert(reader.i16()?, (reader.i16()?, reader.i16()?));
            }
            Ok((code, versions))
        };
        match read(&mut reader).map_err(broken)? {
            (0, versions) => Ok(versions),
            (code, _) => Err(WireError::Refused { what: "API versions".into(), code }),
        }
    }

    /// Sends one frame and reads one: the answer, from its correlation on.
    fn exchange(&mut self, key: i16, version: i16, flexible: bool, body: &[u8]) -> Result<Vec<u8>, WireError> {
        self.correlation = self.correlation.wrapping_add(1);
        let mut header = Writer::default();
        header.i16(key).i16(version).i32(self.correlation).old_string(CLIENT_ID);
        if flexible {
            header.end();
        }
        let header = header.take();
        let mut frame = Writer::default();
        frame.i32((header.len() + body.len()) as i32).bytes(&header).bytes(body);
        let place = self.place.clone();
        let unreachable = |e: std::io::Error| WireError::Unreachable(place.clone(), e.to_string());
        self.stream.write_all(&frame.take()).and_then(|()| self.stream.flush()).map_err(unreachable)?;
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).map_err(unreachable)?;
        let length = i32::from_be_bytes(length);
        if !(4..=ANSWER_BYTES_MAX).contains(&length) {
            return Err(WireError::Broken { key, what: format!("an answer of {length} bytes") });
        }
        let mut answer = vec![0; length as usize];
        self.stream.read_exact(&mut answer).map_err(unreachable)?;
        match Reader::new(&answer).i32() {
            Ok(correlation) if correlation == self.correlation => Ok(answer),
            _ => Err(WireError::Broken { key, what: "it answers another question".into() }),
        }
    }
}
