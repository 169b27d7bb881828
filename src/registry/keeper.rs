//! The registry's thread: what tasks wait for goes in, what is known comes out. It ends when nobody can want any more.

use crate::clock::now_ms;
use crate::config::registry::Registry;
use crate::engine::decode::protobuf::schema::ProtobufSchema;
use crate::engine::decode::schema::{AvroSchema, Registered, SchemaRef, Schemas};
use crate::flow::io::Ms;
use crate::registry::cache::{Cache, Limits, Said, Turn};
use crate::registry::client::{Answer, Client, Found, Outcome};
use crate::telemetry;
use crate::telemetry::log::Limiter;
use std::panic::{RefUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

/// Wishes that wait for the thread. Beyond it one is dropped: the flow says it again as long as it waits.
const WISHES: usize = 4_096;
/// While one schema after the other is found, tasks are told so often.
const TELL_MS: Ms = 200;
/// The thread looks at its log's repeats at least so often.
const REST_MS: Ms = 10_000;

/// Where tasks say what they wait for.
#[derive(Clone)]
pub struct Wishes {
    wanted: SyncSender<SchemaRef>,
    renewed: Renewed,
}

/// A client to ask with from the next question on.
type Renewed = Arc<Mutex<Option<Client>>>;

impl Wishes {
    /// Never waits. Saying it again changes nothing.
    pub fn want(&self, schema: SchemaRef) {
        // A full queue takes it the next time. One without a thread takes nothing any more.
        if let Err(TrySendError::Disconnected(_)) = self.wanted.try_send(schema) {
            static SAID: Once = Once::new();
            SAID.call_once(|| {
                tracing::error!("the registry's thread has ended: no further schema is asked for; restart")
            });
        }
    }

    /// With new certificates or another login from the next question on.
    pub fn renew(&self, client: Client) {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = Some(client);
    }
}

/// What the thread tells.
pub enum News {
    /// What is known now.
    Schemas(Arc<Schemas>),
    /// The registry's last word, where it was a failure; `None`: it answers again.
    Trouble(Option<String>),
}

/// Starts the thread. The error names the key of the configuration, what is wrong, and what to do.
pub fn start(registry: &Registry, tell: impl FnMut(News) + Send + 'static) -> Result<Wishes, String> {
    let client = Client::new(registry)?;
    let limits = Limits {
        missing_grace_ms: registry.missing_grace_ms,
        unavailable_max_ms: registry.unavailable_max_ms,
        schemas_max: registry.schemas_max,
    };
    let (wishes, wanted) = sync_channel(WISHES);
    let (cache, limiter, renewed) = (Cache::new(limits), Limiter::default(), Renewed::default());
    let keeper = Keeper { client, renewed: renewed.clone(), cache, tell, limiter, trouble: None, told_ms: 0 };
    let thread = std::thread::Builder::new().name("registry".into()).spawn(move || keeper.run(&wanted));
    thread
        .map(|_| Wishes { wanted: wishes, renewed })
        .map_err(|e| format!("no thread could be started for the schema registry: {e}"))
}

struct Keeper<T> {
    client: Client,
    renewed: Renewed,
    cache: Cache,
    tell: T,
    limiter: Limiter,
    trouble: Option<String>,
    told_ms: Ms,
}

impl<T: FnMut(News)> Keeper<T> {
    fn run(mut self, wanted: &Receiver<SchemaRef>) {
        loop {
            let now = now_ms();
            let next_ms = self.cache.next_ms().map_or(REST_MS, |at| (at - now).clamp(0, REST_MS));
            match wanted.recv_timeout(Duration::from_millis(next_ms as u64)) {
                Ok(schema) => self.cache.want(now_ms(), schema),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            wanted.try_iter().for_each(|schema| self.cache.want(now_ms(), schema));
            self.turn();
        }
    }

    /// Asks for one schema, where one is due, and tells what changed.
    fn turn(&mut self) {
        if let Some(schema) = self.cache.next(now_ms()) {
            self.ask(schema);
        }
        let now = now_ms();
        let why = self.trouble.as_deref().unwrap_or("the registry does not answer");
        for schema in self.cache.expire(now, why) {
            self.given_up(now, schema);
        }
        let busy = self.cache.next_ms().is_some_and(|at| at <= now);
        if (!busy || now - self.told_ms >= TELL_MS)
            && let Some(schemas) = self.cache.news()
        {
            self.told_ms = now;
            telemetry::registry_schemas(self.cache.found());
            (self.tell)(News::Schemas(Arc::new(schemas)));
        }
        for summary in self.limiter.due(now) {
            let (what, times) = (summary.code, summary.count);
            tracing::warn!(what, times, "said again of the schema registry");
        }
    }

    fn ask(&mut self, schema: SchemaRef) {
        if let Some(renewed) = self.renewed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            self.client = renewed;
        }
        let answer = self.client.ask(schema, |outcome| telemetry::registry_request(outcome.word()));
        let now = now_ms();
        let said = match answer {
            Answer::Found(found) => {
                let registered = registered(&found);
                if let Registered::Unsupported(why) = &registered {
                    tracing::warn!(%schema, why, "records of this schema cannot be decoded");
                }
                Said::Known(registered)
            }
            Answer::Missing => Said::Missing,
            Answer::Failed(failure) => {
                if self.limiter.pass(now, "registry", failure.outcome.word()) {
                    tracing::warn!(%schema, reason = failure.reason, "the schema registry fails; it is asked again");
                }
                self.trouble = Some(failure.reason.clone());
                (self.tell)(News::Trouble(self.trouble.clone()));
                Said::Failed { why: failure.reason, everywhere: failure.outcome != Outcome::Unexpected }
            }
        };
        for turn in self.cache.answered(now, schema, said) {
            match turn {
                Turn::Down => {}
                Turn::Up => {
                    if self.limiter.pass(now, "registry", "answers") {
                        tracing::info!("the schema registry answers again");
                    }
                    self.trouble = None;
                    (self.tell)(News::Trouble(None));
                }
                Turn::Absent => {
                    if self.limiter.pass(now, "registry", "missing") {
                        tracing::warn!(
                            %schema,
                            "the registry does not have this schema: records that name it are undecodable until it is \
                             registered; see that producer and steward use one registry"
                        );
                    }
                }
                Turn::GivenUp => self.given_up(now, schema),
            }
        }
    }

    fn given_up(&mut self, now: Ms, schema: SchemaRef) {
        if self.limiter.pass(now, "registry", "given up") {
            tracing::error!(
                %schema,
                "the registry failed for longer than registry.unavailable.max: records of this schema are counted as not \
                 measured until it answers"
            );
        }
    }
}

/// What the registry's answer means for records.
pub fn registered(found: &Found) -> Registered {
    let references: Vec<(&str, &str)> =
        found.references.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    // A parser that meets the unforeseen must not end the thread that all partitions wait for.
    let parsed =
        |kind: &str, parse: &(dyn Fn() -> Result<Registered, String> + RefUnwindSafe)| match catch_unwind(parse) {
            Ok(Ok(registered)) => registered,
            Ok(Err(why)) => Registered::Unsupported(format!("it is no {kind} schema: {why}")),
            Err(_) => Registered::Unsupported(format!("it is no {kind} schema that can be read")),
        };
    match found.kind.as_str() {
        "AVRO" => parsed("Avro", &|| {
            AvroSchema::parse(&found.text, &references).map(|schema| Registered::Avro(Arc::new(schema)))
        }),
        "PROTOBUF" => parsed("Protobuf", &|| {
            ProtobufSchema::parse(&found.text, &references).map(|schema| Registered::Protobuf(Arc::new(schema)))
        }),
        "JSON" => Registered::Json,
        kind => Registered::Unsupported(format!("schemas of type {kind} are not read in this version")),
    }
}
