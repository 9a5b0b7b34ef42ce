//! A TCP proxy that fails when the test says so: it cuts connections, and holds bytes back and lets them go, each way.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long something to hold back may take to come, before its test gives up on it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    ToServer,
    ToClient,
}

pub struct Proxy {
    pub address: SocketAddr,
    state: watch::Sender<State>,
    /// How many times something was held back, each way.
    held: watch::Sender<[u64; 2]>,
    /// How many connections were let through.
    connected: watch::Sender<u64>,
    accepting: JoinHandle<()>,
}

#[derive(Clone, Copy)]
struct State {
    server: SocketAddr,
    /// Whether connections are let through.
    open: bool,
    /// Connections of earlier generations are cut.
    generation: u64,
    holding: [bool; 2],
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

impl Proxy {
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = watch::Sender::new(State { server, open: true, generation: 0, holding: [false; 2] });
        let held = watch::Sender::new([0; 2]);
        let connected = watch::Sender::new(0);
        let accepting = tokio::spawn(accept(listener, state.subscribe(), (held.clone(), connected.clone())));
        Self { address, state, held, connected, accepting }
    }

    /// Ends all connections, and lets no others through.
    pub fn cut(&self) {
        self.state.send_modify(|state| (state.open, state.generation) = (false, state.generation + 1));
    }

    /// Lets connections through again, to this server.
    pub fn mend(&self, server: SocketAddr) {
        self.state.send_modify(|state| {
            *state = State { server, open: true, holding: [false; 2], ..*state };
        });
    }

    /// Ends all connections; the next ones are let through.
    pub fn break_once(&self) {
        self.state.send_modify(|state| state.generation += 1);
    }

    /// Lets nothing through that way, and loses nothing.
    pub fn hold(&self, way: Way) {
        self.state.send_modify(|state| state.holding[way as usize] = true);
    }

    /// Lets go what was held back, and what comes.
    pub fn release(&self, way: Way) {
        self.state.send_modify(|state| state.holding[way as usize] = false);
    }

    /// Waits until something more is held back that way. What comes after it may wait in the system's buffers.
    pub async fn until_held(&self, way: Way) {
        let mut held = self.held.subscribe();
        let before = held.borrow()[way as usize];
        timeout(PATIENCE, held.wait_for(|held| held[way as usize] > before)).await.unwrap().unwrap();
    }

    /// How many connections were let through until now.
    pub fn connections(&self) -> u64 {
        *self.connected.borrow()
    }

    /// Waits until there were more than so many.
    pub async fn until_more_than(&self, connections: u64) {
        let mut connected = self.connected.subscribe();
        timeout(PATIENCE, connected.wait_for(|now| *now > connections)).await.unwrap().unwrap();
    }
}

async fn accept(
    listener: TcpListener,
    state: watch::Receiver<State>,
    (held, connected): (watch::Sender<[u64; 2]>, watch::Sender<u64>),
) {
    while let Ok((client, _)) = listener.accept().await {
        let now = *state.borrow();
        if !now.open {
            continue;
        }
        let Ok(server) = TcpStream::connect(now.server).await else { continue };
        connected.send_modify(|connected| *connected += 1);
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        for (from, to, way) in
            [(from_client, to_server, Way::ToServer), (from_server, to_client, Way::ToClient)]
        {
            let (mut cut, state, held) = (state.clone(), state.clone(), held.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = carry(from, to, way, (state, held)) => {}
                    _ = cut.wait_for(|state| state.generation != now.generation) => {}
                }
            });
        }
    }
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: Way,
    (mut state, held): (watch::Receiver<State>, watch::Sender<[u64; 2]>),
) {
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        if state.borrow().holding[way as usize] {
            held.send_modify(|held| held[way as usize] += 1);
        }
        if state.wait_for(|state| !state.holding[way as usize]).await.is_err()
            || to.write_all(&bytes[..read]).await.is_err()
        {
            return;
        }
    }
}
