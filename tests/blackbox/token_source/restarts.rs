//! Sessions that outlive the process, and the order in which they are saved and spent.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use countersign_client::{
    SavedSession, SessionFile, SessionStore, StartError, TokenError, TokenSource, TokenSourceBuilder,
};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::kit::{Kit, PATIENCE, refused};
use crate::harness::{Credentials, PASSWORD};

/// A store that fails when the test says so.
#[derive(Clone, Default)]
struct Disk(Arc<State>);

#[derive(Default)]
struct State {
    text: Mutex<Option<String>>,
    is_full: AtomicBool,
    attempts: AtomicUsize,
    /// Its other end hears of the drop.
    _held: Option<oneshot::Sender<()>>,
}

impl SessionStore for Disk {
    fn load(&self) -> io::Result<Option<SavedSession>> {
        Ok(self.0.text.lock().unwrap().as_deref().map(|text| SavedSession::parse(text).unwrap()))
    }

    fn save(&self, session: &SavedSession) -> io::Result<()> {
        self.0.attempts.fetch_add(1, Ordering::SeqCst);
        if self.0.is_full.load(Ordering::SeqCst) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        *self.0.text.lock().unwrap() = Some(session.to_text().to_string());
        Ok(())
    }

    fn remove(&self) -> io::Result<()> {
        *self.0.text.lock().unwrap() = None;
        Ok(())
    }
}

async fn started(builder: TokenSourceBuilder) -> TokenSource {
    let source = builder.start().await.unwrap();
    source.token().await.unwrap();
    source
}

#[tokio::test]
async fn a_restart_goes_on_with_the_saved_session() {
    let kit = Kit::start().await;
    let folder = TempDir::new().unwrap();
    let file = SessionFile::new(folder.path().join("session"));
    let alice = || kit.builder().store(file.clone());
    drop(started(alice().password("alice", PASSWORD)).await);
    let second = started(alice().password("alice", PASSWORD)).await;
    second.replace(&second.token().await.unwrap()).await.unwrap();
    drop(second);
    // The file is enough.
    kit.greet(&started(alice()).await).await.unwrap();
    assert_eq!((kit.sessions().await, kit.generations().await, kit.thefts().await), (1, 4, 0));
}

#[tokio::test]
async fn a_process_that_dies_in_the_middle_of_a_refresh_goes_on_after_a_restart() {
    let kit = Kit::start().await;
    let disk = Disk::default();
    let first = started(kit.builder().password("alice", PASSWORD).store(disk.clone())).await;
    kit.wire.swallow();
    let asking = tokio::spawn(async move { first.replace(&first.token().await.unwrap()).await });
    kit.spent(2).await;
    asking.abort();
    kit.wire.mend();
    let second = started(kit.builder().store(disk)).await;
    kit.greet(&second).await.unwrap();
    second.replace(&second.token().await.unwrap()).await.unwrap();
    assert_eq!((kit.sessions().await, kit.generations().await, kit.thefts().await), (1, 3, 0));
}

#[tokio::test]
async fn nothing_is_spent_that_could_not_be_saved() {
    let kit = Kit::start().await;
    let disk = Disk::default();
    let source = started(kit.builder().password("alice", PASSWORD).store(disk.clone())).await;
    disk.0.is_full.store(true, Ordering::SeqCst);
    // This one was saved, and may be spent; its successor may not.
    let second = source.replace(&source.token().await.unwrap()).await.unwrap();
    let trouble = source.trouble().unwrap();
    assert!(matches!(&trouble, TokenError::Store(error) if error.kind() == io::ErrorKind::StorageFull));
    kit.greet(&source).await.unwrap();
    let asking = tokio::spawn({
        let (source, second) = (source.clone(), second.clone());
        async move { source.replace(&second).await }
    });
    // One attempt was the first token's, one its successor's; the next ones were made before that could be spent.
    let tried = async {
        while disk.0.attempts.load(Ordering::SeqCst) < 4 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, tried).await.unwrap();
    // A process that starts now from what was saved is nobody's thief.
    let restarted = started(kit.builder().store(Disk(Arc::new(State {
        text: Mutex::new(disk.0.text.lock().unwrap().clone()),
        ..State::default()
    }))));
    drop(restarted.await);
    assert_eq!((kit.sessions().await, kit.generations().await, kit.thefts().await), (1, 2, 0));
    disk.0.is_full.store(false, Ordering::SeqCst);
    asking.await.unwrap().unwrap();
    assert!(source.trouble().is_none());
    assert_eq!((kit.sessions().await, kit.generations().await, kit.thefts().await), (1, 3, 0));
}

#[tokio::test]
async fn a_session_that_was_opened_elsewhere_is_carried_on() {
    let kit = Kit::start().await;
    let opened = kit.client.open("alice", PASSWORD).await;
    let session = || SavedSession::new(opened.refresh_token.clone(), vec![7; 16]).unwrap();
    let disk = Disk::default();
    drop(started(kit.builder().session(session()).store(disk.clone())).await);
    // Given again at the next start, it is spent already; the store knows better.
    kit.greet(&started(kit.builder().session(session()).store(disk)).await).await.unwrap();
    assert_eq!((kit.sessions().await, kit.generations().await, kit.thefts().await), (1, 3, 0));
}

#[tokio::test]
async fn without_a_password_the_end_of_the_session_goes_up_and_is_forgotten_by_the_store() {
    let kit = Kit::start().await;
    let disk = Disk::default();
    let opened = kit.client.open("alice", PASSWORD).await;
    let session = SavedSession::new(opened.refresh_token, vec![7; 16]).unwrap();
    let source = started(kit.builder().session(session).store(disk.clone())).await;
    kit.admin.disable_user(&kit.alice).await.unwrap();
    let token = source.token().await.unwrap();
    assert_eq!(refused(source.replace(&token).await.unwrap_err()), "TOKEN_REVOKED");
    assert_eq!(refused(source.token().await.unwrap_err()), "TOKEN_REVOKED");
    let refused = kit.builder().store(disk).start().await.unwrap_err();
    assert!(matches!(refused, StartError::CredentialsMissing), "{refused:?}");
}

#[tokio::test]
async fn nobody_goes_on_as_the_user_of_before() {
    let kit = Kit::start().await;
    kit.client.create_user("bob", PASSWORD).await.unwrap();
    let disk = Disk::default();
    drop(started(kit.builder().password("alice", PASSWORD).store(disk.clone())).await);
    let source = started(kit.builder().password("bob", PASSWORD).store(disk)).await;
    assert_eq!(kit.greet(&source).await.unwrap().message, "Hello, bob!");
}

#[tokio::test]
async fn dropping_the_last_handle_ends_the_background_task() {
    let kit = Kit::start().await;
    let (held, released) = oneshot::channel();
    let disk = Disk(Arc::new(State { _held: Some(held), ..State::default() }));
    let source = started(kit.builder().password("alice", PASSWORD).store(disk)).await;
    let (clone, interceptor) = (source.clone(), source.interceptor());
    drop(source);
    clone.replace(&clone.token().await.unwrap()).await.unwrap();
    drop(clone);
    drop(interceptor);
    tokio::time::timeout(PATIENCE, released).await.unwrap().unwrap_err();
    // The session is not over, for nobody has signed out.
    let other = kit.client.open("alice", PASSWORD).await;
    let live = kit.client.list_sessions(Credentials::Bearer(&other.token), "").await.unwrap();
    assert_eq!(live.len(), 2);
}
