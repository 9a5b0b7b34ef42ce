//! Commands that ask a running server: which one, with which token, and the connection to it.

use std::time::Duration;

use clap::{Arg, ArgAction};
use tokio::runtime;
use tonic::codegen::InterceptedService;
use tonic::transport::Channel;
use tonic::{Response, Status};

use super::access_token::{AccessToken, Authorization};
use super::given::Given;
use super::server_address::ServerAddress;
use super::{Failure, json, refusal};
use crate::pb::auth::v1::admin_service_client::AdminServiceClient;
use crate::pb::auth::v1::auth_service_client::AuthServiceClient;

/// How long a connection may take to come about.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// What the session that a command opens is listed under.
const USER_AGENT: &str = concat!("countersign/", env!("CARGO_PKG_VERSION"));

/// A server to ask.
pub(super) struct Remote {
    address: ServerAddress,
    token: Option<AccessToken>,
}

/// A server that is connected.
pub(super) struct Server<'a> {
    address: &'a ServerAddress,
    channel: InterceptedService<Channel, Authorization>,
}

/// The arguments of a command that calls with a token.
pub(super) fn arguments() -> Vec<Arg> {
    [vec![AccessToken::argument()], arguments_without_token()].concat()
}

/// The arguments of a command that calls without one.
pub(super) fn arguments_without_token() -> Vec<Arg> {
    let insecure = Arg::new("insecure").long("insecure").action(ArgAction::SetTrue).help(
        "Send the token or the password over plain http:// to another machine, where the way there is protected otherwise",
    );
    [ServerAddress::arguments(), vec![insecure, json::argument()]].concat()
}

impl Remote {
    /// The server and the token that were given. What is wrong with them is noted.
    pub(super) fn read(given: &mut Given) -> Option<Self> {
        let address = read_address(given);
        let token = AccessToken::read(given);
        Some(Self { address: address?, token: Some(token?) })
    }

    /// The server alone, for what needs no token.
    pub(super) fn read_without_token(given: &mut Given) -> Option<Self> {
        Some(Self { address: read_address(given)?, token: None })
    }

    /// The token that was given, if one was.
    pub(super) fn token_text(&self) -> &str {
        self.token.as_ref().map(AccessToken::text).unwrap_or_default()
    }

    /// Connects and does `work`, which is one or several calls.
    pub(super) fn call<T>(
        &self,
        work: impl AsyncFnOnce(&Server<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let runtime =
            runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::refused)?;
        runtime.block_on(async { work(&self.connect().await?).await })
    }

    async fn connect(&self) -> Result<Server<'_>, Failure> {
        let endpoint = self.address.endpoint().user_agent(USER_AGENT).map_err(Failure::refused)?;
        let endpoint = endpoint.connect_timeout(CONNECT_PATIENCE).timeout(refusal::PATIENCE);
        let channel =
            endpoint.connect().await.map_err(|error| refusal::unreachable(&error, &self.address))?;
        let authorization = Authorization(self.token.clone());
        Ok(Server { address: &self.address, channel: InterceptedService::new(channel, authorization) })
    }
}

fn read_address(given: &mut Given) -> Option<ServerAddress> {
    let (place, address) = ServerAddress::read(given)?;
    if address.is_plaintext() && !address.is_loopback() && !given.flag("insecure") {
        given.problems.add(
            place,
            "is another machine, and http:// would show the token or the password to everybody on the way; \
             give --insecure if the way is protected otherwise",
        );
    }
    Some(address)
}

impl Server<'_> {
    /// The calls of `auth.v1.AuthService`.
    pub(super) fn auth(&self) -> AuthServiceClient<InterceptedService<Channel, Authorization>> {
        AuthServiceClient::new(self.channel.clone())
    }

    /// The calls of `auth.v1.AdminService`.
    pub(super) fn admin(&self) -> AdminServiceClient<InterceptedService<Channel, Authorization>> {
        AdminServiceClient::new(self.channel.clone())
    }

    /// What a call answered, or why it did not.
    pub(super) fn answer<T>(&self, answer: Result<Response<T>, Status>) -> Result<T, Failure> {
        answer.map(Response::into_inner).map_err(|status| refusal::failure(&status, self.address))
    }

    /// A part of an answer that the API promises.
    pub(super) fn promised<T>(&self, part: Option<T>) -> Result<T, Failure> {
        let missing = || Failure::refused(format!("{} left out what its answer has to hold", self.address));
        part.ok_or_else(missing)
    }
}
