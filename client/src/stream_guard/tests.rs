//! Streams that end with their tokens, and streams that go on.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use countersign_verify::{Claims, Revoked};
use futures_core::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

use super::StreamGuard;
use super::guard::LONGEST_PAUSE;
use crate::verifier::TestTrust;
use crate::{Refusal, WhenStale};

/// The life of a token of [`TestTrust::claims`].
const LIFETIME: Duration = Duration::from_secs(600);

type Sender = mpsc::Sender<Result<u32, Status>>;

/// A stream on which only the test speaks, and whether its reader was told to look again.
struct Watched {
    guard: StreamGuard<ReceiverStream<Result<u32, Status>>>,
    told: Arc<Told>,
}

#[derive(Default)]
struct Told(AtomicBool);

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Watched {
    /// Guards a stream that was opened with this token.
    fn open(trust: &TestTrust, claims: &Claims) -> (Self, Sender) {
        let caller = trust.verifier.verify(&trust.token(claims)).unwrap();
        let (sender, messages) = mpsc::channel(4);
        let guard = StreamGuard::new(ReceiverStream::new(messages), &trust.verifier, caller);
        let mut watched = Self { guard, told: Arc::default() };
        assert!(watched.is_silent());
        (watched, sender)
    }

    fn poll(&mut self) -> Poll<Option<Result<u32, Status>>> {
        self.told.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&self.told));
        Pin::new(&mut self.guard).poll_next(&mut Context::from_waker(&waker))
    }

    fn is_silent(&mut self) -> bool {
        self.poll().is_pending()
    }

    fn was_told(&self) -> bool {
        self.told.0.load(Ordering::SeqCst)
    }

    /// Why the stream ends now, by the status that its reader gets; nothing comes after it.
    fn ends(&mut self) -> (Code, String) {
        let Poll::Ready(Some(Err(status))) = self.poll() else { panic!("the stream goes on") };
        assert!(matches!(self.poll(), Poll::Ready(None)));
        (status.code(), status.get_error_details().error_info().unwrap().reason.clone())
    }

    /// The same, awaited; time goes on by itself.
    async fn ends_in_time(&mut self) -> String {
        let status = tokio_stream::StreamExt::next(&mut self.guard).await.unwrap().unwrap_err();
        status.get_error_details().error_info().unwrap().reason.clone()
    }
}

/// Time passes for the verifier's clocks and for whoever sleeps.
async fn pass(trust: &TestTrust, span: Duration) {
    trust.turn(span);
    tokio::time::advance(span).await;
}

fn unauthenticated(reason: &str) -> (Code, String) {
    (Code::Unauthenticated, reason.to_owned())
}

#[tokio::test]
async fn a_silent_stream_ends_when_its_session_its_user_or_its_key_is_revoked() {
    let revoked: [fn(&TestTrust, Claims); 3] = [
        |trust, claims| trust.revoke_session(claims.session_id),
        |trust, claims| {
            trust.revoke(Revoked::User { user_id: claims.subject, below_epoch: claims.epoch + 1 });
        },
        |trust, _| trust.trust_keys(&[2]),
    ];
    for revoke in revoked {
        let trust = TestTrust::new(WhenStale::Refuse);
        let (mut stream, sender) = Watched::open(&trust, &trust.claims());
        revoke(&trust, trust.claims());
        assert!(stream.was_told());
        assert_eq!(stream.ends(), unauthenticated("TOKEN_REVOKED"));
        assert!(sender.is_closed(), "what was inside is dropped");
    }
}

#[tokio::test]
async fn a_stream_goes_on_when_others_are_revoked() {
    let trust = TestTrust::new(WhenStale::Refuse);
    let (mut stream, sender) = Watched::open(&trust, &trust.claims());
    trust.revoke_session(Uuid::from_u128(99));
    assert!(stream.is_silent());
    sender.try_send(Ok(1)).unwrap();
    assert!(matches!(stream.poll(), Poll::Ready(Some(Ok(1)))));
}

