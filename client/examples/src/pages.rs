//! The same board over HTTP, in plain text. Who calls stands in the extensions of each request.

use axum::routing::get;
use axum::{Extension, Router, extract::State};
use countersign_client::Caller;

use crate::Board;

/// `GET /notes` lists them, `POST /notes` adds one.
pub fn pages(board: Board) -> Router {
    Router::new().route("/notes", get(list).post(add)).with_state(board)
}

async fn list(State(board): State<Board>) -> String {
    board.notes().iter().map(|note| format!("{}: {}\n", note.author, note.text)).collect()
}

async fn add(State(board): State<Board>, Extension(caller): Extension<Caller>, text: String) -> String {
    board.add(caller.username(), text);
    format!("thank you, {}\n", caller.username())
}
