//! A tonic service behind Countersign: its proto says who may call what.
//!
//! ```text
//! countersign user create --username notes --role verifier
//! countersign user create --username alice --role editor
//! countersign --audiences countersign,notes &
//! NOTES_PASSWORD=… cargo run -p countersign-examples --example tonic_service &
//! TOKEN=$(countersign token issue --username alice --audience notes)
//! grpcurl -plaintext -import-path client/examples/proto -proto notes/v1/notes_service.proto \
//!     -H "authorization: Bearer $TOKEN" -d '{"text":"hello"}' 127.0.0.1:50061 notes.v1.NotesService/AddNote
//! ```

use std::error::Error;

use countersign_client::{AccessTable, AuthLayer, ServerEndpoint, Verifier};
use countersign_examples::pb::notes_service_server::{NotesServiceServer, SERVICE_NAME};
use countersign_examples::{Board, Notes, pb, stop_signal};
use tonic::transport::Server;

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "an example has no settings but this one")]
async fn main() -> Result<(), Box<dyn Error>> {
    let password = std::env::var("NOTES_PASSWORD")?;

    let server = ServerEndpoint::parse("http://127.0.0.1:50051")?;
    let verifier = Verifier::builder(server, "notes").password("notes", &password)?.connect().await?;
    let rules = AccessTable::parse(pb::DESCRIPTOR_SET, &[SERVICE_NAME])?;
    let auth = AuthLayer::with_rules(verifier.clone(), rules)?;

    let notes = NotesServiceServer::new(Notes::new(Board::new(), verifier.clone()));
    let server = Server::builder().layer(auth).add_service(notes);
    let stop = async {
        stop_signal().await;
        // Says goodbye, and ends the open streams, for which the stop would wait.
        verifier.close().await;
    };
    server.serve_with_shutdown("127.0.0.1:50061".parse()?, stop).await?;
    Ok(())
}
