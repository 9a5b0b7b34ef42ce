//! Revocations reach the verifier: while it is connected, after a cut, after a restart, after a restored backup.

use countersign_client::Refusal;

use super::scene::{scene, until, until_refused};
use crate::harness::PASSWORD;

#[tokio::test]
async fn a_token_is_accepted_until_its_session_ends() {
    let scene = scene().await;
    let verifier = scene.verifier().await;
    let (token, other) = (scene.token().await, scene.token().await);
    let caller = verifier.verify(&token).unwrap();
    assert_eq!((caller.username(), caller.user_id().to_string()), ("alice", scene.alice.clone()));
    scene.revoke(&token).await;
    assert_eq!(until_refused(&verifier, &token).await, Refusal::TokenRevoked);
    assert_eq!(verifier.recheck(&caller), Err(Refusal::TokenRevoked));
    verifier.verify(&other).unwrap();
}

#[tokio::test]
async fn whoever_revokes_and_waits_finds_the_token_refused_at_once() {
    let scene = scene().await;
    let verifier = scene.verifier().await;
    for _ in 0..5 {
        let token = scene.token().await;
        verifier.verify(&token).unwrap();
        assert_eq!(scene.revoke_and_wait(&token).await, 0);
        assert_eq!(verifier.verify(&token).unwrap_err(), Refusal::TokenRevoked);
    }
}

#[tokio::test]
async fn new_roles_and_a_new_password_end_the_tokens_of_before() {
    let scene = scene().await;
    let verifier = scene.verifier().await;
    let token = scene.token().await;
    verifier.verify(&token).unwrap();
    scene.admin.set_roles(&scene.alice, &["buyer"]).await.unwrap();
    assert_eq!(until_refused(&verifier, &token).await, Refusal::TokenRevoked);
    let token = scene.token().await;
    assert!(verifier.verify(&token).unwrap().has_any_role(&["buyer"]));
    scene.admin.disable_user(&scene.alice).await.unwrap();
    assert_eq!(until_refused(&verifier, &token).await, Refusal::TokenRevoked);
}

#[tokio::test]
async fn nothing_that_happened_during_a_cut_is_missed() {
    let scene = scene().await;
    let verifier = scene.verifier().await;
    let tokens = [scene.token().await, scene.token().await, scene.token().await];
    scene.proxy.cut();
    scene.revoke(&tokens[0]).await;
    scene.revoke(&tokens[1]).await;
    // Nobody can have told it.
    for token in &tokens {
        verifier.verify(token).unwrap();
    }
    scene.proxy.mend(scene.server.address);
    scene.until_caught_up(&verifier).await;
    assert_eq!(verifier.verify(&tokens[0]).unwrap_err(), Refusal::TokenRevoked);
    assert_eq!(verifier.verify(&tokens[1]).unwrap_err(), Refusal::TokenRevoked);
    verifier.verify(&tokens[2]).unwrap();
    assert!(verifier.status().connected && verifier.status().last_error.is_some());
}

#[tokio::test]
async fn a_restart_of_the_server_is_survived() {
    let scene = scene().await;
    let verifier = scene.verifier().await;
    let tokens = [scene.token().await, scene.token().await, scene.token().await];
    scene.revoke(&tokens[0]).await;
    until_refused(&verifier, &tokens[0]).await;
    let scene = scene.restart().await;
    scene.revoke(&tokens[1]).await;
    assert_eq!(until_refused(&verifier, &tokens[1]).await, Refusal::TokenRevoked);
    assert_eq!(verifier.verify(&tokens[0]).unwrap_err(), Refusal::TokenRevoked);
    verifier.verify(&tokens[2]).unwrap();
}

#[tokio::test]
async fn a_verifier_that_starts_anew_knows_what_was_revoked_before() {
    let scene = scene().await;
    let (token, revoked) = (scene.token().await, scene.token().await);
    scene.revoke(&revoked).await;
    for _ in 0..2 {
        let verifier = scene.verifier().await;
        assert_eq!(verifier.verify(&revoked).unwrap_err(), Refusal::TokenRevoked);
        verifier.verify(&token).unwrap();
    }
}

#[tokio::test]
async fn a_log_that_begins_a_new_life_is_believed_from_its_beginning() {
    let scene = scene().await;
    let verifier = scene.verifier().await;
    let (token, kept) = (scene.token().await, scene.token().await);
    scene.revoke(&token).await;
    until_refused(&verifier, &token).await;
    let before = verifier.status().position.unwrap();
    // As after a restored backup: the end of the session has never happened.
    scene.server.execute_sql("DELETE FROM revocations").await;
    scene.server.execute_sql("UPDATE trust_counter SET sequence = 0").await;
    until(&verifier, |verifier| verifier.verify(&token).is_ok()).await;
    assert_ne!(verifier.status().position.unwrap().incarnation, before.incarnation);
    scene.revoke(&kept).await;
    assert_eq!(until_refused(&verifier, &kept).await, Refusal::TokenRevoked);
}

#[tokio::test]
async fn tokens_for_others_and_what_is_no_token_are_invalid() {
    let scene = scene().await;
    let verifier = scene.verifier().await;
    let elsewhere = scene.client.sign_in("alice", PASSWORD).await;
    for token in [elsewhere.as_str(), "", "v4.public.e30", &elsewhere[1..]] {
        let refused = verifier.verify(token).unwrap_err();
        assert!(matches!(refused, Refusal::TokenInvalid(_)), "{refused:?}");
    }
}
