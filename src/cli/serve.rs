//! `countersign serve`: runs the service until it is asked to stop.

use std::fmt::Write as _;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Failure, print};
use crate::auth::Registration;
use crate::config::{Problems, ServiceConfig, Sources};
use crate::server::{Server, Surroundings};
use crate::telemetry;

pub(super) fn run(sources: Sources, mut problems: Problems) -> Result<(), Failure> {
    let values = sources.resolve(&mut problems);
    let config = ServiceConfig::read(&values, &mut problems);
    let config = problems.none_or(config)?;
    telemetry::start(config.log);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::refused)?;
    let served = runtime.block_on(serve(config));
    // A hash that nobody waits for any more must not hold up the exit.
    runtime.shutdown_background();
    served
}

async fn serve(config: ServiceConfig) -> Result<(), Failure> {
    let shutdown = CancellationToken::new();
    stop_on_signals(shutdown.clone())?;
    let socket =
        TcpListener::bind(config.listen).await.map_err(|error| cannot_listen(config.listen, &error))?;
    let address = socket.local_addr().map_err(Failure::refused)?;
    let greeting = greeting(address, &config);
    let server = Server::prepare(config.server, Surroundings::system()).await.map_err(Failure::refused)?;
    tracing::info!(%address, "listening");
    print(&greeting);
    server.serve(socket, shutdown).await;
    Ok(())
}

fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> Failure {
    let port = address.port();
    match error.kind() {
        std::io::ErrorKind::AddrInUse => Failure::refused(format!(
            "port {port} is taken: stop what listens there, or choose another with --listen"
        )),
        std::io::ErrorKind::PermissionDenied => {
            Failure::refused(format!("port {port} needs privileges: choose one above 1023 with --listen"))
        }
        _ => Failure::refused(format!("cannot listen on {address}: {error}")),
    }
}

fn stop_on_signals(shutdown: CancellationToken) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::refused)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::refused)?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        shutdown.cancel();
    });
    Ok(())
}

/// What a person sees who starts the service by hand: that it runs, and three lines to try.
fn greeting(address: SocketAddr, config: &ServiceConfig) -> String {
    let open = config.server.policy.registration == Registration::Open;
    let mut text = format!("Countersign {} listens on {address}", env!("CARGO_PKG_VERSION"));
    let _infallible = match (open, config.server.reflection) {
        (true, true) => write!(
            text,
            ". Try:\n  \
             grpcurl -plaintext -d '{{\"username\":\"alice\",\"password\":\"correct horse battery\"}}' {address} auth.v1.AuthService/CreateUser\n  \
             grpcurl -plaintext -d '{{\"username\":\"alice\",\"password\":\"correct horse battery\"}}' {address} auth.v1.AuthService/IssueToken\n  \
             grpcurl -plaintext -H \"authorization: Basic $(printf 'alice:correct horse battery' | base64)\" {address} auth.v1.AuthService/Greet"
        ),
        (false, _) => {
            write!(text, "; registration is closed: countersign user create --username NAME --role admin")
        }
        (true, false) => write!(text, "; reflection is off: give your client the files in proto/"),
    };
    text
}
