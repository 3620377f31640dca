//! Accepts connections, serves HTTP on them, and drains them before a hard deadline. tonic's own
//! accept loop spins when file descriptors run out, lifts the limit on streams, and can hang
//! forever on a silent peer; this one does not.

use super::caller;
use super::door::Door;
use super::listener::Listener;
use crate::clock::Clock;
use crate::config::Connection;
use crate::dispatch::{Admission, Resource, Workers};
use crate::files::words::of_io;
use crate::telemetry::supervisor::{self, Duty};
use crate::telemetry::{ConnectionEnd, Metrics, ShedCause, limited};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The shared state of connections.
#[derive(Clone, Debug)]
pub struct Server<D> {
    /// The request handler.
    pub door: D,
    /// The metrics of connections.
    pub metrics: Arc<Metrics>,
    /// The limits of connections and their requests.
    pub admission: Arc<Admission>,
    /// The worker threads that serve connections.
    pub workers: Workers,
    /// The most concurrent requests on a connection.
    pub streams: u32,
    /// The timeouts and limits of connections.
    pub settings: Connection,
    /// The clock of the back-off.
    pub clock: Clock,
}

impl<D: Door> Server<D> {
    /// Accepts connections on all `listeners` until `stop`, then lets calls finish; those that have
    /// not finished after `patience` are aborted. Returns the number of aborted connections.
    pub async fn serve(
        self,
        listeners: Vec<Listener>,
        stop: CancellationToken,
        patience: Duration,
    ) -> usize {
        let tasks = TaskTracker::new();
        let cut = CancellationToken::new();
        let loops = listeners.into_iter().map(|listener| {
            let (server, stop, cut, tasks) =
                (self.clone(), stop.clone(), cut.clone(), tasks.clone());
            let (clock, listener) = (self.clock.clone(), Arc::new(listener));
            // The task owns the listener, so that its end closes the socket and removes its file.
            supervisor::task(Duty::Accept, clock, move || {
                let (server, stop, cut, tasks, listener) = (
                    server.clone(),
                    stop.clone(),
                    cut.clone(),
                    tasks.clone(),
                    Arc::clone(&listener),
                );
                async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = server.accept(&listener, &stop, &cut, &tasks) => {}
                    }
                }
            })
        });
        let loops: Vec<_> = loops.collect();
        for accepting in loops {
            accepting.await.ok();
        }
        tasks.close();
        if self.clock.timeout(patience, tasks.wait()).await.is_some() {
            return 0;
        }
        let left = tasks.len();
        cut.cancel();
        tasks.wait().await;
        left
    }

    async fn accept(
        &self,
        listener: &Listener,
        stop: &CancellationToken,
        cut: &CancellationToken,
        tasks: &TaskTracker,
    ) {
        let counted = &self.metrics.connections;
        // True after a warning until accepting works again, so that warnings stay rare.
        let mut told = false;
        loop {
            let accepted = listener.accept().await.and_then(|stream| {
                let peer = caller::peer(&stream);
                Ok((peer, stream.detach()?))
            });
            let (peer, stream) = match accepted {
                Ok(accepted) => accepted,
                Err(error) if is_of_the_peer(&error) => continue,
                Err(error) => {
                    counted.accept_errors.inc();
                    told = true;
                    let (listener, error) = (listener.endpoint(), of_io(&error));
                    limited!(self.clock, WARN, listener, error, "cannot accept");
                    self.clock.sleep(self.settings.accept_backoff).await;
                    continue;
                }
            };
            if std::mem::take(&mut told) {
                limited!(self.clock, INFO, listener = listener.endpoint(), "accepts again");
            }
            let account = self.admission.account(peer);
            let Some(place) = account.take(Resource::Connections, 1) else {
                self.metrics.shed(ShedCause::Connections);
                continue;
            };
            counted.accepted.inc();
            let (server, stop, cut) = (self.clone(), stop.clone(), cut.clone());
            let home = self.workers.place();
            let runtime = home.runtime().clone();
            let serving = async move {
                let _home = home;
                let metrics = Arc::clone(&server.metrics);
                let end = match stream.attach() {
                    Ok(stream) => tokio::select! {
                        () = cut.cancelled() => ConnectionEnd::Cut,
                        end = server.converse(stream, place, &stop) => end,
                    },
                    Err(error) => {
                        let error = of_io(&error);
                        limited!(server.clock, WARN, error, "a connection cannot be served");
                        ConnectionEnd::Cut
                    }
                };
                metrics.connections.closed(end);
            };
            tasks.spawn_on(serving, &runtime);
        }
    }
}

/// Returns true if an error of `accept` concerns one connection and not the daemon.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
            | io::ErrorKind::PermissionDenied
    )
}
