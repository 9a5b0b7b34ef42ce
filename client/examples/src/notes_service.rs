//! The gRPC service. Who may call what stands in its proto, and an `AuthLayer` holds callers to it.

use countersign_client::{Caller, Refusal, StreamExtender, StreamGuard, Verifier};
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::Board;
use crate::pb;
use crate::pb::notes_service_server::NotesService;
use crate::pb::watch_notes_response::Event;

type Watched = Result<pb::WatchNotesResponse, Status>;

/// The service; its verifier watches over open streams.
pub struct Notes {
    board: Board,
    verifier: Verifier,
}

impl Notes {
    /// Serves a board.
    #[must_use]
    pub fn new(board: Board, verifier: Verifier) -> Self {
        Self { board, verifier }
    }
}

/// Who calls, where the method's rule demands to know.
fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    request.extensions().get().cloned().ok_or_else(|| Refusal::CredentialsMissing.into())
}

#[tonic::async_trait]
impl NotesService for Notes {
    async fn list_notes(
        &self,
        request: Request<pb::ListNotesRequest>,
    ) -> Result<Response<pb::ListNotesResponse>, Status> {
        let mut notes = self.board.notes();
        if request.extensions().get::<Caller>().is_none() {
            notes.iter_mut().for_each(|note| note.author.clear());
        }
        Ok(Response::new(pb::ListNotesResponse { notes }))
    }

    async fn add_note(
        &self,
        request: Request<pb::AddNoteRequest>,
    ) -> Result<Response<pb::AddNoteResponse>, Status> {
        let caller = caller(&request)?;
        self.board.add(caller.username(), request.into_inner().text);
        Ok(Response::new(pb::AddNoteResponse {}))
    }

    async fn clear_notes(
        &self,
        _: Request<pb::ClearNotesRequest>,
    ) -> Result<Response<pb::ClearNotesResponse>, Status> {
        self.board.clear();
        Ok(Response::new(pb::ClearNotesResponse {}))
    }

    type WatchNotesStream = StreamGuard<ReceiverStream<Watched>>;

    async fn watch_notes(
        &self,
        request: Request<Streaming<pb::WatchNotesRequest>>,
    ) -> Result<Response<Self::WatchNotesStream>, Status> {
        let caller = caller(&request)?;
        let (events, stream) = mpsc::channel(1);
        let stream = StreamGuard::new(ReceiverStream::new(stream), &self.verifier, caller);
        let tokens = Tokens { sent: request.into_inner(), extender: stream.extender() };
        tokio::spawn(tell(self.board.watch(), tokens, events));
        Ok(Response::new(stream))
    }
}

/// Fresh tokens that the client sends, and what carries the stream on with them.
struct Tokens {
    sent: Streaming<pb::WatchNotesRequest>,
    extender: StreamExtender,
}

impl Tokens {
    async fn extend(&self, token: &str) -> pb::Extension {
        match self.extender.extend(token).await {
            Ok(_) => pb::Extension { accepted: true, reason: String::new() },
            Err(refusal) => pb::Extension { accepted: false, reason: refusal.reason().to_owned() },
        }
    }
}

/// Runs until the stream is dropped, which its guard does when the token's time is over.
async fn tell(mut notes: broadcast::Receiver<pb::Note>, mut tokens: Tokens, events: mpsc::Sender<Watched>) {
    loop {
        let event = tokio::select! {
            Ok(note) = notes.recv() => Event::Note(note),
            Ok(Some(fresh)) = tokens.sent.message() => Event::Extension(tokens.extend(&fresh.token).await),
            () = events.closed() => return,
        };
        if events.send(Ok(pb::WatchNotesResponse { event: Some(event) })).await.is_err() {
            return;
        }
    }
}
