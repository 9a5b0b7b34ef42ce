//! Refreshes whose answers are lost, and callers who leave: the session goes on, and nobody is taken for a thief.

use countersign::store::Fault;

use super::kit::Kit;

#[tokio::test]
async fn a_refresh_whose_answer_is_lost_goes_on_with_the_same_key() {
    let kit = Kit::start().await;
    let source = kit.source().await;
    kit.set_roles(&["billing"]).await;
    kit.wire.swallow();
    let asking = tokio::spawn({
        let source = source.clone();
        async move { source.replace(&source.token().await.unwrap()).await }
    });
    kit.spent(2).await;
    kit.wire.mend();
    asking.await.unwrap().unwrap();
    assert_eq!(kit.roles(&source).await, ["billing"]);
    assert_eq!((kit.generations().await, kit.thefts().await, kit.sessions().await), (2, 0, 1));
    // What was received in the end is what the server knows.
    kit.set_roles(&["audit"]).await;
    assert_eq!(kit.roles(&source).await, ["audit"]);
    assert_eq!((kit.generations().await, kit.thefts().await, kit.sessions().await), (3, 0, 1));
}

#[tokio::test]
async fn a_refresh_that_the_server_itself_knows_nothing_about_goes_on_too() {
    let kit = Kit::start().await;
    let source = kit.source().await;
    for (generation, fault) in [(2, Fault::AfterCommit), (3, Fault::BeforeCommit)] {
        kit.server.config.store.faults.plan([Some(fault)]);
        source.replace(&source.token().await.unwrap()).await.unwrap();
        kit.greet(&source).await.unwrap();
        assert_eq!((kit.generations().await, kit.thefts().await), (generation, 0), "{fault:?}");
    }
    assert_eq!(kit.sessions().await, 1);
}

#[tokio::test]
async fn a_caller_that_leaves_takes_no_refresh_token_along() {
    let kit = Kit::start().await;
    let source = kit.source().await;
    kit.set_roles(&["billing"]).await;
    kit.wire.swallow();
    let asking = tokio::spawn({
        let source = source.clone();
        async move { source.replace(&source.token().await.unwrap()).await }
    });
    kit.spent(2).await;
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    kit.wire.mend();
    assert_eq!(kit.roles(&source).await, ["billing"]);
    assert_eq!((kit.generations().await, kit.thefts().await, kit.sessions().await), (2, 0, 1));
}
