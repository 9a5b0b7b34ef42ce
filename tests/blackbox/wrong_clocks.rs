//! A clock that is ahead for a while and is set right: what was revoked by then stays revoked.

use std::time::Duration;

use crate::harness::{Client, Credentials, PASSWORD, Refused, TestServer};

/// More than a token lives, and a day.
const AHEAD: [Duration; 3] =
    [Duration::from_secs(12 * 60), Duration::from_secs(2 * 3600), Duration::from_secs(26 * 3600)];

#[tokio::test]
async fn what_is_revoked_while_the_clock_is_ahead_stays_revoked_when_it_is_right_again() {
    for ahead in AHEAD {
        let server = TestServer::start().await;
        let replica = server.replica().await;
        let (client, other) = (server.client().await, replica.client().await);
        let mut tokens = Vec::new();
        for name in ["alice", "bob", "carol"] {
            let id = client.create_user(name, PASSWORD).await.unwrap().user_id;
            tokens.push((client.open(name, PASSWORD).await, id));
        }
        let [(of_alice, _), (_, bob), (_, carol)] = &tokens[..] else { unreachable!() };
        server.clock.jump_ahead(ahead);
        client.revoke_token(&of_alice.refresh_token).await.unwrap();
        // Whoever was an admin before has a token that seems to have expired.
        let root = server.admin("chief").await;
        root.disable_user(bob).await.unwrap();
        let new = client.open("carol", PASSWORD).await;
        client.revoke_all_sessions(Credentials::Bearer(&new.token), carol, true).await.unwrap();
        server.clock.turn_back(ahead);

        drop(root);
        let refused = async |client: &Client| {
            for (tokens, _) in &tokens {
                let refusal = client.greet(Credentials::Bearer(&tokens.token)).await.unwrap_err();
                assert_eq!(refusal, Refused::unauthenticated("TOKEN_REVOKED"), "{ahead:?}");
            }
        };
        refused(&client).await;
        // The other one takes up what was committed before its own write.
        other.open("carol", PASSWORD).await;
        refused(&other).await;
        drop((client, other));
        refused(&server.restart_with(|_| {}).await.client().await).await;
    }
}
