//! A worker: binds its port, sets up the cluster's side, starts the tasks, keeps them supplied, and drains them.
//!
//! Tasks run on threads of their own, since librdkafka's calls block; HTTP and supervision run on tokio.

pub mod clients; // settings of Kafka clients, and what they say
pub mod keeper; // contracts and topics, as they change
pub mod differences; // between two states of them
pub mod auditor; // who asked what: written, read
pub mod sole; // the catalog's one writer at a time
pub mod laboratory; // samples and trials that requests ask for
pub mod current; // what threads make their clients of, as it is now
pub mod registrar; // changes of published products, drafts and use cases
pub mod derived; // use cases, run by their engines
pub mod filed; // products of files, told when they change
pub mod rulings; // what policies say, told when it changes
pub mod fingerprint; // of the key of uniqueness hashes
pub mod gone; // topics of our own that were deleted
pub mod herald; // heartbeats: what workers tell each other
pub mod survey; // how far stage 1 has come, for the board
pub mod lineage; // who feeds whom: collected, kept, read
pub mod orphans; // partitions that nobody reads
pub mod reload; // what is read again
pub mod service; // what the service manager is told, and when
pub mod task; // one task: its thread, its settings, what is shown of it

use crate::catalog::board::Board;
use crate::catalog::experiment::Experiment;
use crate::catalog::lineage::{LineageBoard, Post};
use crate::catalog::published::Petition;
use crate::catalog::trail::Trail;
use crate::catalog::wish::{Order, Wish};
use crate::config::usable::Config;
use crate::discovery::collectors;
use crate::engine::event::envelope::Source;
use crate::engine::lineage::collector::Collector;
use crate::engine::lineage::names::Aliases;
use crate::flow::io::{Exit, Part};
use crate::heap;
use crate::http::access::{Gate, Rules};
use crate::http::server::{Site, serve};
use crate::kafka::admin::SetupError;
use crate::kafka::remedy;
use crate::page;
use crate::registry;
use crate::telemetry;
use crate::telemetry::log::Limiter;
use crate::worker::auditor::Desk;
use crate::worker::current::Current;
use crate::worker::herald::Herald;
use crate::worker::keeper::{Keeper, News};
use crate::worker::lineage::Lineage;
use crate::worker::lineage::own::Own;
use crate::worker::orphans::Watch;
use crate::worker::service::Service;
use crate::worker::task::{Task, Tasks};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::MissedTickBehavior;

/// Contract files, topics and the catalog are looked at this often; a new topic is governed within 10 s.
const KEEP_EVERY: Duration = Duration::from_secs(2);
/// The catalog is, so that every worker shows what one was told within a second: one question about the log's end.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Memory that bursts left free is given back so often; it takes some milliseconds.
const GIVE_BACK_EVERY: Duration = Duration::from_secs(60);

/// Wishes that wait for the next round; whoever comes next is told to try again.
const ORDERS_MAX: usize = 64;
/// Lines of the audit that wait for a broker; a line that finds no room is an error in the log.
const LINES_MAX: usize = 1_024;
/// What a stop leaves to the last lines.
const AUDIT_WITHIN: Duration = Duration::from_secs(2);

/// A killed process gives its port back within a second or two.
const BIND_TRIES: u32 = 20;
const BIND_EVERY: Duration = Duration::from_millis(100);

