//! Answers that are there before their request has come whole. A client that is told to stop while it still sends may throw the
//! answer away, as curl 7.88 does.

use std::process::Command;
use std::time::Duration;

use tokio::time::timeout;

use crate::harness::frames::{DATA, END_STREAM, Frame, Frames, HEADERS, RST_STREAM};
use crate::harness::{Binary, TestServer, run, tool};

const PATIENCE: Duration = Duration::from_secs(60);

/// The verb, the path, headers, and the length of what is sent.
type Request = (&'static str, &'static str, &'static [(&'static str, &'static str)], usize);

/// What is refused without its body.
const REFUSED: [Request; 9] = [
    ("POST", "/v1/nothing", &[], 10),
    ("POST", "/v1/users", &[("content-type", "application/json"), ("origin", "https://evil.example")], 10),
    ("POST", "/v1/users", &[("content-type", "text/plain")], 10),
    ("POST", "/v1/users", &[("content-type", "application/json")], 70_000),
    ("POST", "/v1/sessions:revokeAll", &[("content-type", "application/json")], 10),
    ("POST", "/v1/greet", &[("content-type", "application/json")], 10),
    ("POST", "/", &[], 10),
    ("POST", "/auth.v1.AuthService/Greet", &[("content-type", "application/grpc-web+proto")], 10),
    ("POST", "/auth.v1.AuthService/Greet", &[("content-type", "application/grpc-web+json")], 10),
];

/// Sends the headers of a request, and gives them the time of a ping.
async fn ask(server: &TestServer, (verb, path, more, length): Request) -> Frames {
    let (authority, length) = (server.address.to_string(), length.to_string());
    let mut headers =
        vec![(":method", verb), (":scheme", "http"), (":path", path), (":authority", &*authority)];
    headers.extend(more);
    headers.push(("content-length", &length));
    let mut frames = Frames::open(server.address).await;
    frames.ask(&headers).await;
    let before = frames.up_to_now().await;
    let about_it = |frame: &Frame| matches!(frame.kind, HEADERS | DATA | RST_STREAM);
    assert!(!before.iter().any(about_it), "{path} {more:?}: {before:?}");
    frames
}

#[tokio::test]
async fn over_http_2_nobody_is_told_to_stop_who_ends_its_request_in_time() {
    let server = TestServer::start().await;
    for request in REFUSED {
        let mut frames = ask(&server, request).await;
        frames.finish(&vec![b'x'; request.3]).await;
        let mut after = frames.up_to(|frame| frame.ends_stream() || frame.kind == RST_STREAM).await;
        after.extend(frames.up_to_now().await);
        assert!(!after.iter().any(|frame| frame.kind == RST_STREAM), "{request:?}: {after:?}");
    }
}

#[tokio::test]
async fn over_http_2_nobody_is_waited_for_who_never_ends_its_request() {
    let server = TestServer::start().await;
    let native: Request = ("POST", "/auth.v1.AuthService/Greet", &[("content-type", "application/grpc")], 10);
    for request in REFUSED.into_iter().chain([native]) {
        let mut frames = ask(&server, request).await;
        timeout(PATIENCE, frames.up_to(Frame::ends_stream)).await.expect("it was waited for");
    }
}

/// Some clients send headers and message apart, as tonic's does, and other calls run on the same connection: a gateway's, say.
/// h2 remembers a few streams that were reset, counts the others of which something comes, and closes the connection at a
/// thousand.
#[tokio::test]
async fn refusals_of_native_grpc_cost_nobody_the_connection() {
    let server = TestServer::start().await;
    let authority = server.address.to_string();
    let headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/auth.v1.AuthService/Greet"),
        (":authority", &*authority),
        ("content-type", "application/grpc"),
    ];
    let mut frames = Frames::open(server.address).await;
    let streams: Vec<u32> = (1..4_000).step_by(2).collect();
    for at_once in streams.chunks(60) {
        for stream in at_once {
            frames.ask_on(*stream, &headers).await;
        }
        let mut came = frames.up_to_now().await;
        for stream in at_once {
            frames.send(DATA, END_STREAM, *stream, &[0; 5]).await;
        }
        while came.iter().filter(|frame| frame.ends_stream()).count() < at_once.len() {
            came.extend(frames.up_to(Frame::ends_stream).await);
        }
    }
}

#[test]
fn curl_loses_no_refusal_over_http_2() {
    let Some(curl) = tool("curl") else { return };
    let server = Binary::start(&[]);
    for (verb, path, more, length) in REFUSED {
        let answers: Vec<String> = (0..20)
            .map(|_| {
                let mut command = Command::new(&curl);
                command.args(["-sS", "--http2-prior-knowledge", "-o", "-", "-w", "%{http_code}", "-X", verb]);
                command.args(["-H", "content-type:", "--data-binary", "@-"]);
                for (name, value) in more {
                    command.args(["-H", &format!("{name}: {value}")]);
                }
                command.arg(format!("http://{}{path}", server.address));
                let output = run(&mut command, &"x".repeat(length.max(30_000)));
                let complaint = String::from_utf8_lossy(&output.stderr);
                format!("{} {complaint}", String::from_utf8_lossy(&output.stdout))
            })
            .collect();
        let lost: Vec<_> = answers.iter().filter(|answer| answer.contains("curl:")).collect();
        assert!(lost.is_empty(), "{verb} {path} {more:?}: {} of 20 lost: {lost:#?}", lost.len());
    }
    server.stop();
}
