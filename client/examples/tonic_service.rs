//! A tonic service behind Countersign: its proto says who may call what.
//!
//! ```text
//! countersign user create --username notes --role verifier
//! countersign --audiences countersign,notes
//! NOTES_PASSWORD=… cargo run -p countersign-examples --example tonic_service
//! ```

use std::error::Error;

use countersign_client::{AccessTable, AuthLayer, ServerEndpoint, Verifier};
use countersign_examples::pb::notes_service_server::{NotesServiceServer, SERVICE_NAME};
use countersign_examples::{Board, Notes, pb};
use tonic::transport::Server;

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "an example has no settings but this one")]
async fn main() -> Result<(), Box<dyn Error>> {
    let password = std::env::var("NOTES_PASSWORD")?;

    let server = ServerEndpoint::parse("http://127.0.0.1:50051")?;
    let verifier = Verifier::builder(server, "notes").password("notes", &password)?.connect().await?;
    let rules = AccessTable::parse(pb::DESCRIPTOR_SET, &[SERVICE_NAME])?;
    let auth = AuthLayer::with_rules(verifier.clone(), rules)?;

    let notes = NotesServiceServer::new(Notes::new(Board::new(), verifier));
    Server::builder().layer(auth).add_service(notes).serve("127.0.0.1:50061".parse()?).await?;
    Ok(())
}
