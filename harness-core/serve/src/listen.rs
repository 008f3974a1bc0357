//! Connections: accepted up to a limit, each with little patience for a client that sends nothing; on the way out nobody new is let
//! in and what is under way may end.

use std::{sync::Arc, time::Duration};

use harness_core::Cancel;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use crate::{routes::route, service::Service};

/// Bytes of a request's line and headers.
const HEADERS: usize = 64 << 10;
/// After a connection could not be accepted, because there are too many files for instance.
const BREATH: Duration = Duration::from_millis(100);

/// Why serving ended early.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Not everything that was under way ended in time; it was cut off, and the record says so.
    #[error("{0} connections were still open when the time to drain was over")]
    CutOff(usize),
}

/// Serves until `stop` is used, and then until what is under way has ended.
///
/// # Errors
///
/// Connections were cut off at the end.
pub async fn serve(listener: TcpListener, service: Arc<Service>, stop: Cancel) -> Result<(), ServeError> {
    raise_file_limit();
    let most = service.limits.connections;
    let seats = Arc::new(Semaphore::new(most));
    // Used when what is under way is to end at once.
    let closing = Cancel::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = accept(&listener, &seats) => accepted,
        };
        match accepted {
            Some((stream, seat)) => {
                let connection = connection(stream, service.clone(), stop.clone(), closing.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(seat);
                });
            }
            None => tokio::time::sleep(BREATH).await,
        }
    }
    drop(listener);
    let everyone = u32::try_from(most).unwrap_or(u32::MAX);
    if tokio::time::timeout(service.limits.drain, seats.acquire_many(everyone)).await.is_ok() {
        return Ok(());
    }
    let left = most - seats.available_permits();
    closing.cancel();
    // Told to stop, episodes end within moments; what does not is left to the end of the process.
    let _ = tokio::time::timeout(service.limits.drain, seats.acquire_many(everyone)).await;
    Err(ServeError::CutOff(left))
}

type Seated = (TcpStream, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, seats: &Arc<Semaphore>) -> Option<Seated> {
    let seat = seats.clone().acquire_owned().await.ok()?;
    let (stream, _) = listener.accept().await.ok()?;
    // Events are small and each is wanted at once.
    let _ = stream.set_nodelay(true);
    Some((stream, seat))
}

async fn connection(stream: TcpStream, service: Arc<Service>, stop: Cancel, closing: Cancel) {
    let patience = service.limits.patience;
    let answer = service_fn(move |request| route(service.clone(), closing.clone(), request));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(HEADERS)
        .serve_connection(TokioIo::new(stream), answer);
    tokio::pin!(serving);
    // What goes wrong with a connection is its client's affair.
    tokio::select! {
        biased;
        _ = &mut serving => {}
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            let _ = serving.await;
        }
    }
}

/// Every connection is a file, and the usual limit is 1,024.
fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it may not be raised, accepting pauses when files run out.
    let _ = setrlimit(Resource::Nofile, limit);
}
