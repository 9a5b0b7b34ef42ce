//! Stolen refresh tokens: whoever comes second ends the session, and nothing but the session.

use std::time::Duration;

use countersign::pb::auth::v1::SecurityEventKind;

use crate::harness::{AdminClient, Client, Credentials, PASSWORD, Refused, TestServer, Tokens};

/// A server, its admin, and alice with a session that nobody touches.
struct Scene {
    server: TestServer,
    client: Client,
    admin: AdminClient,
    user_id: String,
    bystander: Tokens,
}

fn key(number: u8) -> [u8; 16] {
    [number; 16]
}

fn reused() -> Refused {
    Refused::unauthenticated("REFRESH_TOKEN_REUSED")
}

fn revoked() -> Refused {
    Refused::unauthenticated("TOKEN_REVOKED")
}

impl Scene {
    async fn set() -> Self {
        let server = TestServer::start().await;
        let client = server.client().await;
        let admin = server.admin("root").await;
        let user_id = client.create_user("alice", PASSWORD).await.unwrap().user_id;
        let bystander = client.open("alice", PASSWORD).await;
        Self { server, client, admin, user_id, bystander }
    }

    /// The first refresh token of a new session.
    async fn open(&self) -> String {
        self.client.open("alice", PASSWORD).await.refresh_token
    }

    /// What a refresh gives: the next refresh token.
    async fn spend(&self, token: &str, retry: &[u8]) -> Result<String, Refused> {
        self.client.refresh(token, retry).await.map(|tokens| tokens.refresh_token)
    }

    /// How many events of theft there are, and the sessions that they name.
    async fn thefts(&self) -> Vec<String> {
        let events = self.admin.events(&self.user_id, SecurityEventKind::RefreshTokenReused).await;
        assert!(events.iter().all(|event| event.count == 1 && event.actor_id.is_empty()), "{events:?}");
        events.into_iter().map(|event| event.session_id).collect()
    }

    /// The other session of the same user goes on.
    async fn check_bystander(&self) {
        self.client.greet(Credentials::Bearer(&self.bystander.token)).await.unwrap();
    }
}

#[tokio::test]
async fn without_a_retry_key_a_second_use_is_theft() {
    let scene = Scene::set().await;
    for retry in [&[][..], &key(1)] {
        scene.server.clock.advance(Duration::from_millis(1));
        let first = scene.client.open("alice", PASSWORD).await;
        let second = scene.client.refresh(&first.refresh_token, &[]).await.unwrap();
        assert_eq!(scene.spend(&first.refresh_token, retry).await.unwrap_err(), reused());
        for token in [&first.token, &second.token] {
            assert_eq!(scene.client.greet(Credentials::Bearer(token)).await.unwrap_err(), revoked());
        }
        for token in [&first.refresh_token, &second.refresh_token] {
            assert_eq!(scene.spend(token, &key(2)).await.unwrap_err(), revoked());
        }
        assert_eq!(scene.thefts().await[0], first.session_id);
    }
    assert_eq!(scene.thefts().await.len(), 2);
    scene.check_bystander().await;
    scene.client.refresh(&scene.bystander.refresh_token, &key(1)).await.unwrap();
}

#[tokio::test]
async fn a_token_of_any_older_generation_is_theft_whatever_comes_beside_it() {
    let scene = Scene::set().await;
    let mut thefts = 0;
    for distance in 1..=5_usize {
        // No key, the one that this token was spent with, that of another generation, a new one.
        for beside in 0..4 {
            let mut tokens = vec![scene.open().await];
            for number in 1..=5 {
                tokens.push(scene.spend(tokens.last().unwrap(), &key(number)).await.unwrap());
            }
            let spent = 5 - distance;
            let own = u8::try_from(spent + 1).unwrap();
            let retry = match beside {
                0 => vec![],
                1 => key(own).to_vec(),
                2 => key(own % 5 + 1).to_vec(),
                _ => key(9).to_vec(),
            };
            let answer = scene.spend(&tokens[spent], &retry).await;
            if distance == 1 && beside == 1 {
                assert_eq!(answer.unwrap(), tokens[5], "the one repetition that is none of a thief");
                continue;
            }
            thefts += 1;
            assert_eq!(answer.unwrap_err(), reused(), "{distance} {beside}");
            for token in &tokens {
                assert_eq!(scene.spend(token, &key(8)).await.unwrap_err(), revoked(), "{distance} {beside}");
            }
        }
    }
    let mut events = scene.thefts().await;
    assert_eq!((events.len(), thefts), (19, 19));
    events.sort_unstable();
    events.dedup();
    assert_eq!(events.len(), 19, "one event a session");
    scene.check_bystander().await;
}

