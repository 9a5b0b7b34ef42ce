//! Signing out.

use countersign_client::{SessionFile, StartError, TokenError};
use tempfile::TempDir;

use super::kit::Kit;
use crate::harness::{Credentials, PASSWORD, Refused};

#[tokio::test]
async fn signing_out_ends_the_session_for_all_clones_and_for_the_next_start() {
    let kit = Kit::start().await;
    let folder = TempDir::new().unwrap();
    let file = SessionFile::new(folder.path().join("session"));
    let source = kit.builder().password("alice", PASSWORD).store(file.clone()).start().await.unwrap();
    let token = source.token().await.unwrap();
    let clone = source.clone();
    clone.sign_out().await.unwrap();
    assert!(matches!(source.token().await.unwrap_err(), TokenError::SignedOut));
    assert!(matches!(source.replace(&token).await.unwrap_err(), TokenError::SignedOut));
    let refused = kit.client.greet(Credentials::Bearer(token.text())).await.unwrap_err();
    assert_eq!(refused, Refused::unauthenticated("TOKEN_REVOKED"));
    let refused = kit.builder().store(file).start().await.unwrap_err();
    assert!(matches!(refused, StartError::CredentialsMissing), "{refused:?}");
    source.sign_out().await.unwrap();
}

#[tokio::test]
async fn a_sign_out_that_the_server_has_not_heard_of_is_none() {
    let kit = Kit::start().await;
    let source = kit.source().await;
    kit.wire.cut();
    let failed = source.sign_out().await.unwrap_err();
    assert!(matches!(failed, TokenError::Unavailable(_)), "{failed:?}");
    kit.greet(&source).await.unwrap();
    kit.wire.mend();
    while source.sign_out().await.is_err() {}
    assert!(matches!(source.token().await.unwrap_err(), TokenError::SignedOut));
}
