//! What a verifier knows gets old when nothing comes any more, and what it does then.

use std::time::Duration;

use countersign_client::{Refusal, Verifier, WhenStale};
use futures_util::FutureExt as _;
use tokio::time::timeout;

use super::scene::{PATIENCE, Scene, is_stale, scene, until, until_refused};
use crate::harness::Way;

const MOST_OF_IT: Duration = Duration::from_secs(25);
const THE_REST: Duration = Duration::from_secs(6);

async fn verifier(scene: &Scene, when_stale: WhenStale) -> Verifier {
    timeout(PATIENCE, scene.builder().when_stale(when_stale).connect()).await.unwrap().unwrap()
}

fn is_too_old(refused: &Refusal) -> bool {
    matches!(refused, Refusal::TrustStale { staleness: Some(staleness) } if *staleness > Duration::from_secs(30))
}

#[tokio::test]
async fn checks_go_on_within_max_staleness_of_a_cut_and_then_as_the_policy_says() {
    for (when_stale, accepted) in
        [(WhenStale::Refuse, false), (WhenStale::AcceptSigned, true), (WhenStale::AskServer, false)]
    {
        let scene = scene().await;
        let verifier = verifier(&scene, when_stale).await;
        let (token, unseen, revoked) = (scene.token().await, scene.token().await, scene.token().await);
        let caller = verifier.verify(&token).unwrap();
        scene.revoke(&revoked).await;
        until_refused(&verifier, &revoked).await;
        scene.proxy.cut();

        scene.clocks.turn(MOST_OF_IT);
        verifier.verify(&token).unwrap();
        verifier.recheck(&caller).unwrap();
        scene.clocks.turn(THE_REST);
        for token in [&token, &unseen] {
            match verifier.verify_or_ask(token).await {
                Ok(_) => assert!(accepted, "{when_stale:?}"),
                Err(refused) => assert!(!accepted && is_too_old(&refused), "{when_stale:?} {refused:?}"),
            }
            assert_eq!(verifier.verify(token).is_ok(), accepted, "{when_stale:?}");
        }
        assert_eq!(verifier.recheck(&caller).is_ok(), accepted, "{when_stale:?}");
        assert_eq!(verifier.verify(&revoked).unwrap_err(), Refusal::TokenRevoked, "{when_stale:?}");

        scene.proxy.mend(scene.server.address);
        until(&verifier, |verifier| !is_stale(verifier)).await;
        verifier.verify(&unseen).unwrap();
    }
}

#[tokio::test]
async fn the_server_is_asked_about_good_tokens_alone_when_what_is_known_is_too_old() {
    let scene = scene().await;
    let verifier = verifier(&scene, WhenStale::AskServer).await;
    let (token, revoked) = (scene.token().await, scene.token().await);
    // The stream is there, and whatever it brings is too old when it comes.
    scene.clocks.race(Duration::from_secs(31));
    assert_eq!(verifier.verify_or_ask(&token).await.unwrap().username(), "alice");
    assert!(is_too_old(&verifier.verify(&token).unwrap_err()), "without asking nothing can be said");
    scene.revoke(&revoked).await;
    assert_eq!(verifier.verify_or_ask(&revoked).await.unwrap_err(), Refusal::TokenRevoked);
}

#[tokio::test]
async fn a_stranger_makes_a_verifier_call_nobody() {
    let scene = scene().await;
    let verifier = verifier(&scene, WhenStale::AskServer).await;
    let token = scene.token().await;
    scene.clocks.race(Duration::from_secs(31));
    let unknown_key = format!("{}eyJraWQiOiJ4In0", &token[..=token.rfind('.').unwrap()]);
    let refused = verifier.verify_or_ask(&unknown_key).now_or_never().unwrap().unwrap_err();
    assert!(is_too_old(&refused), "the key may be new: {refused:?}");
    let forged = token.replacen("v4.public.ey", "v4.public.ez", 1);
    let refused = verifier.verify_or_ask(&forged).now_or_never().unwrap().unwrap_err();
    assert!(matches!(refused, Refusal::TokenInvalid(_)), "{refused:?}");
    assert!(verifier.verify_or_ask(&token).now_or_never().is_none(), "this one is worth a question");
}

#[tokio::test]
async fn heartbeats_that_were_held_up_fool_nobody() {
    let scene = scene().await;
    let verifier = verifier(&scene, WhenStale::Refuse).await;
    let (token, revoked) = (scene.token().await, scene.token().await);
    scene.proxy.hold(Way::ToClient);
    scene.proxy.until_held(Way::ToClient).await;
    scene.clocks.turn(MOST_OF_IT + THE_REST);
    scene.revoke(&revoked).await;
    assert!(is_too_old(&verifier.verify(&token).unwrap_err()));

    // What was kept comes through, heartbeats before and after the revocation; what answers them does not.
    scene.proxy.hold(Way::ToServer);
    scene.proxy.release(Way::ToClient);
    until(&verifier, |verifier| {
        verifier.verify(&revoked).is_err_and(|refused| refused == Refusal::TokenRevoked)
    })
    .await;
    scene.proxy.until_held(Way::ToServer).await;
    assert!(is_too_old(&verifier.verify(&token).unwrap_err()), "{verifier:?}");

    scene.proxy.release(Way::ToServer);
    until(&verifier, |verifier| verifier.verify(&token).is_ok()).await;
}
