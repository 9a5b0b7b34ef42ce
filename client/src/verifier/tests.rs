//! The decision on a token, by what is known.

use std::time::Duration;

use countersign_verify::{Claims, Defect, Revoked};
use uuid::Uuid;

use super::{TestTrust, WhenStale};
use crate::Refusal;

const STALE: Duration = Duration::from_millis(30_001);

#[test]
fn a_good_token_is_accepted_and_says_who_it_is() {
    let trust = TestTrust::new(WhenStale::Refuse);
    let token = trust.token(&trust.claims());
    for _ in 0..2 {
        let caller = trust.verifier.verify(&token).unwrap();
        assert_eq!((caller.user_id(), caller.username()), (Uuid::from_u128(1), "alice"));
        assert!(caller.has_any_role(&["service"]));
        trust.verifier.recheck(&caller).unwrap();
    }
}

#[test]
fn nothing_is_accepted_before_everything_is_known_once_whatever_the_policy() {
    for policy in [WhenStale::Refuse, WhenStale::AcceptSigned, WhenStale::AskServer] {
        let trust = TestTrust::unknowing(policy);
        trust.trust_keys(&[1]);
        let refused = trust.verifier.verify(&trust.token(&trust.claims())).unwrap_err();
        assert_eq!(refused, Refusal::TrustStale { staleness: None });
    }
}

#[test]
fn a_cached_token_dies_of_revocation_of_its_session_its_user_or_its_key() {
    let revoked: [fn(&TestTrust, Claims); 3] = [
        |trust, claims| trust.revoke_session(claims.session_id),
        |trust, claims| {
            trust.revoke(Revoked::User { user_id: claims.subject, below_epoch: claims.epoch + 1 });
        },
        |trust, _| trust.trust_keys(&[2]),
    ];
    for revoke in revoked {
        let trust = TestTrust::new(WhenStale::AcceptSigned);
        let (claims, token) = (trust.claims(), trust.token(&trust.claims()));
        let caller = trust.verifier.verify(&token).unwrap();
        let changes = trust.verifier.changes();
        revoke(&trust, claims);
        assert_eq!(trust.verifier.verify(&token).unwrap_err(), Refusal::TokenRevoked);
        assert_eq!(trust.verifier.recheck(&caller), Err(Refusal::TokenRevoked));
        assert!(changes.has_changed().unwrap(), "whoever holds a stream is told");
    }
}

#[test]
fn a_cached_token_expires() {
    let trust = TestTrust::new(WhenStale::Refuse);
    let token = trust.token(&trust.claims());
    let caller = trust.verifier.verify(&token).unwrap();
    trust.turn(Duration::from_secs(600));
    trust.beat();
    assert_eq!(trust.verifier.verify(&token).unwrap_err(), Refusal::TokenExpired);
    assert_eq!(trust.verifier.recheck(&caller), Err(Refusal::TokenExpired));
}

#[test]
fn a_token_of_an_unknown_key_or_for_others_is_invalid() {
    let trust = TestTrust::new(WhenStale::Refuse);
    let unknown = trust.token_by(3, &trust.claims());
    assert_eq!(trust.verifier.verify(&unknown).unwrap_err(), Refusal::TokenInvalid(Defect::UnknownKey));
    let elsewhere = trust.token(&Claims { audience: "billing".into(), ..trust.claims() });
    assert_eq!(trust.verifier.verify(&elsewhere).unwrap_err(), Refusal::TokenInvalid(Defect::Audience));
}

