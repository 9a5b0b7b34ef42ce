//! A disk that is full for a while: what was not written is not acknowledged, then or later.

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tonic::Code;

use crate::harness::{Binary, Credentials, PASSWORD, Refused, on_postgres};

/// How large files may be, for the server: no larger than anything that it has to write.
fn limit_files(server: &Binary, bytes: Option<u64>) {
    let limit = Rlimit { current: bytes, maximum: None };
    prlimit(Some(Pid::from_raw(i32::try_from(server.id()).unwrap()).unwrap()), Resource::Fsize, limit)
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_that_could_not_be_written_is_never_ok_and_a_later_one_is_kept() {
    if on_postgres() {
        return; // It is about the files of SQLite.
    }
    let server = Binary::start_ignoring_file_limits(&[]);
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(client.open("alice", PASSWORD).await);
    }
    let unavailable = Refused::new(Code::Unavailable, "STORE_UNAVAILABLE");
    let not_found = Refused::new(Code::NotFound, "SESSION_NOT_FOUND");
    limit_files(&server, Some(0));
    for _ in 0..2 {
        assert_eq!(client.revoke_token(&held[0].token).await.unwrap_err(), unavailable);
        assert_eq!(client.refresh(&held[1].refresh_token, &[1; 16]).await.unwrap_err(), unavailable);
        assert_eq!(client.create_user("bob", PASSWORD).await.unwrap_err(), unavailable);
    }
    client.greet(Credentials::Bearer(&held[0].token)).await.unwrap();
    limit_files(&server, None);
    // A refusal in between, whose transaction is rolled back.
    let bearer = Credentials::Bearer(&held[3].token);
    let foreign = client.create_user("carol", PASSWORD).await.unwrap();
    let other = client.open("carol", PASSWORD).await;
    assert_eq!(client.revoke_session(bearer.clone(), &other.session_id).await.unwrap_err(), not_found);
    client.revoke_token(&held[0].token).await.unwrap();
    let refreshed = client.refresh(&held[1].refresh_token, &[1; 16]).await.unwrap();
    client.create_user("bob", PASSWORD).await.unwrap();

    // Nothing but the process's memory would know of them if they had not been committed.
    server.signal(rustix::process::Signal::KILL);
    let (_, _, folder) = server.wait();
    let server = Binary::start_in(folder, &[]);
    let client = server.client().await;
    let revoked = Refused::unauthenticated("TOKEN_REVOKED");
    assert_eq!(client.greet(Credentials::Bearer(&held[0].token)).await.unwrap_err(), revoked);
    assert_eq!(client.refresh(&held[0].refresh_token, &[]).await.unwrap_err(), revoked);
    client.refresh(&refreshed.refresh_token, &[2; 16]).await.unwrap();
    client.greet(Credentials::Basic("bob", PASSWORD)).await.unwrap();
    assert_eq!(client.get_user(bearer, "me").await.unwrap().username, "alice");
    assert_ne!(foreign.user_id, "");
    server.stop();
}