/// Runs until `shutdown` ends or a task meets something fatal. Each of `reloads` has what can be read again read again.
pub async fn run(config: Config, shutdown: impl Future<Output = ()>, reloads: mpsc::Receiver<()>) -> Exit {
    let telemetry = match telemetry::install(crate::clock::now_ms()) {
        Ok(handle) => handle,
        Err(error) => return Exit::Fatal(error.to_string()),
    };
    let listener = match bind(config.http.listen).await {
        Ok(listener) => listener,
        Err(error) => {
            let listen = config.http.listen;
            return Exit::Configuration(format!("http.listen {listen} cannot be bound: {error}; choose a free port"));
        }
    };
    let gate = match Rules::of(&config.http) {
        Ok(rules) => Arc::new(Gate::new(rules)),
        Err(why) => return Exit::Configuration(why),
    };
    let board = Arc::new(Board::default());
    let lineage: Arc<LineageBoard> = Arc::default();
    let (orders, wishes) = mpsc::channel(ORDERS_MAX);
    let (audit, lines) = mpsc::channel(LINES_MAX);
    let trail: Arc<Trail> = Arc::default();
    let (tries, experiments) = mpsc::channel(laboratory::WAITING_MAX);
    let (changes, petitions) = mpsc::channel(ORDERS_MAX);
    let (posts, posted) = mpsc::channel(lineage::POSTS_MAX);
    let (stop_http, stopped) = watch::channel(());
    let site = Site {
        board: board.clone(),
        telemetry,
        worker_id: config.worker.id.as_str().into(),
        address: herald::address(config.http.listen).into(),
        started_ms: crate::clock::now_ms(),
        series_max: config.metrics.series_max,
        events: config.governance.topic.as_str().into(),
        lineage: lineage.clone(),
        aliases: Arc::new(Aliases(config.lineage.as_ref().map(|l| l.aliases.clone()).unwrap_or_default())),
        posts,
        orders,
        changes: changes.clone(),
        trail: trail.clone(),
        audit,
        gate: gate.clone(),
        experiments: tries,
    };
    tracing::info!(listen = %config.http.listen, worker = config.worker.id, "serving HTTP");
    let service = page::routes::routes(site.clone());
    let http = tokio::spawn(serve(listener, site, service, async move {
        let mut stopped = stopped;
        // Ends with an error when the sender is gone, which means the same.
        let _ = stopped.changed().await;
    }));
    let (done, written) = oneshot::channel();
    let desk = Desk { trail, lines, done };
    let boards = Boards { board, lineage, gate, posted, changes, petitions, audit: desk, experiments };
    let exit = govern(config, boards, wishes, reloads, shutdown).await;
    drop(stop_http);
    let _ = http.await;
    // No request is under way any more: what the last of them did is written.
    let _ = tokio::time::timeout(AUDIT_WITHIN, written).await;
    exit
}

/// Binds the port; a predecessor that is just ending may hold it for a moment.
async fn bind(listen: SocketAddr) -> io::Result<TcpListener> {
    for _ in 0..BIND_TRIES {
        match TcpListener::bind(listen).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => tokio::time::sleep(BIND_EVERY).await,
            bound => return bound,
        }
    }
    TcpListener::bind(listen).await
}

/// What requests read and pass, and the OpenLineage events and changes of products that they bring.
struct Boards {
    board: Arc<Board>,
    lineage: Arc<LineageBoard>,
    gate: Arc<Gate>,
    posted: mpsc::Receiver<Post>,
    changes: mpsc::Sender<Petition>,
    petitions: mpsc::Receiver<Petition>,
    audit: Desk,
    experiments: mpsc::Receiver<Experiment>,
}

