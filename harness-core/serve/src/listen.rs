//! Connections: accepted up to a limit, each with little patience for a client that sends nothing; on the way out nobody new is let
//! in and what is under way may end.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::Router;
use harness_core::Cancel;
use hyper::{
    Request, Uri,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use crate::{routes::router, service::Service, timed::Timed};

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
    let places = Arc::new(Semaphore::new(most));
    // Used when what is under way is to end at once.
    let closing = Cancel::new();
    let router = router(service.clone(), closing.clone());
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Some((stream, place)) => {
                let connection = connection(stream, router.clone(), service.limits.patience, stop.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            None => tokio::time::sleep(BREATH).await,
        }
    }
    service.stopping.store(true, Ordering::Relaxed);
    drop(listener);
    let everyone = u32::try_from(most).unwrap_or(u32::MAX);
    if tokio::time::timeout(service.limits.drain, places.acquire_many(everyone)).await.is_ok() {
        return Ok(());
    }
    let left = most - places.available_permits();
    closing.cancel();
    // Told to stop, episodes end within moments; what does not is left to the end of the process.
    let _ = tokio::time::timeout(service.limits.drain, places.acquire_many(everyone)).await;
    Err(ServeError::CutOff(left))
}

type Accepted = (TcpStream, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<Accepted> {
    let place = places.clone().acquire_owned().await.ok()?;
    let (stream, _) = listener.accept().await.ok()?;
    // Events are small and each is wanted at once.
    let _ = stream.set_nodelay(true);
    Some((stream, place))
}

async fn connection(stream: TcpStream, router: Router, patience: Duration, stop: Cancel) {
    let router = TowerToHyperService::new(router);
    let answer = service_fn(move |mut request: Request<Incoming>| {
        trim(request.uri_mut());
        router.call(request)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(HEADERS)
        .serve_connection(TokioIo::new(Timed::new(stream, patience)), answer);
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

/// A path means the same with a slash at its end.
fn trim(uri: &mut Uri) {
    let path = uri.path().trim_end_matches('/');
    if path.len() == uri.path().len() || path.is_empty() {
        return;
    }
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    if let Ok(trimmed) = format!("{path}{query}").parse() {
        *uri = trimmed;
    }
}

/// Every connection is a file, and the usual limit is 1,024.
fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it may not be raised, accepting pauses when files run out.
    let _ = setrlimit(Resource::Nofile, limit);
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        io::{ErrorKind, Read as _, Write as _},
        net::{SocketAddr, TcpStream},
    };

    use harness_spec::Pool;
    use harness_trace::Store;

    use super::*;
    use crate::service::ServeLimits;

    const LONG: Duration = Duration::from_secs(60);

    fn ask(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_client_that_never_reads_loses_its_place() {
        // One place for a connection, and one for an episode.
        let limits =
            ServeLimits { connections: 1, episodes: 1, patience: Duration::from_millis(200), ..ServeLimits::default() };
        let store = Store::in_memory().unwrap();
        let service = Arc::new(Service::new("h", Pool::default(), BTreeMap::new(), store, "run", None, limits));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), Cancel::new());
        let serving = runtime.spawn(serve(listener, service.clone(), stop.clone()));

        let mut greedy = TcpStream::connect(address).unwrap();
        greedy.set_write_timeout(Some(LONG)).unwrap();
        let many = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000);
        // Until nobody takes any more: the server has closed.
        let ended = std::iter::repeat_with(|| greedy.write_all(many.as_bytes())).find_map(Result::err).unwrap();
        assert!(!matches!(ended.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{ended}");

        // Its place is free again, for who reads.
        for path in ["/health", "/health/", "/health//?x=1"] {
            assert!(ask(address, path).ends_with(r#"{"status":"ok"}"#), "{path}");
        }
        let ready = ask(address, "/ready");
        assert!(ready.starts_with("HTTP/1.1 200") && ready.contains(r#""free":1"#), "{ready}");
        let taken = service.places.clone().try_acquire_owned().unwrap();
        let busy = ask(address, "/ready");
        assert!(busy.starts_with("HTTP/1.1 503") && busy.contains("busy"), "{busy}");
        drop(taken);
        stop.cancel();
        runtime.block_on(serving).unwrap().unwrap();
    }
}
