//! The axum service: the same refusals, over HTTP.

use countersign_client::AuthLayer;

use super::kit::{Kit, ask};
use crate::harness::{PASSWORD, basic_header};

#[tokio::test]
async fn an_axum_service_lets_in_who_brings_a_token_for_it_and_nobody_else() {
    let kit = Kit::start().await;
    let address = kit.pages(AuthLayer::new(kit.verifier.clone())).await;
    let token = kit.token("alice").await;
    for authorization in [format!("Bearer {token}"), basic_header(&token, "whatever")] {
        let page = ask(address, "POST", &authorization, "hello").await;
        assert_eq!((page.status(), page.body.as_str()), (200, "thank you, alice\n"));
    }
    let countersigns_own = kit.client.sign_in("alice", PASSWORD).await;
    for (authorization, reason) in [
        (String::new(), "CREDENTIALS_MISSING"),
        ("Digest x".to_owned(), "CREDENTIALS_INVALID"),
        (basic_header("alice", PASSWORD), "CREDENTIALS_INVALID"),
        ("Bearer garbage".to_owned(), "TOKEN_INVALID"),
        (format!("Bearer {countersigns_own}"), "TOKEN_INVALID"),
    ] {
        let page = ask(address, "POST", &authorization, "hello").await;
        assert_eq!((page.status(), page.reason().as_str()), (401, reason));
        assert!(page.head.contains("\r\nwww-authenticate: bearer"), "{}", page.head);
        assert!(page.head.contains("\r\ncontent-type: application/json"), "{}", page.head);
    }
    let page = ask(address, "GET", &format!("Bearer {token}"), "").await;
    assert_eq!(page.body, "alice: hello\nalice: hello\n", "what was refused added nothing");
}

#[tokio::test]
async fn a_revoked_token_and_a_missing_role_are_told_apart() {
    let kit = Kit::start().await;
    let address = kit.pages(AuthLayer::new(kit.verifier.clone()).require_role("editor")).await;
    let (alice, eve) = (kit.token("alice").await, kit.token("eve").await);
    let page = ask(address, "GET", &format!("Bearer {alice}"), "").await;
    assert_eq!((page.status(), page.reason().as_str()), (403, "ROLE_REQUIRED"));
    assert!(!page.head.contains("www-authenticate"), "who is known is not asked who it is");
    assert_eq!(ask(address, "GET", &format!("Bearer {eve}"), "").await.status(), 200);
    kit.sign_out(&eve).await;
    let page = ask(address, "GET", &format!("Bearer {eve}"), "").await;
    assert_eq!((page.status(), page.reason().as_str()), (401, "TOKEN_REVOKED"));
}
