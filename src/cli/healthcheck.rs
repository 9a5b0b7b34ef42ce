//! `countersign healthcheck`: asks a running server for its health, for orchestrators whose images have nothing else.

use std::time::Duration;

use clap::{Arg, ArgMatches};
use tokio::runtime;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::{Failure, print};

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked.
pub(super) struct Healthcheck {
    server: String,
    service: String,
}

impl Healthcheck {
    pub(super) fn arguments() -> [Arg; 2] {
        [
            Arg::new("server")
                .long("server")
                .value_name("URL")
                .default_value("http://127.0.0.1:50051")
                .help("The server"),
            Arg::new("service")
                .long("service")
                .value_name("NAME")
                .default_value("")
                .hide_default_value(true)
                .help("Which health is asked for: nothing or auth.v1.AuthService for readiness, liveness for the process"),
        ]
    }

    pub(super) fn from_matches(matches: &ArgMatches) -> Self {
        let text = |name| matches.get_one::<String>(name).cloned().unwrap_or_default();
        Self { server: text("server"), service: text("service") }
    }
}

pub(super) fn run(check: &Healthcheck) -> Result<(), Failure> {
    let endpoint = endpoint(&check.server)
        .ok_or_else(|| Failure::WrongUse("--server: must be a URL like http://127.0.0.1:50051".to_owned()))?
        .connect_timeout(PATIENCE)
        .timeout(PATIENCE);
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::refused)?;
    let status = runtime.block_on(ask(endpoint, &check.service))?;
    print(status.as_str_name());
    if status == ServingStatus::Serving { Ok(()) } else { Err(Failure::refused("not serving")) }
}

/// Only what is really done with it: plaintext to a host and a port. The library would take any scheme for that.
fn endpoint(url: &str) -> Option<Endpoint> {
    let authority = url.strip_prefix("http://")?.trim_end_matches('/');
    let plain = !authority.is_empty() && !authority.contains(['/', '?', '#', '@']);
    plain.then(|| Endpoint::from_shared(format!("http://{authority}")).ok())?
}

async fn ask(endpoint: Endpoint, service: &str) -> Result<ServingStatus, Failure> {
    let unreachable = |_| Failure::refused("the server cannot be reached");
    let channel = endpoint.connect().await.map_err(unreachable)?;
    let request = HealthCheckRequest { service: service.to_owned() };
    match HealthClient::new(channel).check(request).await {
        Ok(answer) => Ok(answer.into_inner().status()),
        Err(status) if status.code() == tonic::Code::NotFound => {
            Err(Failure::refused("the server knows no such service"))
        }
        Err(status) => Err(Failure::refused(format!("the server answered {:?}", status.code()))),
    }
}