#[tokio::test]
async fn a_stream_that_never_pauses_ends_too() {
    let trust = TestTrust::new(WhenStale::Refuse);
    let caller = trust.verifier.verify(&trust.token(&trust.claims())).unwrap();
    let endless = tokio_stream::iter(std::iter::repeat_with(|| Ok::<_, Status>(1)));
    let mut guard = StreamGuard::new(endless, &trust.verifier, caller);
    assert!(tokio_stream::StreamExt::next(&mut guard).await.unwrap().is_ok());
    trust.revoke_session(trust.claims().session_id);
    assert!(tokio_stream::StreamExt::next(&mut guard).await.unwrap().is_err());
    assert!(tokio_stream::StreamExt::next(&mut guard).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_ends_when_its_token_expires() {
    let trust = TestTrust::new(WhenStale::Refuse);
    let short = Claims { expires_at: trust.claims().issued_at + 5, ..trust.claims() };
    let (mut stream, sender) = Watched::open(&trust, &short);
    pass(&trust, Duration::from_secs(5)).await;
    assert!(stream.was_told());
    assert_eq!(stream.ends(), unauthenticated("TOKEN_EXPIRED"));
    assert!(sender.is_closed(), "what was inside is dropped");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_forward_ends_a_stream_although_nobody_told() {
    let trust = TestTrust::new(WhenStale::AcceptSigned);
    let (mut stream, _sender) = Watched::open(&trust, &trust.claims());
    trust.turn(LIFETIME);
    tokio::time::advance(LONGEST_PAUSE).await;
    assert!(stream.was_told());
    assert_eq!(stream.ends(), unauthenticated("TOKEN_EXPIRED"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_nothing_is_heard_of_revocations_any_more_if_that_is_the_policy() {
    let trust = TestTrust::new(WhenStale::Refuse);
    let (mut stream, _sender) = Watched::open(&trust, &trust.claims());
    pass(&trust, Duration::from_millis(30_001)).await;
    let status = tokio_stream::StreamExt::next(&mut stream.guard).await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "TRUST_STALE");

    let trust = TestTrust::new(WhenStale::AcceptSigned);
    let (mut stream, _sender) = Watched::open(&trust, &trust.claims());
    pass(&trust, Duration::from_millis(30_001)).await;
    assert!(stream.is_silent());
    trust.turn(LIFETIME);
    assert_eq!(stream.ends_in_time().await, "TOKEN_EXPIRED");
}

#[test]
fn a_token_is_looked_at_again_when_it_expires_or_what_is_known_gets_too_old() {
    let holds_for = |when_stale, turned| {
        let trust = TestTrust::new(when_stale);
        let caller = trust.verifier.verify(&trust.token(&trust.claims())).unwrap();
        trust.turn(turned);
        trust.verifier.holds_for(&caller)
    };
    let second = Duration::from_secs(1);
    assert_eq!(holds_for(WhenStale::AcceptSigned, second), LIFETIME - second);
    assert_eq!(holds_for(WhenStale::AcceptSigned, LIFETIME + second), Duration::ZERO);
    assert_eq!(holds_for(WhenStale::Refuse, second), Duration::from_millis(29_001));
    assert_eq!(holds_for(WhenStale::AskServer, second), Duration::from_millis(29_001));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_extended_outlives_its_first_token_and_ends_with_the_second() {
    let trust = TestTrust::new(WhenStale::AcceptSigned);
    let (mut stream, _sender) = Watched::open(&trust, &trust.claims());
    pass(&trust, LIFETIME / 2).await;
    assert!(stream.is_silent());
    let extender = stream.guard.extender();
    let caller = extender.extend(&trust.token(&trust.claims())).await.unwrap();
    assert_eq!(caller.claims().expires_at, trust.claims().expires_at);
    assert!(stream.was_told());
    pass(&trust, LIFETIME / 2).await;
    assert!(stream.is_silent());
    pass(&trust, LIFETIME / 2).await;
    assert_eq!(stream.ends_in_time().await, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn a_stream_that_is_extended_with_another_session_follows_that_one() {
    let trust = TestTrust::new(WhenStale::Refuse);
    let first = trust.claims();
    let second = Claims { session_id: Uuid::from_u128(33), ..trust.claims() };
    let (mut stream, _sender) = Watched::open(&trust, &first);
    stream.guard.extender().extend(&trust.token(&second)).await.unwrap();
    trust.revoke_session(first.session_id);
    assert!(stream.is_silent());
    trust.revoke_session(second.session_id);
    assert_eq!(stream.ends(), unauthenticated("TOKEN_REVOKED"));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_not_good_for_it_extends_no_stream_and_ends_none() {
    let trust = TestTrust::new(WhenStale::AcceptSigned);
    let ended = Claims { session_id: Uuid::from_u128(33), ..trust.claims() };
    trust.revoke_session(ended.session_id);
    let expired = Claims { expires_at: trust.claims().issued_at, ..trust.claims() };
    let powerless = Claims { roles: Vec::new(), ..trust.claims() };
    let foreign = Claims { subject: Uuid::from_u128(11), ..trust.claims() };
    let (mut stream, _sender) = Watched::open(&trust, &trust.claims());
    let extender = stream.guard.extender();
    for (claims, refusal) in [
        (ended, Refusal::TokenRevoked),
        (expired, Refusal::TokenExpired),
        (powerless, Refusal::RoleRequired),
        (foreign, Refusal::OtherUser),
    ] {
        assert_eq!(extender.extend(&trust.token(&claims)).await.unwrap_err(), refusal);
        assert!(stream.is_silent());
    }
    assert!(matches!(extender.extend("garbage").await, Err(Refusal::TokenInvalid(_))));
    trust.turn(LIFETIME);
    assert_eq!(stream.ends_in_time().await, "TOKEN_EXPIRED", "as if nothing had been tried");
}

#[tokio::test]
async fn what_the_stream_says_passes_and_its_own_end_is_the_end() {
    let trust = TestTrust::new(WhenStale::Refuse);
    let (mut stream, sender) = Watched::open(&trust, &trust.claims());
    sender.try_send(Ok(7)).unwrap();
    sender.try_send(Err(Status::data_loss("lost"))).unwrap();
    drop(sender);
    assert!(matches!(stream.poll(), Poll::Ready(Some(Ok(7)))));
    assert!(matches!(stream.poll(), Poll::Ready(Some(Err(status))) if status.code() == Code::DataLoss));
    for _ in 0..2 {
        assert!(matches!(stream.poll(), Poll::Ready(None)));
    }
    trust.revoke_session(trust.claims().session_id);
    assert!(matches!(stream.poll(), Poll::Ready(None)), "what is over cannot be ended");
}