#[test]
fn what_is_too_old_refuses_or_accepts_as_the_policy_says() {
    let staleness = Some(STALE);
    for (policy, accepted) in
        [(WhenStale::Refuse, false), (WhenStale::AcceptSigned, true), (WhenStale::AskServer, false)]
    {
        let trust = TestTrust::new(policy);
        let token = trust.token(&trust.claims());
        trust.turn(Duration::from_secs(30));
        let caller = trust.verifier.verify(&token).unwrap();
        trust.turn(Duration::from_millis(1));
        let expected = if accepted { Ok(()) } else { Err(Refusal::TrustStale { staleness }) };
        assert_eq!(trust.verifier.verify(&token).map(drop), expected, "{policy:?}");
        assert_eq!(trust.verifier.recheck(&caller), expected, "{policy:?}");
        let changes = trust.verifier.changes();
        trust.beat();
        trust.verifier.verify(&token).unwrap();
        assert!(changes.has_changed().unwrap(), "fresh again");
    }
}

#[test]
fn what_is_known_to_be_bad_is_refused_as_such_however_old_the_knowledge_is() {
    let trust = TestTrust::new(WhenStale::AcceptSigned);
    let revoked = trust.token(&trust.claims());
    trust.revoke_session(trust.claims().session_id);
    let expired = trust.token(&Claims { expires_at: trust.claims().issued_at + 1, ..trust.claims() });
    trust.turn(STALE);
    assert_eq!(trust.verifier.verify(&revoked).unwrap_err(), Refusal::TokenRevoked);
    assert_eq!(trust.verifier.verify(&expired).unwrap_err(), Refusal::TokenExpired);
    assert_eq!(trust.verifier.verify("no token").unwrap_err(), Refusal::TokenInvalid(Defect::Shape));
}

#[test]
fn a_key_that_nobody_knows_may_be_new_to_whoever_has_not_heard_for_long() {
    let trust = TestTrust::new(WhenStale::AcceptSigned);
    trust.turn(STALE);
    let refused = trust.verifier.verify(&trust.token_by(3, &trust.claims())).unwrap_err();
    assert_eq!(refused, Refusal::TrustStale { staleness: Some(STALE) });
}

#[test]
fn a_heartbeat_that_only_keeps_things_fresh_wakes_nobody() {
    let trust = TestTrust::new(WhenStale::Refuse);
    let changes = trust.verifier.changes();
    trust.turn(Duration::from_secs(1));
    trust.beat();
    assert!(!changes.has_changed().unwrap());
}

#[test]
fn a_token_of_a_revoked_key_is_revoked_whether_it_was_seen_before_or_not() {
    let trust = TestTrust::new(WhenStale::Refuse);
    let seen = trust.token_by(2, &trust.claims());
    let key_id = trust.verifier.verify(&seen).unwrap().key_id().clone();
    trust.trust_keys(&[1]);
    trust.revoke(Revoked::Key(key_id));
    assert_eq!(trust.verifier.verify(&seen).unwrap_err(), Refusal::TokenRevoked);
    let other = trust.token_by(2, &Claims { token_id: Uuid::from_u128(99), ..trust.claims() });
    assert_eq!(trust.verifier.verify(&other).unwrap_err(), Refusal::TokenRevoked);
    let foreign = trust.token_by(3, &trust.claims());
    assert_eq!(trust.verifier.verify(&foreign).unwrap_err(), Refusal::TokenInvalid(Defect::UnknownKey));
}

#[tokio::test]
async fn a_closed_verifier_accepts_nothing_whatever_the_policy() {
    for policy in [WhenStale::Refuse, WhenStale::AcceptSigned, WhenStale::AskServer] {
        let trust = TestTrust::new(policy);
        let token = trust.token(&trust.claims());
        let caller = trust.verifier.verify(&token).unwrap();
        let changes = trust.verifier.changes();
        trust.verifier.clone().close().await;
        let refused = Refusal::TrustStale { staleness: None };
        assert_eq!(trust.verifier.verify(&token).unwrap_err(), refused);
        assert_eq!(trust.verifier.verify_or_ask(&token).await.unwrap_err(), refused);
        assert_eq!(trust.verifier.recheck(&caller), Err(refused));
        assert!(changes.has_changed().unwrap(), "whoever holds a stream is told");
        trust.verifier.clone().close().await;
    }
}
