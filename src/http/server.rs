//! Listens. Every answer comes from the board: no question waits for a task or a broker. What operators want
//! (`PUT`, `POST`) waits until it is durable.
//!
//! Each resource has a file; `http::routes` lists them all.

use crate::catalog::board::Board;
use crate::catalog::experiment::Experiment;
use crate::catalog::lineage::{LineageBoard, Post};
use crate::catalog::published::Petition;
use crate::catalog::trail::Trail;
use crate::catalog::wish::Order;
use crate::engine::audit::Line;
use crate::engine::lineage::names::Aliases;
use crate::flow::io::Ms;
use crate::http::access::{Client, Gate};
use crate::http::{audit, origin, problem, routes};
use crate::telemetry::Handle;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn_with_state, map_response};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// What the answers are made of.
#[derive(Clone)]
pub struct Site {
    pub board: Arc<Board>,
    pub telemetry: Handle,
    pub worker_id: Arc<str>,
    /// Where other workers and their operators reach this REST.
    pub address: Arc<str>,
    pub started_ms: Ms,
    /// `metrics.series.max`.
    pub series_max: usize,
    /// The topic of events.
    pub events: Arc<str>,
    /// Who feeds whom.
    pub lineage: Arc<LineageBoard>,
    /// Other names of namespaces, for lineage.
    pub aliases: Arc<Aliases>,
    /// OpenLineage events go this way to the thread that keeps lineage.
    pub posts: mpsc::Sender<Post>,
    /// What operators want goes this way to the worker, which makes it durable and obeys.
    pub orders: mpsc::Sender<Order>,
    /// Changes of published products go the same way.
    pub changes: mpsc::Sender<Petition>,
    /// What was asked, by whom: read here, written there.
    pub trail: Arc<Trail>,
    pub audit: mpsc::Sender<Line>,
    /// Who is let in.
    pub gate: Arc<Gate>,
    /// Samples and trials of topics' records go to the worker's thread that makes them.
    pub experiments: mpsc::Sender<Experiment>,
}

impl Site {
    /// Where this worker's REST is reached: `https://worker-1:8083`.
    pub fn origin(&self) -> String {
        self.at(&self.address)
    }

    /// The same of another worker: all of them serve HTTPS, or none does.
    pub fn at(&self, address: &str) -> String {
        let scheme = if self.gate.rules().tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    }
}

/// Connections at a time. Whoever comes next waits in the kernel's queue until one ends, which an idle one does
/// after `HEADER_TIMEOUT`. 256 of them with a full buffer each hold 16 MiB.
const MAX_CONNECTIONS: usize = 256;

/// A request's head; no route asks for more than a path and a word or two.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// What is read of a connection at a time, a head and what came right behind it.
const MAX_BUFFER_BYTES: usize = 64 * 1024;

const MAX_HEADERS: usize = 100;

/// The longest body is the word for a log level.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// From a connection's first wait for a request to the end of its head: longer than a scrape interval of 15 s, so
/// that Prometheus keeps its connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(20);

/// A handshake is two round trips and a signature.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// What a stop leaves to the requests under way; a stop as a whole has 5 s.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Accept fails when no file handle is free; one may be, a little later.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A histogram of one task sees some ten flushes in this time.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Serves until `shutdown` ends, then for at most `DRAIN_TIMEOUT` what is under way. The caller owns the socket.
pub async fn serve(listener: TcpListener, site: Site, service: Router, shutdown: impl Future) {
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let (stop, stopped) = watch::channel(());
    let mut serving = JoinSet::new();
    let mut upkeep = interval(UPKEEP_INTERVAL);
    upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            _ = &mut shutdown => break,
            _ = upkeep.tick() => site.telemetry.upkeep(),
            Some(_) = serving.join_next() => {}
            (permit, accepted) = accept(&listener, &connections) => match accepted {
                Ok((stream, client)) => {
                    let connection = connection(stream, client, site.gate.clone(), service.clone(), stopped.clone());
                    serving.spawn(async move {
                        connection.await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted; see the limit of open files");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    drop(stop);
    let drained = timeout(DRAIN_TIMEOUT, async { while serving.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        serving.shutdown().await;
    }
}

/// REST: every route of the table, and what is told where there is none.
pub fn rest(site: Site) -> Router {
    routes::router(&site, routes::table())
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::no_method)
        .layer(from_fn_with_state(site.clone(), origin::guard))
        .layer(map_response(problem::of_framework))
        .layer(from_fn_with_state(site.clone(), audit::note))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(site)
}

type Permit = Option<tokio::sync::OwnedSemaphorePermit>;

async fn accept(listener: &TcpListener, connections: &Arc<Semaphore>) -> (Permit, io::Result<(TcpStream, IpAddr)>) {
    // The semaphore is never closed.
    let permit = connections.clone().acquire_owned().await.ok();
    (permit, listener.accept().await.map(|(stream, client)| (stream, client.ip())))
}

/// One connection to its end, within TLS where there is a certificate. A client that breaks it off is the client's affair.
async fn connection(stream: TcpStream, ip: IpAddr, gate: Arc<Gate>, service: Router, mut stopped: watch::Receiver<()>) {
    let Some(tls) = gate.rules().tls.clone() else {
        return requests(stream, Client { ip, certificate: None }, service, stopped).await;
    };
    let shaken = tokio::select! {
        shaken = timeout(HANDSHAKE_TIMEOUT, TlsAcceptor::from(tls).accept(stream)) => shaken,
        _ = stopped.changed() => return,
    };
    match shaken {
        Ok(Ok(stream)) => {
            let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
            let certificate = certificate.map(|certificate| Arc::from(certificate.as_ref()));
            requests(stream, Client { ip, certificate }, service, stopped).await;
        }
        Ok(Err(error)) => tracing::debug!(client = %ip, %error, "no TLS"),
        Err(_) => tracing::debug!(client = %ip, "no TLS in time"),
    }
}

async fn requests<S>(stream: S, client: Client, service: Router, mut stopped: watch::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(client.clone());
        request
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut serving = pin!(serving);
    tokio::select! {
        _ = &mut serving => return,
        _ = stopped.changed() => {} // the sender is gone
    }
    serving.as_mut().graceful_shutdown();
    let _ = serving.await;
}
