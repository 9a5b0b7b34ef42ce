//! `@connectrpc/connect-web` in Chromium, on a page of another origin.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;

use countersign::pb::DESCRIPTOR_SET;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Foreign, decode_reason, service};
use crate::harness::tool;

/// The browser with the page; it ends when this is dropped.
pub struct Shop {
    /// The page's.
    pub origin: String,
    lines: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
    child: Child,
    _folder: TempDir,
}

/// The page, calling one server.
pub struct ConnectPage {
    pub shop: Rc<Shop>,
    pub address: SocketAddr,
}

impl Shop {
    /// Opens the page; `None` where there is no browser.
    pub fn open() -> Option<Rc<Self>> {
        let (node, chromium) = (tool("clients-node")?, tool("chromium")?);
        let folder = TempDir::new().unwrap();
        let descriptors = folder.path().join("descriptors.binpb");
        fs::write(&descriptors, DESCRIPTOR_SET).unwrap();
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/connect_page.cjs");
        let mut child = Command::new(node)
            .arg(program)
            .arg(chromium)
            .arg(descriptors)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let origin = read_line(&mut output);
        Some(Rc::new(Self { origin, lines: RefCell::new((input, output)), child, _folder: folder }))
    }

    fn ask(&self, call: &Value) -> Value {
        let (input, output) = &mut *self.lines.borrow_mut();
        writeln!(input, "{call}").unwrap();
        serde_json::from_str(&read_line(output)).unwrap()
    }
}

fn read_line(output: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    line.trim().to_owned()
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }
}

impl Foreign for ConnectPage {
    fn call(&self, method: &str, authorization: Option<&str>, body: &Value) -> Result<Value, String> {
        let said = self.shop.ask(&json!({
            "address": self.address.to_string(),
            "service": service(method),
            "method": method,
            "authorization": authorization,
            "body": body,
        }));
        match said.get("answer") {
            Some(answer) => Ok(answer.clone()),
            None if said["info"].is_string() => Err(decode_reason(&said["info"])),
            None => panic!("{said}"),
        }
    }
}