#[tokio::test]
async fn a_thief_who_spends_the_token_first_is_found_out_by_the_client() {
    let scene = Scene::set().await;
    let stolen = scene.open().await;
    let of_thief = scene.client.refresh(&stolen, &key(66)).await.unwrap();
    let later = scene.spend(&of_thief.refresh_token, &key(67)).await.unwrap();
    assert_eq!(scene.spend(&stolen, &key(1)).await.unwrap_err(), reused());
    assert_eq!(scene.spend(&later, &key(68)).await.unwrap_err(), revoked());
    assert_eq!(scene.client.greet(Credentials::Bearer(&of_thief.token)).await.unwrap_err(), revoked());
    assert_eq!(scene.thefts().await, [of_thief.session_id]);
}

#[tokio::test]
async fn a_thief_who_spends_the_token_second_gets_nothing_and_ends_the_session() {
    let scene = Scene::set().await;
    let stolen = scene.open().await;
    let of_client = scene.client.refresh(&stolen, &key(1)).await.unwrap();
    assert_eq!(scene.spend(&stolen, &key(66)).await.unwrap_err(), reused());
    assert_eq!(scene.client.greet(Credentials::Bearer(&of_client.token)).await.unwrap_err(), revoked());
    assert_eq!(scene.spend(&of_client.refresh_token, &key(2)).await.unwrap_err(), revoked());
    assert_eq!(scene.spend(&stolen, &key(1)).await.unwrap_err(), revoked(), "nor is a retry a way back");
    assert_eq!(scene.thefts().await, [of_client.session_id]);
}

#[tokio::test]
async fn a_thief_with_token_and_retry_key_is_caught_one_generation_later() {
    for client_is_first in [true, false] {
        let scene = Scene::set().await;
        let stolen = scene.open().await;
        let of_client = scene.spend(&stolen, &key(1)).await.unwrap();
        let of_thief = scene.spend(&stolen, &key(1)).await.unwrap();
        assert_eq!(of_client, of_thief, "both hold one token");
        let keys = if client_is_first { [2, 66] } else { [66, 2] };
        let successor = scene.spend(&of_client, &key(keys[0])).await.unwrap();
        assert_eq!(scene.spend(&of_thief, &key(keys[1])).await.unwrap_err(), reused());
        assert_eq!(scene.spend(&successor, &key(3)).await.unwrap_err(), revoked());
        assert_eq!(scene.thefts().await.len(), 1);
        scene.check_bystander().await;
    }
}

#[tokio::test]
async fn thief_and_client_cannot_take_turns() {
    // The thief has gone on from the token that both got; the client still retries the one before.
    let scene = Scene::set().await;
    let stolen = scene.open().await;
    let shared = scene.spend(&stolen, &key(1)).await.unwrap();
    assert_eq!(scene.spend(&stolen, &key(1)).await.unwrap(), shared);
    let of_thief = scene.spend(&shared, &key(66)).await.unwrap();
    assert_eq!(scene.spend(&stolen, &key(1)).await.unwrap_err(), reused());
    assert_eq!(scene.spend(&of_thief, &key(67)).await.unwrap_err(), revoked());

    // The thief knows the last key and tries to make it that of the next generation, so that each retry would be his.
    let scene = Scene::set().await;
    let stolen = scene.open().await;
    let shared = scene.spend(&stolen, &key(1)).await.unwrap();
    assert_eq!(scene.spend(&shared, &key(1)).await.unwrap_err(), Refused::field("retry_key"));
    let of_client = scene.spend(&shared, &key(2)).await.unwrap();
    assert_eq!(scene.spend(&shared, &key(1)).await.unwrap_err(), reused());
    assert_eq!(scene.spend(&of_client, &key(3)).await.unwrap_err(), revoked());
    assert_eq!(scene.thefts().await.len(), 1);
}

#[tokio::test]
async fn a_database_of_yesterday_takes_newer_tokens_for_stolen_ones() {
    let scene = Scene::set().await;
    let first = scene.open().await;
    scene.server.execute_sql("CREATE TABLE yesterday AS SELECT * FROM sessions").await;
    let second = scene.spend(&first, &key(1)).await.unwrap();
    let third = scene.spend(&second, &key(2)).await.unwrap();
    scene.server.execute_sql("DELETE FROM sessions").await;
    scene.server.execute_sql("INSERT INTO sessions SELECT * FROM yesterday").await;
    assert_eq!(scene.spend(&third, &key(3)).await.unwrap_err(), reused());
    assert_eq!(scene.spend(&first, &key(1)).await.unwrap_err(), revoked());
    scene.check_bystander().await;
}
