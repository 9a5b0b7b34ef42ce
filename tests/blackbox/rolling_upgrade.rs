//! A release is rolled out while the one before it still serves: that one works on today's schema, beside today's server.
//! `.ci/build-previous` builds it.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::harness::{Binary, Credentials, PASSWORD, Refused};

/// The service as it was before the schema changed last.
fn previous() -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/previous/countersign");
    if file.is_file() {
        return Some(file);
    }
    // Not a failure where everything is required: an archive has no history to build it from.
    let said = format!("skipped: {} is not there; .ci/build-previous makes it\n", file.display());
    std::io::stderr().write_all(said.as_bytes()).unwrap();
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_release_before_works_on_the_new_schema_beside_the_new_one() {
    let Some(previous) = previous() else { return };
    let new = Binary::start(&[]);
    let client = new.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let opened = client.open("alice", PASSWORD).await;

    let old = Binary::start_other(&previous, &new, &[]);
    let older = old.client().await;
    older.greet(Credentials::Bearer(&opened.token)).await.unwrap();
    let second = older.refresh(&opened.refresh_token, &[1; 16]).await.unwrap();
    client.greet(Credentials::Bearer(&second.token)).await.unwrap();
    let third = client.refresh(&second.refresh_token, &[2; 16]).await.unwrap();
    older.create_user("bob", PASSWORD).await.unwrap();
    let of_bob = client.open("bob", PASSWORD).await;
    older.revoke_token(&of_bob.token).await.unwrap();
    // It is over already, and OK means that the log has been read.
    client.revoke_token(&of_bob.token).await.unwrap();
    let revoked = Refused::unauthenticated("TOKEN_REVOKED");
    assert_eq!(client.greet(Credentials::Bearer(&of_bob.token)).await.unwrap_err(), revoked);
    client.revoke_token(&third.token).await.unwrap();
    older.revoke_token(&third.token).await.unwrap();
    assert_eq!(older.greet(Credentials::Bearer(&third.token)).await.unwrap_err(), revoked);
    assert!(old.stop().0.success());

    // And it starts on it, when a rollout is taken back.
    let again = Binary::start_other(&previous, &new, &[]);
    again.client().await.sign_in("alice", PASSWORD).await;
    assert!(again.stop().0.success());
}
