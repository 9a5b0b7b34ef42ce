//! `countersign healthcheck`: asks a running server for its health, for orchestrators whose images have nothing else.

use std::time::Duration;

use clap::{Arg, Command};
use tokio::runtime;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::given::Given;
use super::server_address::{DEFAULT_SERVER, ServerAddress};
use super::verb::Verb;
use super::{Failure, print};

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    Command::new("healthcheck")
        .about("Ask a running server for its health; exit 0 means serving")
        .arg(
            Arg::new("server")
                .long("server")
                .value_name("URL")
                .default_value(DEFAULT_SERVER)
                .help("The server"),
        )
        .arg(
            Arg::new("service")
                .long("service")
                .value_name("NAME")
                .default_value("")
                .hide_default_value(true)
                .help("Which health is asked for: nothing or auth.v1.AuthService for readiness, liveness for the process"),
        )
}

fn run(mut given: Given) -> Result<(), Failure> {
    let address = given.text("server").and_then(|url| ServerAddress::parse(&url));
    if address.is_none() {
        given.problems.add("--server", ServerAddress::RULE);
    }
    let service = given.text("service").unwrap_or_default();
    let address = given.problems.none_or(address)?;
    let endpoint = address.endpoint().connect_timeout(PATIENCE).timeout(PATIENCE);
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::refused)?;
    let status = runtime.block_on(ask(endpoint, &service))?;
    print(status.as_str_name())?;
    if status == ServingStatus::Serving { Ok(()) } else { Err(Failure::refused("not serving")) }
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