/// Sets up and supervises until the end.
async fn govern(
    config: Config,
    Boards { board, lineage, gate, posted, changes: asking, petitions: mut changes, audit, experiments }: Boards,
    mut wishes: mpsc::Receiver<Order>,
    mut reloads: mpsc::Receiver<()>,
    shutdown: impl Future<Output = ()>,
) -> Exit {
    let mut shutdown = pin!(shutdown);
    let config = Arc::new(config);
    let (told, mut said) = mpsc::unbounded_channel();
    // Before the cluster is asked: certificates that cannot be read are known at once.
    let registry = match &config.registry.urls[..] {
        [] => None,
        _ => match registry::keeper::start(&config.registry, move |news| drop(told.send(news))) {
            Ok(registry) => Some(registry),
            Err(why) => return Exit::Configuration(why),
        },
    };
    let mut service = Service::new(board.clone());
    let mut turn = tokio::time::interval(service::EVERY);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut setting_up = pin!(set_up(config.clone(), board.clone()));
    let keeper = loop {
        tokio::select! {
            () = &mut shutdown => {
                service.stopping();
                return Exit::Stopped;
            }
            _ = turn.tick() => service.turn(crate::clock::now_ms()),
            keeper = &mut setting_up => match keeper {
                Ok(keeper) => break keeper,
                Err(exit) => return exit,
            },
        }
    };
    let (exits, mut ended) = mpsc::unbounded_channel();
    let mut tasks = Tasks::start(&config, &keeper, &board, registry, exits);
    let (own, address) = (keeper.workers(), herald::address(config.http.listen));
    let herald = Herald::start(keeper.settings("herald", 0), own, board.clone(), config.worker.id.clone(), address);
    let of_experiments = Current::new((keeper.settings("contract", 0), keeper.config().clone()));
    laboratory::start(of_experiments.clone(), experiments);
    let of_audit = Current::new(keeper.settings("audit", 0));
    auditor::start(of_audit.clone(), keeper.audit(), audit);
    let first = Part::new(&keeper.deltas(), 0);
    let derived =
        derived::start(derived::Setup { config: config.clone(), board: board.clone(), changes: asking, first });
    let mut survey = survey::start(keeper.settings("inspect", 0), board.clone());
    let lineage = Lineage::start(lineage_setup(&config, &keeper, &board, lineage), posted);
    let mut watch = Watch::new(&config, &board, keeper.delta_partitions());
    let mut every = tokio::time::interval(KEEP_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looking = tokio::time::interval(LOOK_EVERY);
    looking.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tidying = tokio::time::interval(GIVE_BACK_EVERY);
    tidying.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut resting, mut keeping, mut orders, mut reloading) = (Some(keeper), None, Vec::new(), false);
    let mut petitions = Vec::new();
    let exit = loop {
        tokio::select! {
            () = &mut shutdown => break Exit::Stopped,
            Some((task, exit)) = ended.recv() => {
                tasks.ended(&task);
                if exit != Exit::Stopped {
                    break exit;
                }
                // It may have ended for new clients: the keeper's next round begins it again.
                every.reset_immediately();
            }
            Some(news) = said.recv() => tasks.hear(news),
            _ = turn.tick() => service.turn(crate::clock::now_ms()),
            // Nobody waits for it.
            _ = tidying.tick() => drop(tokio::task::spawn_blocking(heap::give_back)),
            _ = every.tick(), if resting.is_some() => {
                let orders: Vec<Order> = std::mem::take(&mut orders);
                reloading = orders.iter().any(|order| order.wish == Wish::Reload);
                if reloading {
                    service.reloading();
                }
                // A round asks brokers, which may be away: a stop does not wait for it.
                keeping = round(&mut resting, orders, std::mem::take(&mut petitions), true);
            }
            _ = looking.tick(), if resting.is_some() => keeping = round(&mut resting, Vec::new(), Vec::new(), false),
            Some(petition) = changes.recv(), if petitions.len() < ORDERS_MAX => {
                petitions.push(petition);
                every.reset_immediately();
            }
            Some(order) = wishes.recv(), if orders.len() < ORDERS_MAX => {
                orders.push(order);
                every.reset_immediately();
            }
            Some(()) = reloads.recv(), if orders.len() < ORDERS_MAX => {
                // Nobody waits for an answer: what comes of it is logged.
                orders.push(Order { wish: Wish::Reload, done: oneshot::channel().0 });
                every.reset_immediately();
            }
            kept = ended_round(&mut keeping) => match kept {
                Ok((keeper, mut news)) => {
                    (resting, keeping) = (Some(keeper), None);
                    if std::mem::take(&mut reloading) {
                        service.reloaded();
                    }
                    if let Some(rules) = news.rules.take() {
                        gate.take(rules);
                    }
                    if let Some(keeper) = &resting && !Arc::ptr_eq(&of_experiments.get().1, keeper.config()) {
                        of_experiments.set((keeper.settings("contract", 0), keeper.config().clone()));
                    }
                    if news.clients && let Some(keeper) = &resting {
                        of_audit.set(keeper.settings("audit", 0));
                        herald.renew(keeper.settings("herald", 0));
                        survey = survey::start(keeper.settings("inspect", 0), board.clone());
                        lineage.iter().for_each(|lineage| lineage.renew(keeper.settings("lineage", 0)));
                        tasks.renew();
                    }
                    if let Some(keeper) = &resting {
                        tasks.go_on(&config, keeper);
                    }
                    tasks.tell(news);
                    watch.look(&tasks, crate::clock::now_ms());
                }
                Err(error) => break Exit::Fatal(format!("the keeper failed: {error}")),
            },
        }
    };
    board.stopping();
    service.stopping();
    drop((survey, lineage, derived));
    // The farewell takes no time of its own: a stop as a whole has its deadline.
    let farewell = tokio::task::spawn_blocking(|| herald.stop());
    let ((), _) = tokio::join!(drain(&config, tasks, &mut ended), farewell);
    exit
}

