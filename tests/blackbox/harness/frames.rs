//! HTTP/2 a frame at a time, for what no library lets one send or see.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The kinds of frames that tests look at (RFC 9113, section 6), and their flags.
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const END_STREAM: u8 = 1;
const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// The largest frame that everybody takes.
const MAX_FRAME: usize = 16 << 10;

/// A frame that came.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub payload: Vec<u8>,
}

impl Frame {
    /// Whether it is the last of its stream.
    pub fn ends_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }
}

/// A connection that has said its preface, and on which what the server has set holds.
pub struct Frames(TcpStream);

impl Frames {
    pub async fn open(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat();
        stream.write_all(&preface).await.unwrap();
        let mut frames = Self(stream);
        frames.up_to(|frame| frame.kind == SETTINGS && frame.flags & ACK == 0).await;
        frames.send(SETTINGS, ACK, 0, &[]).await;
        frames
    }

    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.0.write_all(&frame(kind, flags, stream, payload)).await.unwrap();
    }

    /// The headers of a request on stream 1.
    pub async fn ask(&mut self, headers: &[(&str, &str)]) {
        self.ask_on(1, headers).await;
    }

    /// The headers of a request.
    pub async fn ask_on(&mut self, stream: u32, headers: &[(&str, &str)]) {
        let block: Vec<u8> = headers.iter().flat_map(|(name, value)| literal(name, value)).collect();
        self.send(HEADERS, END_HEADERS, stream, &block).await;
    }

    /// The body of that request, and its end.
    pub async fn finish(&mut self, body: &[u8]) {
        for piece in body.chunks(MAX_FRAME) {
            self.send(DATA, 0, 1, piece).await;
        }
        self.send(DATA, END_STREAM, 1, &[]).await;
    }

    /// The next frame; `None` at the connection's end.
    pub async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).await.unwrap();
        Some(Frame { kind: head[3], flags: head[4], payload })
    }

    /// The frames up to one that is looked for.
    pub async fn up_to(&mut self, last: impl Fn(&Frame) -> bool) -> Vec<Frame> {
        let mut frames = Vec::new();
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("the connection ended after {frames:?}"));
            let found = last(&frame);
            frames.push(frame);
            if found {
                return frames;
            }
        }
    }

    /// What the server sends before it has answered a ping.
    pub async fn up_to_now(&mut self) -> Vec<Frame> {
        self.send(PING, 0, 0, b"test now").await;
        self.up_to(|frame| frame.kind == PING && frame.payload == b"test now").await
    }
}

/// A literal header field that is never indexed, without Huffman coding (RFC 7541, section 6.2.2).
fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        assert!(text.len() < 127 * 2);
        match u8::try_from(text.len()).unwrap() {
            short @ 0..=126 => field.push(short),
            long => field.extend([127, long - 127]),
        }
        field.extend(text.bytes());
    }
    field
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}
