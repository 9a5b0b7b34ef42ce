//! Callers that go away, at each await.

use super::{House, NEW_PASSWORD, PASSWORD, context, refresh_command, refresh_token, until_its_caller_goes};
use crate::auth::{Error, UserRef};

/// More awaits than any use case has: a loop that gets here tests nothing.
const TOO_MANY: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_whose_caller_goes_is_repeated_and_logs_nobody_out() {
    let house = House::build().await;
    for waits in 0.. {
        assert!(waits < TOO_MANY);
        let token = refresh_token(&house.sign_in().await);
        let refresh = house.authority.refresh(refresh_command(&token, 1));
        let ended = until_its_caller_goes(waits, refresh).await;
        house.settle().await;
        let again = house.refresh(&token, 1).await.unwrap();
        if let Some(first) = &ended {
            let first = first.as_ref().unwrap();
            assert_eq!(refresh_token(first), refresh_token(&again), "the same successor");
        }
        let next = house.refresh(&refresh_token(&again), 2).await.unwrap();
        house.greet(&next).unwrap();
        assert!(matches!(house.refresh(&token, 1).await, Err(Error::RefreshTokenReused)), "it stays spent");
        if ended.is_some() {
            assert!(waits >= 1, "it never waited");
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reuse_whose_caller_goes_ends_the_session_wholly_or_not_at_all() {
    let house = House::build().await;
    for waits in 0.. {
        assert!(waits < TOO_MANY);
        let first = house.sign_in().await;
        let token = refresh_token(&first);
        house.refresh(&token, 1).await.unwrap();
        let theft = house.authority.refresh(refresh_command(&token, 9));
        let ended = until_its_caller_goes(waits, theft).await;
        house.settle().await;
        let (session, _) =
            house.authority.parts().store.lookup_session_with_user(first.session_id).await.unwrap().unwrap();
        let refused = matches!(house.greet(&first), Err(Error::TokenRevoked));
        assert_eq!(session.ended.is_some(), refused, "memory and database agree after {waits}");
        if let Some(said) = ended {
            assert!(matches!(said, Err(Error::RefreshTokenReused)) && refused);
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_whose_caller_goes_is_felt_if_it_is_written() {
    let house = House::build().await;
    for all in [false, true] {
        for waits in 0.. {
            assert!(waits < TOO_MANY);
            let issued = house.sign_in().await;
            let caller = house.greet(&issued).unwrap();
            let context = context();
            let ended = if all {
                let revoke = house.authority.revoke_all_sessions(&caller, UserRef::Me, false, &context);
                until_its_caller_goes(waits, revoke).await.map(|outcome| assert!(outcome.unwrap() > 0))
            } else {
                let revoke = house.authority.revoke_session(&caller, issued.session_id, &context);
                until_its_caller_goes(waits, revoke).await.map(Result::unwrap)
            };
            house.settle().await;
            let refused = matches!(house.greet(&issued), Err(Error::TokenRevoked));
            let refreshed = house.refresh(&refresh_token(&issued), 1).await;
            assert_eq!(refused, matches!(refreshed, Err(Error::TokenRevoked)), "after {waits}");
            if ended.is_some() {
                assert!(refused);
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_change_whose_caller_goes_is_whole() {
    for waits in 0.. {
        assert!(waits < TOO_MANY);
        let house = House::build().await;
        let issued = house.sign_in().await;
        let caller = house.greet(&issued).unwrap();
        let (current, new) = (PASSWORD.to_owned().into(), NEW_PASSWORD.to_owned().into());
        let context = context();
        let change = house.authority.change_password(&caller, &current, &new, &context);
        let ended = until_its_caller_goes(waits, change).await;
        house.settle().await;
        let changed = house.try_sign_in(NEW_PASSWORD).await.is_ok();
        assert_eq!(house.try_sign_in(PASSWORD).await.is_ok(), !changed, "one of the two, after {waits}");
        assert_eq!(matches!(house.greet(&issued), Err(Error::TokenRevoked)), changed);
        assert_eq!(house.refresh(&refresh_token(&issued), 1).await.is_err(), changed);
        if let Some(outcome) = ended {
            house.greet(&outcome.unwrap()).unwrap();
            assert!(changed);
            break;
        }
    }
}
