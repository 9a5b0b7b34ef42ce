//! A TCP proxy that fails when the test says so: it cuts connections, holds bytes back and lets them go, each way, and loses
//! connections, on which then nothing is carried and nobody hangs up, as when a machine vanished behind them.

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
    /// Connections up to this number are lost, also when others are let through again.
    lost: u64,
    /// Whether all are that come.
    losing: bool,
}

impl State {
    fn has_lost(&self, connection: u64) -> bool {
        self.losing || connection <= self.lost
    }
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
        let state = watch::Sender::new(State {
            server,
            open: true,
            generation: 0,
            holding: [false; 2],
            lost: 0,
            losing: false,
        });
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
            *state = State { server, open: true, holding: [false; 2], losing: false, ..*state };
        });
    }

    /// Ends all connections; the next ones are let through.
    pub fn break_once(&self) {
        self.state.send_modify(|state| state.generation += 1);
    }

    /// Loses the connections that there are. The next ones are let through.
    pub fn lose_connections(&self) {
        let last = self.connections();
        self.state.send_modify(|state| state.lost = last);
    }

    /// Loses the connections that there are, and all that come until it is mended: they are accepted and never answered.
    pub fn lose_everything(&self) {
        self.state.send_modify(|state| state.losing = true);
        self.lose_connections();
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
        connected.send_modify(|connected| *connected += 1);
        let number = *connected.borrow();
        let (state, held) = (state.clone(), held.clone());
        tokio::spawn(async move {
            let mut cut = state.clone();
            tokio::select! {
                () = connect(client, number, (state, held)) => {}
                _ = cut.wait_for(|state| state.generation != now.generation) => {}
            }
        });
    }
}

/// Carries both ways of a connection until it ends.
async fn connect(
    client: TcpStream,
    number: u64,
    (state, held): (watch::Receiver<State>, watch::Sender<[u64; 2]>),
) {
    let now = *state.borrow();
    if now.has_lost(number) {
        return std::future::pending().await;
    }
    let Ok(server) = TcpStream::connect(now.server).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let up = carry((from_client, to_server), Way::ToServer, number, (state.clone(), held.clone()));
    let down = carry((from_server, to_client), Way::ToClient, number, (state, held));
    tokio::join!(up, down);
}

async fn carry(
    (mut from, mut to): (OwnedReadHalf, OwnedWriteHalf),
    way: Way,
    number: u64,
    (mut state, held): (watch::Receiver<State>, watch::Sender<[u64; 2]>),
) {
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        if state.borrow().holding[way as usize] {
            held.send_modify(|held| held[way as usize] += 1);
        }
        let lets_go = |state: &State| !state.holding[way as usize] && !state.has_lost(number);
        if state.wait_for(lets_go).await.is_err() || to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
    // Who is lost does not hear of an end either.
    let _mended_or_gone = state.wait_for(|state| !state.has_lost(number)).await;
}
