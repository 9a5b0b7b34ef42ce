//! Turns the example's proto into Rust, and into the descriptor set that its access rules are read from.

#![expect(clippy::disallowed_methods, reason = "cargo tells a build script its folder in no other way")]

use std::path::PathBuf;
use std::{env, error, fs};

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    // auth/v1/access.proto is there too: a copy of Countersign's.
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(["proto/notes/v1/notes_service.proto"])?;

    // The bytes come from protox itself: prost's descriptor types drop custom options, and with them every access rule.
    // (A set that protoc has written holds them, too.)
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptor_set.bin"), compiler.encode_file_descriptor_set())?;

    let mut config = tonic_prost_build::Config::new();
    // A message with a token in it, which the Debug of prost would show.
    config.skip_debug([".notes.v1.WatchNotesRequest"]);
    tonic_prost_build::configure().compile_fds_with_config(compiler.file_descriptor_set(), config)?;
    Ok(())
}
