//! How a verifier begins, what it needs for that, and how it ends.

use std::time::Duration;

use countersign_client::{Refusal, ServerEndpoint, TokenSource, Verifier, VerifierBuilder, VerifierError};
use tokio::runtime;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::scene::{AUDIENCE, PATIENCE, scene, until_refused};
use crate::harness::{PASSWORD, Way};

fn nowhere(audience: &str) -> VerifierBuilder {
    Verifier::builder(ServerEndpoint::parse("http://127.0.0.1:1").unwrap(), audience)
}

#[tokio::test]
async fn a_verifier_without_what_it_needs_does_not_start() {
    let with_password = |audience| nowhere(audience).password("orders", PASSWORD).unwrap();
    for (builder, error) in [
        (with_password(""), VerifierError::AudienceMissing),
        (with_password(AUDIENCE).issuer(""), VerifierError::AudienceMissing),
        (nowhere(AUDIENCE), VerifierError::CredentialsMissing),
        (with_password(AUDIENCE).instance(""), VerifierError::InstanceMalformed),
        (with_password(AUDIENCE).instance("two\nlines"), VerifierError::InstanceMalformed),
        (
            with_password(AUDIENCE).max_staleness(Duration::from_millis(1_999)),
            VerifierError::MaxStalenessOutOfRange,
        ),
        (
            with_password(AUDIENCE).max_staleness(Duration::from_millis(600_001)),
            VerifierError::MaxStalenessOutOfRange,
        ),
    ] {
        assert_eq!(builder.start().map(drop).unwrap_err(), error);
    }
    let colon = nowhere(AUDIENCE).password("or:ders", PASSWORD).map(drop).unwrap_err();
    assert_eq!(colon, VerifierError::UsernameMalformed);
}

#[tokio::test]
async fn who_is_refused_learns_it_when_it_connects() {
    let scene = scene().await;
    for (username, password, code) in
        [("orders", "wrong horse battery", "Unauthenticated"), ("alice", PASSWORD, "PermissionDenied")]
    {
        let builder = scene.builder().password(username, password).unwrap();
        let refused = timeout(PATIENCE, builder.connect()).await.unwrap().map(drop).unwrap_err();
        let VerifierError::Refused(words) = refused else { panic!("{refused:?}") };
        assert!(words.contains(code), "{words}");
    }
}

#[tokio::test]
async fn a_verifier_waits_for_a_server_that_is_not_there_yet() {
    let scene = scene().await;
    scene.proxy.cut();
    let verifier = scene.builder().start().unwrap();
    let token = scene.token().await;
    assert_eq!(verifier.verify(&token).unwrap_err(), Refusal::TrustStale { staleness: None });
    scene.proxy.mend(scene.server.address);
    timeout(PATIENCE, verifier.ready()).await.unwrap();
    verifier.verify(&token).unwrap();
}

#[tokio::test]
async fn a_token_source_vouches_for_a_verifier_and_outlives_a_revoked_token() {
    let scene = scene().await;
    let address = ServerEndpoint::parse(&format!("http://{}", scene.server.address)).unwrap();
    let source = TokenSource::builder(address).password("orders", PASSWORD).start().await.unwrap();
    let verifier =
        timeout(PATIENCE, scene.builder().tokens(source.clone()).connect()).await.unwrap().unwrap();
    let connections = scene.proxy.connections();
    // Its session ends, hence its stream; it signs in again.
    scene.client.revoke_token(source.token().await.unwrap().text()).await.unwrap();
    scene.proxy.until_more_than(connections).await;
    let token = scene.token().await;
    scene.revoke(&token).await;
    assert_eq!(until_refused(&verifier, &token).await, Refusal::TokenRevoked);
}

#[tokio::test]
async fn a_verifier_is_listed_by_its_name_and_says_goodbye_when_it_is_dropped() {
    let scene = scene().await;
    let verifier = scene.verifier().await;
    let clone = verifier.clone();
    let listed = scene.listed().await;
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].instance.as_str(), listed[0].connected), ("orders-1", true));
    drop(verifier);
    assert_eq!(scene.listed().await.len(), 1, "a clone is left");
    drop(clone);
    // Who is cut off and has not said goodbye is listed for 30 s more.
    let gone = async { while !scene.listed().await.is_empty() {} };
    timeout(Duration::from_secs(20), gone).await.unwrap();
}

/// Its runtime ends with `main`, and with the runtime whatever was to say goodbye.
#[tokio::test]
async fn a_verifier_that_is_closed_has_said_goodbye_before_its_program_ends() {
    let scene = scene().await;
    let (builder, token) = (scene.builder(), scene.token().await);
    let main = move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let verifier = builder.connect().await.unwrap();
            let clone = verifier.clone();
            clone.verify(&token).unwrap();
            verifier.close().await;
            clone
        })
    };
    let clone = spawn_blocking(main).await.unwrap();
    assert!(scene.listed().await.is_empty());
    let token = scene.token().await;
    assert_eq!(clone.verify(&token).unwrap_err(), Refusal::TrustStale { staleness: None });
    assert!(!clone.status().connected);
}

#[tokio::test]
async fn a_verifier_is_closed_whatever_its_server_does() {
    let scene = scene().await;
    let verifier = scene.verifier().await;
    scene.proxy.hold(Way::ToClient);
    scene.proxy.hold(Way::ToServer);
    timeout(PATIENCE, verifier.close()).await.unwrap();
    scene.proxy.cut();
    timeout(PATIENCE, scene.builder().start().unwrap().close()).await.unwrap();
}

#[tokio::test]
async fn a_verifier_that_comes_back_is_the_same_one() {
    let scene = scene().await;
    let verifier = scene.verifier().await;
    for _ in 0..3 {
        let connections = scene.proxy.connections();
        scene.proxy.break_once();
        scene.proxy.until_more_than(connections).await;
        let token = scene.token().await;
        scene.revoke(&token).await;
        until_refused(&verifier, &token).await;
    }
    assert_eq!(scene.listed().await.len(), 1);
}

#[tokio::test]
async fn a_stream_that_goes_silent_is_given_up_with_its_connection() {
    let scene = scene().await;
    let verifier = scene.verifier().await;
    let connections = scene.proxy.connections();
    scene.proxy.hold(Way::ToClient);
    scene.proxy.until_more_than(connections).await;
    scene.proxy.release(Way::ToClient);
    let token = scene.token().await;
    scene.revoke(&token).await;
    assert_eq!(until_refused(&verifier, &token).await, Refusal::TokenRevoked);
    assert!(verifier.status().last_error.unwrap().contains("nothing came"));
}
