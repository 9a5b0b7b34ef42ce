//! `countersign healthcheck`: asks a running server for its health, for orchestrators whose images have nothing else.

use std::time::Duration;

use clap::{Arg, Command};
use tokio::runtime;
use tokio::time::timeout;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::given::Given;
use super::server_address::ServerAddress;
use super::verb::Verb;
use super::{Failure, print, refusal};

/// How long connecting and the answer may take together: less than the 6 s after which the image's health check is
/// killed, so that what is wrong is still said.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    Command::new("healthcheck")
        .about("Ask a running server for its health; exit 0 means serving")
        .args(ServerAddress::arguments())
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
    let address = ServerAddress::read(&mut given);
    let service = given.text("service").unwrap_or_default();
    let (_, address) = given.problems.none_or(address)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::refused)?;
    let asked = runtime.block_on(async { timeout(PATIENCE, ask(&address, service)).await });
    let status = asked.map_err(|_| Failure::refused(refusal::late(&address, PATIENCE)))??;
    print(status.as_str_name())?;
    if status == ServingStatus::Serving {
        Ok(())
    } else {
        Err(Failure::refused(format!("{address} is not serving")))
    }
}

async fn ask(address: &ServerAddress, service: String) -> Result<ServingStatus, Failure> {
    let channel = address.endpoint().connect().await;
    let channel = channel.map_err(|error| refusal::unreachable(&error, address))?;
    let answer = HealthClient::new(channel).check(HealthCheckRequest { service }).await;
    let answer = answer.map_err(|status| refusal::failure_of_question(&status, address, PATIENCE))?;
    Ok(answer.into_inner().status())
}
