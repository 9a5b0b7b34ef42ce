//! Long streams of the tonic service, which end with their tokens or go on with fresh ones.

use std::time::Duration;

use countersign_examples::pb::notes_service_client::NotesServiceClient;
use countersign_examples::pb::watch_notes_response::Event;
use countersign_examples::pb::{AddNoteRequest, WatchNotesRequest, WatchNotesResponse};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use super::kit::{Kit, refusal, refused};
use crate::harness::Credentials;

/// How long something may take to come before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(30);

struct Watch {
    notes: NotesServiceClient<Channel>,
    tokens: mpsc::Sender<WatchNotesRequest>,
    events: Streaming<WatchNotesResponse>,
}

impl Watch {
    async fn open(kit: &Kit, token: &str) -> Self {
        let notes = kit.notes().await;
        let (tokens, sent) = mpsc::channel(4);
        let request = Credentials::Bearer(token).attach(ReceiverStream::new(sent));
        let events = notes.clone().watch_notes(request).await.unwrap().into_inner();
        Self { notes, tokens, events }
    }

    async fn next(&mut self) -> Result<Event, Status> {
        let event = timeout(PATIENCE, self.events.message()).await.unwrap()?;
        Ok(event.unwrap().event.unwrap())
    }

    /// What becomes of a token that is sent; empty if the stream goes on with it.
    async fn extend(&mut self, token: &str) -> String {
        self.tokens.send(WatchNotesRequest { token: token.to_owned() }).await.unwrap();
        let Event::Extension(extension) = self.next().await.unwrap() else { panic!("a note?") };
        assert_eq!(extension.accepted, extension.reason.is_empty());
        extension.reason
    }

    /// Whether a note arrives that somebody adds now.
    async fn goes_on(&mut self, token: &str) -> bool {
        let message = AddNoteRequest { text: "hello".to_owned() };
        self.notes.add_note(Credentials::Bearer(token).attach(message)).await.unwrap();
        matches!(self.next().await.unwrap(), Event::Note(note) if note.text == "hello")
    }

    async fn end(&mut self) -> (Code, String) {
        refusal(&self.next().await.unwrap_err())
    }
}

fn ended(reason: &str) -> (Code, String) {
    refused(Code::Unauthenticated, reason)
}

#[tokio::test]
async fn a_silent_stream_ends_when_its_user_signs_out() {
    let kit = Kit::start().await;
    let token = kit.token("alice").await;
    let mut watch = Watch::open(&kit, &token).await;
    assert!(watch.goes_on(&token).await);
    kit.sign_out(&token).await;
    assert_eq!(watch.end().await, ended("TOKEN_REVOKED"));
}

/// Otherwise a service that stops would wait for it.
#[tokio::test]
async fn a_silent_stream_ends_when_the_service_closes_its_verifier() {
    let kit = Kit::start().await;
    let token = kit.token("alice").await;
    let mut watch = Watch::open(&kit, &token).await;
    assert!(watch.goes_on(&token).await);
    kit.verifier.clone().close().await;
    assert_eq!(watch.end().await, refused(Code::Unavailable, "TRUST_STALE"));
}

#[tokio::test]
async fn a_stream_ends_with_its_token_unless_it_was_extended_with_a_fresh_one() {
    let kit = Kit::start().await;
    let bystander = kit.token("eve").await;
    let (first, old) = (kit.token("alice").await, kit.token("alice").await);
    let (mut extended, mut left) = (Watch::open(&kit, &first).await, Watch::open(&kit, &old).await);
    kit.server.clock.advance(Duration::from_secs(300));
    let fresh = kit.token("alice").await;
    assert_eq!(extended.extend(&fresh).await, "");
    kit.server.clock.advance(Duration::from_secs(300));
    // Whatever is revoked has the guards look at their tokens again, and at the time.
    kit.sign_out(&bystander).await;
    assert_eq!(left.end().await, ended("TOKEN_EXPIRED"));
    assert!(extended.goes_on(&fresh).await);
    kit.sign_out(&fresh).await;
    assert_eq!(
        extended.end().await,
        ended("TOKEN_REVOKED"),
        "it follows the token that it was extended with"
    );
}

#[tokio::test]
async fn a_token_that_does_not_extend_a_stream_leaves_it_as_it_was() {
    let kit = Kit::start().await;
    let (token, ended_one, eve) =
        (kit.token("alice").await, kit.token("alice").await, kit.token("eve").await);
    kit.sign_out(&ended_one).await;
    let mut watch = Watch::open(&kit, &token).await;
    assert_eq!(watch.extend(&eve).await, "TOKEN_INVALID", "another user's");
    assert_eq!(watch.extend(&ended_one).await, "TOKEN_REVOKED");
    assert_eq!(watch.extend("garbage").await, "TOKEN_INVALID");
    assert!(watch.goes_on(&token).await);
    kit.sign_out(&eve).await;
    assert!(watch.goes_on(&token).await);
    kit.sign_out(&token).await;
    assert_eq!(watch.end().await, ended("TOKEN_REVOKED"));
}
