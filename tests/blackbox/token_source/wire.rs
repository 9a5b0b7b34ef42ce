//! A wire between a client and a server that breaks when the test says so.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Sound,
    /// What the server answers is lost, what the client sends arrives.
    Swallowing,
    Cut,
}

/// The state of a wire; a connection ends when the mending after it is another one.
type State = (u32, Mode);

pub(super) struct Wire {
    pub(super) address: SocketAddr,
    state: watch::Sender<State>,
}

impl Wire {
    pub(super) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (state, connections) = watch::channel((0, Mode::Sound));
        tokio::spawn(run(listener, server, connections));
        Self { address, state }
    }

    /// From now on answers are lost.
    pub(super) fn swallow(&self) {
        self.state.send_modify(|(_, mode)| *mode = Mode::Swallowing);
    }

    /// Ends all connections, and takes no others.
    pub(super) fn cut(&self) {
        self.state.send_modify(|(mending, mode)| (*mending, *mode) = (*mending + 1, Mode::Cut));
    }

    /// Ends all connections; the next ones are sound.
    pub(super) fn mend(&self) {
        self.state.send_modify(|(mending, mode)| (*mending, *mode) = (*mending + 1, Mode::Sound));
    }
}

async fn run(listener: TcpListener, server: SocketAddr, state: watch::Receiver<State>) {
    while let Ok((client, _)) = listener.accept().await {
        let (mending, mode) = *state.borrow();
        if mode == Mode::Cut {
            continue;
        }
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = TcpStream::connect(server).await.unwrap().into_split();
        tokio::spawn(carry(from_client, to_server, state.clone(), (mending, false)));
        tokio::spawn(carry(from_server, to_client, state.clone(), (mending, true)));
    }
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: watch::Receiver<State>,
    (mending, answers): (u32, bool),
) {
    let mut ended = state.clone();
    let carrying = async {
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut bytes).await {
            let lost = answers && state.borrow().1 == Mode::Swallowing;
            if !lost && to.write_all(&bytes[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = carrying => {}
        _ = ended.wait_for(|(now, _)| *now != mending) => {}
    }
}
