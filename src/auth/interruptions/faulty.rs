//! Connections that die at the commit, and processes that start again.

use super::{House, NEW_PASSWORD, PASSWORD, context, refresh_token};
use crate::auth::{Error, Issued, UserRef};
use crate::domain::UserId;
use crate::store::Fault;

/// Both ways for a connection to die, and whether the process starts again before anything else is asked of it.
fn interruptions() -> impl Iterator<Item = (Fault, bool)> {
    [Fault::BeforeCommit, Fault::AfterCommit].into_iter().flat_map(|fault| [(fault, false), (fault, true)])
}

fn unavailable<T>(outcome: Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::StoreUnavailable(_)))
}

async fn interrupt(house: &mut House, restart: bool) {
    if restart {
        house.restart().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_is_repeated_after_any_fault() {
    for (fault, restart) in interruptions() {
        let mut house = House::build().await;
        let token = refresh_token(&house.sign_in().await);
        house.faults.plan([Some(fault)]);
        assert!(unavailable(house.refresh(&token, 1).await), "{fault:?}");
        interrupt(&mut house, restart).await;
        let again = house.refresh(&token, 1).await.unwrap();
        interrupt(&mut house, restart).await;
        let third = house.refresh(&token, 1).await.unwrap();
        assert_eq!(refresh_token(&again), refresh_token(&third), "{fault:?} {restart}");
        house.refresh(&refresh_token(&again), 2).await.unwrap();
        assert!(matches!(house.refresh(&token, 1).await, Err(Error::RefreshTokenReused)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_commit_leaves_the_token_usable_with_another_key() {
    let house = House::build().await;
    let token = refresh_token(&house.sign_in().await);
    house.faults.plan([Some(Fault::BeforeCommit)]);
    assert!(unavailable(house.refresh(&token, 1).await));
    house.refresh(&token, 2).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reuse_is_not_forgotten_because_its_commit_died() {
    for (fault, restart) in interruptions() {
        let mut house = House::build().await;
        let first = house.sign_in().await;
        let token = refresh_token(&first);
        let next = house.refresh(&token, 1).await.unwrap();
        house.faults.plan([Some(fault)]);
        assert!(unavailable(house.refresh(&token, 9).await));
        interrupt(&mut house, restart).await;
        // The thief or the client comes again: whoever does, the session is over then.
        let again = house.refresh(&token, 9).await;
        match fault {
            Fault::BeforeCommit => assert!(matches!(again, Err(Error::RefreshTokenReused))),
            Fault::AfterCommit => assert!(matches!(again, Err(Error::TokenRevoked))),
        }
        assert!(matches!(house.refresh(&refresh_token(&next), 2).await, Err(Error::TokenRevoked)));
        assert!(matches!(house.greet(&next), Err(Error::TokenRevoked)), "{fault:?} {restart}");
    }
}

/// Something that ends the session of a token.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Token,
    Session,
    All,
    Disable,
    Delete,
}

async fn end(house: &House, how: Ending, issued: &Issued) -> Result<(), Error> {
    let (context, alice): (_, UserId) = (context(), house.alice.id);
    let caller = house.greet(issued)?;
    match how {
        Ending::Token => house.authority.revoke_token(&issued.token, &context).await.map(|_| ()),
        Ending::Session => house.authority.revoke_session(&caller, issued.session_id, &context).await,
        Ending::All => {
            house.authority.revoke_all_sessions(&caller, UserRef::Me, false, &context).await.map(|_| ())
        }
        Ending::Disable => house.authority.disable_user(&caller, alice, &context).await.map(|_| ()),
        Ending::Delete => {
            let password = PASSWORD.to_owned().into();
            house.authority.delete_user(&caller, UserRef::Me, &password, &context).await
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_revocation_is_lost_and_none_happens_by_half() {
    for how in [Ending::Token, Ending::Session, Ending::All, Ending::Disable, Ending::Delete] {
        for (fault, restart) in interruptions() {
            let mut house = House::build().await;
            let issued = house.sign_in().await;
            house.faults.plan([Some(fault)]);
            assert!(unavailable(end(&house, how, &issued).await), "{how:?}: an error is never OK");
            interrupt(&mut house, restart).await;
            let refused = matches!(house.greet(&issued), Err(Error::TokenRevoked));
            assert_eq!(refused, fault == Fault::AfterCommit, "{how:?} {fault:?} {restart}");
            if !refused {
                end(&house, how, &issued).await.unwrap();
                assert!(matches!(house.greet(&issued), Err(Error::TokenRevoked)), "{how:?}");
            }
            interrupt(&mut house, true).await;
            assert!(matches!(house.greet(&issued), Err(Error::TokenRevoked)), "{how:?} after a restart");
            let refreshed = house.refresh(&refresh_token(&issued), 1).await;
            assert!(matches!(refreshed, Err(Error::TokenRevoked)), "{how:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_change_that_dies_is_whole() {
    for (fault, restart) in interruptions() {
        let mut house = House::build().await;
        let issued = house.sign_in().await;
        let caller = house.greet(&issued).unwrap();
        let (current, new) = (PASSWORD.to_owned().into(), NEW_PASSWORD.to_owned().into());
        house.faults.plan([Some(fault)]);
        assert!(unavailable(house.authority.change_password(&caller, &current, &new, &context()).await));
        interrupt(&mut house, restart).await;
        let changed = fault == Fault::AfterCommit;
        assert_eq!(house.try_sign_in(NEW_PASSWORD).await.is_ok(), changed);
        assert_eq!(house.try_sign_in(PASSWORD).await.is_ok(), !changed);
        assert_eq!(house.greet(&issued).is_err(), changed, "{fault:?} {restart}");
        assert_eq!(house.refresh(&refresh_token(&issued), 1).await.is_err(), changed);
    }
}
