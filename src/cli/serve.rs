//! `countersign serve`: runs the service until it is asked to stop.

use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use clap::Command;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::given::Given;
use super::verb::Verb;
use super::{Failure, print, setting_flags};
use crate::config::{Scope, ServiceConfig};
use crate::domain::Registration;
use crate::server::{Server, ServerConfig, Surroundings};
use crate::telemetry;

/// When a stop that should take 8 s at most has failed.
const LAST_RESORT: Duration = Duration::from_millis(9500);

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    Command::new("serve")
        .about("Run the service; what countersign does without a command")
        .args(setting_flags::arguments(Scope::Service))
}

pub(super) fn run(given: Given) -> Result<(), Failure> {
    let (sources, mut problems) = given.sources();
    let values = sources.resolve(&mut problems);
    let config = ServiceConfig::read(&values, &mut problems);
    let config = problems.none_or(config)?;
    let _log = telemetry::start(config.log);
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
    let mut signals = Signals::install()?;
    let socket =
        TcpListener::bind(config.listen).await.map_err(|error| cannot_listen(config.listen, &error))?;
    let address = socket.local_addr().map_err(Failure::refused)?;
    let server = tokio::select! {
        prepared = Server::prepare(config.server.clone(), Surroundings::system()) => prepared.map_err(Failure::refused)?,
        () = signals.next() => return Err(Failure::refused("stopped before it had started")),
    };
    // Who vouches for any other certificate is not known here, nor whether it is for this address: for a try on the machine
    // itself that does not matter.
    let vouches_for_itself = server.tls().is_some_and(|tls| tls.vouches_for_itself_at(address.ip()));
    let greeting = greeting(address, &config.server, vouches_for_itself);
    tracing::info!(%address, tls = server.tls().is_some(), "listening");
    // On a thread of its own, whose failure nobody asks for: a standard output that nobody reads, or that cannot be
    // written to, must neither hold up the service nor stop it.
    let _unprinted = std::thread::Builder::new().name("greeting".to_owned()).spawn(move || print(&greeting));
    let shutdown = CancellationToken::new();
    let mut served = pin!(server.serve(socket, shutdown.clone()));
    tokio::select! {
        () = served.as_mut() => return Ok(()),
        () = signals.next() => {
            end_in_every_case();
            shutdown.cancel();
        }
    }
    tokio::select! {
        () = served => Ok(()),
        () = signals.next() => Err(Failure::refused("cut short by a second signal, before running calls had finished")),
    }
}

/// A thread of its own, which nothing that hangs can hold up, ends the process when its time is over.
fn end_in_every_case() {
    #[expect(clippy::disallowed_methods, reason = "this is the last resort, and a plain thread has no timer")]
    let watch = || {
        std::thread::sleep(LAST_RESORT);
        std::process::exit(1);
    };
    let _without_it = std::thread::Builder::new().name("last-resort".to_owned()).spawn(watch);
}

/// What asks a service to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn install() -> Result<Self, Failure> {
        let install = |kind| signal(kind).map_err(Failure::refused);
        Ok(Self {
            terminate: install(SignalKind::terminate())?,
            interrupt: install(SignalKind::interrupt())?,
            hang_up: install(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
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

/// What a person sees who starts the service by hand: that it runs, and three lines to try.
fn greeting(address: SocketAddr, server: &ServerConfig, vouches_for_itself: bool) -> String {
    let over = if server.tls.is_some() { " with TLS" } else { "" };
    let head = format!("Countersign {} listens on {address}{over}", env!("CARGO_PKG_VERSION"));
    match (server.policy.registration, server.reflection) {
        (Registration::Open, true) => {
            let password = example_password(server.passwords.min_length);
            let grpcurl = grpcurl(server, vouches_for_itself);
            let call =
                format!("{grpcurl} -d '{{\"username\":\"demo\",\"password\":\"{password}\"}}' {address}");
            format!(
                "{head}. Try:\n  {call} auth.v1.AuthService/CreateUser\n  {call} auth.v1.AuthService/IssueToken\n  \
                 {grpcurl} -H \"authorization: Basic $(printf 'demo:{password}' | base64 | tr -d '\\n')\" \
                 {address} auth.v1.AuthService/Greet"
            )
        }
        (Registration::Open, false) => {
            format!("{head}; reflection is off: give your client the files in proto/")
        }
        (Registration::Closed, _) if server.store.url.file().is_some() => format!(
            "{head}; registration is closed, so make the first admin with\n  \
             countersign user create --database-url {} --username NAME --role admin",
            server.store.url
        ),
        // What is shown of a URL lacks the user and the password.
        (Registration::Closed, _) => format!(
            "{head}; registration is closed, so make the first admin, with the database settings of this server, by\n  \
             countersign user create --username NAME --role admin"
        ),
    }
}

/// The program, and how it has to connect.
fn grpcurl(server: &ServerConfig, vouches_for_itself: bool) -> String {
    let Some(tls) = &server.tls else { return "grpcurl -plaintext".to_owned() };
    let believed = match vouches_for_itself {
        true => format!("-cacert {}", quoted(&tls.cert_file)),
        false => "-insecure".to_owned(),
    };
    match tls.clients.as_ref().is_some_and(|clients| clients.required) {
        true => format!("grpcurl {believed} -cert CLIENT_CERTIFICATE -key CLIENT_KEY"),
        false => format!("grpcurl {believed}"),
    }
}

/// As a shell takes it for one word.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// One that the rule of today allows.
fn example_password(min_length: usize) -> String {
    let mut password = "correct horse battery staple".to_owned();
    while password.len() < min_length {
        password.push_str(" staple");
    }
    password
}
