//! How the tests reach a server: in process, with a clock they turn and randomness they seed, or as the real binary.

mod asked;
mod binary;
mod calls;
mod database;
mod desk;

pub mod frames;
mod gate;
mod gateway;
mod http;
mod in_process;
mod proxy;
mod raw;
mod session_calls;
mod surroundings;
mod watcher;

pub use self::http::{HttpAnswer, HttpVersion, http, http_exchange};
pub use asked::asked;
pub use binary::{Binary, countersign, run};
pub use calls::{Client, Credentials, PASSWORD, Refused, basic_header, refused};
pub use countersign_test_servers::find as tool;
pub use database::{Database, master_key_file, on_postgres, refused_database, shared_master_key};
pub use desk::{Desk, said_no, said_yes};
pub use gate::Gate;
pub use gateway::Gateway;
pub use in_process::TestServer;
pub use proxy::{Proxy, Way};
pub use raw::{RawConnection, raw_call, raw_unary};
pub use session_calls::{AdminClient, Tokens};
pub use surroundings::{ManualClock, SeededEntropy};
pub use watcher::{Watcher, ended, hello, seconds};