fn lineage_setup(
    config: &Arc<Config>,
    keeper: &Keeper,
    board: &Arc<Board>,
    lineage: Arc<LineageBoard>,
) -> lineage::Setup {
    let (of_own, from, settings) = (config.clone(), board.clone(), keeper.settings("lineage", 0));
    let of_collectors = settings.clone();
    let collectors = move || -> Vec<Box<dyn Collector>> {
        let Some(lineage) = &of_own.lineage else { return Vec::new() };
        let mut all = collectors::all(&of_own, &of_collectors, &from);
        all.push(Box::new(Own {
            board: from.clone(),
            namespace: lineage.namespace.clone(),
            group: of_own.worker.group_id.clone(),
            governance: of_own.governance.topic.clone(),
        }));
        all
    };
    lineage::Setup {
        settings,
        config: config.clone(),
        topic: keeper.lineage(),
        deltas: keeper.deltas(),
        source: Source { cluster: keeper.cluster().to_owned(), group: config.worker.group_id.clone() },
        board: board.clone(),
        lineage,
        collectors: Box::new(collectors),
    }
}

type Round = JoinHandle<(Keeper, News)>;

/// Lets the keeper take a turn on a thread of its own.
fn round(resting: &mut Option<Keeper>, orders: Vec<Order>, petitions: Vec<Petition>, due: bool) -> Option<Round> {
    let mut keeper = resting.take()?;
    Some(tokio::task::spawn_blocking(move || {
        let news = keeper.turn(orders, petitions, due);
        (keeper, news)
    }))
}

/// The round under way, if there is one; never ends otherwise.
async fn ended_round(keeping: &mut Option<Round>) -> Result<(Keeper, News), JoinError> {
    match keeping {
        Some(round) => round.await,
        None => std::future::pending().await,
    }
}

/// Waits for brokers as long as it takes; a cluster whose topics are not as they must be is refused.
async fn set_up(config: Arc<Config>, board: Arc<Board>) -> Result<Keeper, Exit> {
    let protocol = config.kafka.admin.get("security.protocol").map(|text| text.expose().to_owned());
    let mut limiter = Limiter::default();
    loop {
        let (config, shown) = (config.clone(), board.clone());
        let opened = tokio::task::spawn_blocking(move || Keeper::open(config, shown)).await;
        match opened {
            Ok(Ok(keeper)) => return Ok(keeper),
            Ok(Err(keeper::OpenError::Setup(SetupError::Mismatch(m)))) => {
                return Err(Exit::Configuration(SetupError::Mismatch(m).to_string()));
            }
            Ok(Err(keeper::OpenError::Refused(why))) => return Err(Exit::Configuration(why)),
            Ok(Err(keeper::OpenError::Setup(SetupError::Unreachable(fault)))) => {
                let (cause, remedy) = remedy::of_silence(&fault.message, protocol.as_deref());
                board.cluster_trouble(format!("{cause}; {remedy}"));
                // Each try takes some 10 s: the log has a line each half a minute.
                if limiter.pass(crate::clock::now_ms(), "worker", &cause) {
                    tracing::warn!(
                        cause,
                        remedy,
                        reason = fault.message,
                        "the cluster cannot be set up yet; trying again"
                    );
                }
                limiter.due(crate::clock::now_ms());
                tokio::time::sleep(KEEP_EVERY).await;
            }
            Err(error) => return Err(Exit::Fatal(format!("setting up failed: {error}"))),
        }
    }
}

/// Stops every task and waits for their last flush, at most until the deadline: what is not flushed is read again.
async fn drain(config: &Config, mut tasks: Tasks, ended: &mut mpsc::UnboundedReceiver<(Task, Exit)>) {
    tasks.stop();
    let deadline = Duration::from_millis(config.worker.shutdown_deadline_ms.max(0) as u64);
    let all = async {
        while tasks.running() > 0 {
            match ended.recv().await {
                Some((task, _)) => tasks.ended(&task),
                None => break,
            }
        }
    };
    if tokio::time::timeout(deadline, all).await.is_err() {
        tracing::warn!("not every task had flushed in time; what it held is read again at the next start");
    }
}
