//! Prints the corpus, `verify/corpus/tokens.json`:
//!
//!     cargo run -p countersign-verify --example make_corpus > verify/corpus/tokens.json

mod corpus;

use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    io::stdout().write_all(corpus::text().as_bytes())
}
