//! What may be kept by whom.

use super::ask::Ask;
use crate::harness::TestServer;

#[tokio::test]
async fn the_key_set_may_be_kept_for_half_of_its_lead_and_asked_after_by_its_tag() {
    let server = TestServer::start().await;
    let keys = Ask::get("/v1/keys").send(server.address).await;
    assert_eq!(keys.ok()["maxAge"], "300s");
    assert_eq!(keys.header("cache-control"), Some("public, max-age=300"));
    let tag = keys.header("etag").unwrap().to_owned();
    for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
        let again = Ask::get("/v1/keys").header("if-none-match", &known).send(server.address).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{known}");
        assert_eq!(
            (again.header("etag"), again.header("cache-control")),
            (Some(&*tag), keys.header("cache-control"))
        );
    }

    server.admin("root").await.rotate_key().await.unwrap();
    let changed = Ask::get("/v1/keys").header("if-none-match", &tag).send(server.address).await;
    assert_ne!(changed.ok(), keys.ok());
    assert_ne!(changed.header("etag"), Some(&*tag));
}
