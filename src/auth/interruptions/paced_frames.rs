//! Frames for a verifier among thousands: what interrupts it is what is revoked while it has just been told something.

use std::time::Duration;

use zeroize::Zeroizing;

use super::{House, PASSWORD, context};
use crate::auth::{Error, Holder, Issued, NewUser, TrustFrame, TrustWatch, VerifierHello};
use crate::domain::Roles;

/// As many as make a stream rest the longest; each follows the log as the stream of a verifier does.
const OTHERS: usize = 4_000;
/// A machine may be so slow that a rest is over before anything was revoked in it, but not every time.
const ATTEMPTS: usize = 50;

/// A stream that has been told all there is.
async fn watch(house: &House) -> TrustWatch {
    let roles = Roles::parse(["verifier"]).unwrap();
    let new = NewUser { username: "orders", password: PASSWORD, roles, by: None };
    house.authority.parts().registrar.register(new, &context()).await.unwrap();
    let caller = house.authority.authenticate_password("orders", PASSWORD, &context()).await.unwrap();
    let hello = VerifierHello {
        instance: "orders-1".to_owned(),
        run_id: None,
        max_staleness: Duration::from_secs(600),
        accepts_signed: false,
        resume: None,
        nonce: 0,
    };
    let mut watch = house.authority.watch_trust(caller, &hello, None).await.unwrap();
    while !matches!(watch.next().await.unwrap(), TrustFrame::Snapshot { complete: Some(_), .. }) {}
    watch
}

/// How many the next frame of revocations tells.
async fn told(watch: &mut TrustWatch) -> usize {
    loop {
        if let TrustFrame::Revocations { revocations, .. } = watch.next().await.unwrap() {
            return revocations.len();
        }
    }
}

async fn end(house: &House, issued: &Issued) -> Result<Option<Holder>, Error> {
    house.authority.revoke_token(&Zeroizing::new(issued.token.to_string()), &context()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_revoked_while_a_stream_among_thousands_rests_shares_a_frame() {
    let house = House::build().await;
    let mut watch = watch(&house).await;
    let _others: Vec<_> = (0..OTHERS).map(|_| house.authority.parts().store.trust().follow()).collect();
    for _ in 0..ATTEMPTS {
        let sessions = [house.sign_in().await, house.sign_in().await, house.sign_in().await];
        end(&house, &sessions[0]).await.unwrap();
        assert_eq!(told(&mut watch).await, 1);
        let others_end = async {
            end(&house, &sessions[1]).await.unwrap();
            end(&house, &sessions[2]).await.unwrap();
        };
        // The stream is asked first whenever there is anything new.
        tokio::select! {
            biased;
            _early = told(&mut watch) => {}
            () = others_end => return assert_eq!(told(&mut watch).await, 2),
        }
        // The call that was cut off may have ended its session all the same.
        house.settle().await;
        end(&house, &sessions[1]).await.unwrap();
        end(&house, &sessions[2]).await.unwrap();
        told(&mut watch).await;
    }
    panic!("each was told by itself");
}
