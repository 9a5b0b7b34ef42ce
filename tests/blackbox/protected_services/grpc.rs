//! The tonic service: who is let in, and how everybody else is refused.

use countersign_examples::pb::notes_service_client::NotesServiceClient;
use countersign_examples::pb::{AddNoteRequest, ClearNotesRequest, ListNotesRequest};
use tonic::Code;
use tonic::transport::Channel;

use super::kit::{Kit, refusal, refused};
use crate::harness::{Credentials, PASSWORD, raw_unary};

type Answer = Result<(), (Code, String)>;

async fn add(notes: &NotesServiceClient<Channel>, credentials: Credentials<'_>) -> Answer {
    let message = AddNoteRequest { text: "hello".to_owned() };
    let answer = notes.clone().add_note(credentials.attach(message)).await;
    answer.map(|_| ()).map_err(|status| refusal(&status))
}

async fn clear(notes: &NotesServiceClient<Channel>, token: &str) -> Answer {
    let answer = notes.clone().clear_notes(Credentials::Bearer(token).attach(ClearNotesRequest {})).await;
    answer.map(|_| ()).map_err(|status| refusal(&status))
}

/// The authors of the notes, as they are told to this caller.
async fn authors(
    notes: &NotesServiceClient<Channel>,
    credentials: Credentials<'_>,
) -> Result<Vec<String>, (Code, String)> {
    let answer = notes.clone().list_notes(credentials.attach(ListNotesRequest {})).await;
    let notes = answer.map_err(|status| refusal(&status))?.into_inner().notes;
    Ok(notes.into_iter().map(|note| note.author).collect())
}

fn unauthenticated(reason: &str) -> Answer {
    Err(refused(Code::Unauthenticated, reason))
}

#[tokio::test]
async fn a_tonic_service_lets_in_who_brings_a_token_for_it_and_nobody_else() {
    let kit = Kit::start().await;
    let notes = kit.notes().await;
    let token = kit.token("alice").await;
    let countersigns_own = kit.client.sign_in("alice", PASSWORD).await;
    for (credentials, answer) in [
        (Credentials::Bearer(&token), Ok(())),
        (Credentials::Basic(&token, "whatever"), Ok(())),
        (Credentials::None, unauthenticated("CREDENTIALS_MISSING")),
        (Credentials::Raw("Digest x"), unauthenticated("CREDENTIALS_INVALID")),
        (Credentials::Basic("alice", PASSWORD), unauthenticated("CREDENTIALS_INVALID")),
        (Credentials::Bearer("v4.public.garbage"), unauthenticated("TOKEN_INVALID")),
        (Credentials::Bearer(&countersigns_own), unauthenticated("TOKEN_INVALID")),
    ] {
        assert_eq!(add(&notes, credentials.clone()).await, answer, "{credentials:?}");
    }
    assert_eq!(authors(&notes, Credentials::Bearer(&token)).await.unwrap(), ["alice", "alice"]);
}

#[tokio::test]
async fn a_token_that_is_revoked_or_expired_opens_nothing_any_more() {
    let kit = Kit::start().await;
    let notes = kit.notes().await;
    let (first, second) = (kit.token("alice").await, kit.token("alice").await);
    kit.sign_out(&first).await;
    assert_eq!(add(&notes, Credentials::Bearer(&first)).await, unauthenticated("TOKEN_REVOKED"));
    assert_eq!(add(&notes, Credentials::Bearer(&second)).await, Ok(()));
    kit.server.clock.advance(std::time::Duration::from_secs(600));
    assert_eq!(add(&notes, Credentials::Bearer(&second)).await, unauthenticated("TOKEN_EXPIRED"));
}

#[tokio::test]
async fn a_method_that_names_a_role_is_closed_to_those_without_it() {
    let kit = Kit::start().await;
    let notes = kit.notes().await;
    let role_required = Err(refused(Code::PermissionDenied, "ROLE_REQUIRED"));
    assert_eq!(clear(&notes, &kit.token("alice").await).await, role_required);
    assert_eq!(clear(&notes, &kit.token("eve").await).await, Ok(()));
}

#[tokio::test]
async fn a_method_with_optional_credentials_tells_strangers_less_and_refuses_bad_tokens() {
    let kit = Kit::start().await;
    let notes = kit.notes().await;
    let token = kit.token("alice").await;
    add(&notes, Credentials::Bearer(&token)).await.unwrap();
    assert_eq!(authors(&notes, Credentials::None).await.unwrap(), [""]);
    assert_eq!(authors(&notes, Credentials::Bearer(&token)).await.unwrap(), ["alice"]);
    kit.sign_out(&token).await;
    let revoked = Err(refused(Code::Unauthenticated, "TOKEN_REVOKED"));
    assert_eq!(authors(&notes, Credentials::Bearer(&token)).await, revoked);
}

#[tokio::test]
async fn health_is_open_and_what_has_no_rule_is_unknown_even_with_a_token() {
    let kit = Kit::start().await;
    let address = kit.serve_notes().await;
    let bearer = format!("Bearer {}", kit.token("alice").await);
    let call = async |path| raw_unary(address, path, &[("authorization", &bearer)], &()).await;
    raw_unary(address, "/grpc.health.v1.Health/Check", &[], &()).await.unwrap();
    call("/notes.v1.NotesService/ListNotes").await.unwrap();
    for path in
        ["/notes.v1.NotesService/ListNotes?x", "/notes.v1.NotesService/Absent", "/other.Service/Method"]
    {
        let status = call(path).await.unwrap_err();
        assert_eq!(refusal(&status), refused(Code::Unimplemented, "METHOD_UNKNOWN"), "{path}");
    }
}
