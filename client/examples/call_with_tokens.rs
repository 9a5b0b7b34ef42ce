//! Calls a service with tokens that are kept good: signs in at the first start, goes on with the saved session at the next.
//!
//! ```text
//! echo "$PASSWORD" | cargo run -p countersign-examples --example call_with_tokens -- http://127.0.0.1:50051 alice
//! ```

#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::error::Error;
use std::{env, io};

use countersign_client::{ServerEndpoint, SessionFile, Token, TokenSource};
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [server, username] = arguments.as_slice() else {
        return Err("give a server and a user's name, and the password as input".into());
    };
    let password = io::read_to_string(io::stdin())?;
    let source = TokenSource::builder(ServerEndpoint::parse(server)?)
        .password(username, password.trim_end_matches(['\r', '\n']))
        .store(SessionFile::new("call_with_tokens.session"))
        .start()
        .await?;

    // Any generated client of any service is called in this way.
    let client = HealthClient::new(Endpoint::from_shared(server.clone())?.connect_lazy());
    let check = |token: Token| {
        let mut client = client.clone();
        async move { client.check(token.request(HealthCheckRequest::default())).await }
    };
    let answer = source.call(check).await?.into_inner();
    println!("{answer:?}, called with {:?}", source.token().await?);
    Ok(())
}
