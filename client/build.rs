//! Turns the parts of `proto/` that a client calls into Rust, without protoc.

use std::error;

const FILES: [&str; 3] = [
    "../proto/auth/v1/auth_service.proto",
    "../proto/auth/v1/error_reason.proto",
    "../proto/auth/v1/trust_service.proto",
];

/// Messages that carry a password or a token: their generated `Debug` would print it.
const SECRET_MESSAGES: [&str; 11] = [
    ".auth.v1.ChangePasswordRequest",
    ".auth.v1.ChangePasswordResponse",
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

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo:rerun-if-changed=../proto");
    let mut compiler = protox::Compiler::new(["../proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(FILES)?;
    let mut config = tonic_prost_build::Config::new();
    config.skip_debug(SECRET_MESSAGES);
    tonic_prost_build::configure()
        .build_server(false)
        .build_transport(false)
        .compile_fds_with_config(compiler.file_descriptor_set(), config)?;
    Ok(())
}
