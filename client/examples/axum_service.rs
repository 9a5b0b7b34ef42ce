//! An axum service behind Countersign: every request needs a token, and may come with a role.
//!
//! ```text
//! countersign user create --username notes --role verifier
//! countersign user create --username alice
//! countersign --audiences countersign,notes &
//! NOTES_PASSWORD=… cargo run -p countersign-examples --example axum_service &
//! TOKEN=$(countersign token issue --username alice --audience notes)
//! curl -H "Authorization: Bearer $TOKEN" -d hello http://127.0.0.1:8080/notes
//! curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/notes
//! ```

use std::error::Error;

use countersign_client::{AuthLayer, ServerEndpoint, Verifier};
use countersign_examples::{Board, pages, stop_signal};
use tokio::net::TcpListener;

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "an example has no settings but this one")]
async fn main() -> Result<(), Box<dyn Error>> {
    let password = std::env::var("NOTES_PASSWORD")?;

    let server = ServerEndpoint::parse("http://127.0.0.1:50051")?;
    let verifier = Verifier::builder(server, "notes").password("notes", &password)?.connect().await?;
    let notes = pages(Board::new()).layer(AuthLayer::new(verifier.clone()));

    let socket = TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(socket, notes).with_graceful_shutdown(stop_signal()).await?;
    verifier.close().await;
    Ok(())
}
