//! What a source shows of itself: no password, no token, no key.

use countersign_client::{SavedSession, ServerEndpoint};

use super::kit::Kit;
use crate::harness::PASSWORD;

#[tokio::test]
async fn secrets_are_never_shown() {
    let kit = Kit::start().await;
    let source = kit.source().await;
    let token = source.token().await.unwrap();
    let opened = kit.client.open("alice", PASSWORD).await;
    let session = SavedSession::new(opened.refresh_token.clone(), b"0123456789abcdef".to_vec()).unwrap();
    let mut shown = vec![
        format!("{source:?}"),
        format!("{:?}", source.interceptor()),
        format!("{token:?}"),
        format!("{:?}", token.request(())),
        format!("{session:?}"),
        format!("{:?}", kit.builder().password("alice", PASSWORD).session(session)),
    ];
    // Errors, too: of an address with a password in it, and of a refused one.
    shown.push(ServerEndpoint::parse(&format!("http://alice:{PASSWORD}@localhost")).unwrap_err().to_string());
    let wrong = kit.builder().password("alice", "wrong horse battery").start().await.unwrap();
    let refused = wrong.token().await.unwrap_err();
    shown.extend([format!("{refused}"), format!("{refused:?}"), format!("{wrong:?}")]);
    for shown in shown {
        for secret in ["horse", "v4.public", "csr_", "0123456789abcdef", "MDEyMzQ", token.text()] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
