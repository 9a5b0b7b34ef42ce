//! Rotations of a server in this process: a key has to be published for ten minutes before it signs, which pass here when
//! the bench turns the clock.

use std::sync::Arc;
use std::time::Duration;

use countersign::pb::auth::v1::admin_service_client::AdminServiceClient;
use countersign::pb::auth::v1::auth_service_client::AuthServiceClient;
use countersign::pb::auth::v1::{IssueTokenRequest, RotateKeyRequest};
use countersign_client::{ServerEndpoint, Verifier};
use tempfile::TempDir;
use tonic::Request;
use tonic::transport::Channel;

use crate::in_process::{Ahead, InProcess};
use crate::service::{Service, Tokens, channel};
use crate::users::{self, PASSWORD};

const ROTATIONS: usize = 20;
/// How long the services check between two rotations.
const SPAN: Duration = Duration::from_millis(500);

pub async fn run() {
    let folder = TempDir::new().unwrap();
    users::create(folder.path(), "root", "admin,verifier");
    let clock = Arc::new(Ahead::new());
    let file = folder.path().join("countersign.db");
    let server = InProcess::start(folder.path(), &format!("sqlite://{}", file.display()), &clock).await;
    let address = server.address.clone();
    let mut auth = AuthServiceClient::new(channel(&address).await);
    let mut admin = AdminServiceClient::new(channel(&address).await);
    let tokens = Arc::new(Tokens::default());
    tokens.add(sign_in(&mut auth).await);
    let mut services = Vec::new();
    for number in 1..=3 {
        let verifier = Verifier::builder(ServerEndpoint::parse(&address).unwrap(), "countersign")
            .password("root", PASSWORD)
            .unwrap()
            .instance(format!("orders-{number}"))
            .clock(clock.clone())
            .connect()
            .await
            .unwrap();
        services.push(Service::start(verifier, Arc::clone(&tokens)));
    }
    for _ in 0..ROTATIONS {
        clock.advance(Duration::from_secs(600));
        let mut request = Request::new(RotateKeyRequest {});
        let token = sign_in(&mut auth).await;
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        admin.rotate_key(request).await.unwrap();
        let fresh = sign_in(&mut auth).await;
        tokens.add(fresh);
        tokio::time::sleep(SPAN).await;
    }
    let (checks, refusals) = services
        .iter()
        .fold((0, 0), |(checks, refusals), one| (checks + one.checks(), refusals + one.refusals()));
    println!(
        "{ROTATIONS} rotations under three services: {checks} checks of good tokens, {refusals} refused"
    );
    drop(services);
    server.stop().await;
}

pub async fn sign_in(auth: &mut AuthServiceClient<Channel>) -> String {
    let lifetime = Some(prost_types::Duration { seconds: 3600, nanos: 0 });
    let message = IssueTokenRequest {
        username: "root".into(),
        password: PASSWORD.into(),
        lifetime,
        ..Default::default()
    };
    auth.issue_token(message).await.unwrap().into_inner().token
}
