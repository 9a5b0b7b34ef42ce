//! Turns `proto/` into Rust and into the descriptor set that the server reads its access rules from, without protoc.

use std::path::PathBuf;
use std::{env, error, fs};

const FILES: [&str; 5] = [
    "proto/auth/v1/access.proto",
    "proto/auth/v1/admin_service.proto",
    "proto/auth/v1/auth_service.proto",
    "proto/auth/v1/error_reason.proto",
    "proto/auth/v1/trust_service.proto",
];

/// Messages that carry a password or a token: their generated `Debug` would print it.
const SECRET_MESSAGES: [&str; 12] = [
    ".auth.v1.ChangePasswordRequest",
    ".auth.v1.ChangePasswordResponse",
    ".auth.v1.CreateResetCodeResponse",
    ".auth.v1.CreateUserRequest",
    ".auth.v1.DeleteUserRequest",
    ".auth.v1.IssueTokenRequest",
    ".auth.v1.IssueTokenResponse",
    ".auth.v1.RefreshTokenRequest",
    ".auth.v1.RefreshTokenResponse",
    ".auth.v1.ResetPasswordRequest",
    ".auth.v1.RevokeTokenRequest",
    ".auth.v1.VerifyTokenRequest",
];

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script its folder in no other way")]
fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(FILES)?;

    // The bytes come from protox itself: prost's descriptor types drop custom options, and with them every access rule.
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptor_set.bin"), compiler.encode_file_descriptor_set())?;

    let mut config = tonic_prost_build::Config::new();
    config.skip_debug(SECRET_MESSAGES);
    tonic_prost_build::configure()
        .build_transport(false)
        .compile_fds_with_config(compiler.file_descriptor_set(), config)?;
    Ok(())
}
