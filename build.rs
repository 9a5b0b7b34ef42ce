//! Turns `proto/` into Rust and into the descriptor set that the server reads its access rules from, without protoc; and
//! lists the files that `web/` has built, which go into the binary.

#[expect(clippy::disallowed_types, reason = "see where it is used")]
use std::collections::hash_map::DefaultHasher;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, error, fs, io};

const FILES: [&str; 5] = [
    "proto/auth/v1/access.proto",
    "proto/auth/v1/admin_service.proto",
    "proto/auth/v1/auth_service.proto",
    "proto/auth/v1/error_reason.proto",
    "proto/auth/v1/trust_service.proto",
];

/// What `web/` builds.
const PAGES: &str = "web/dist";

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
    fs::write(out.join("pages.rs"), list_pages()?)?;
    Ok(())
}

/// The table of pages, as `src/web/pages.rs` has it.
fn list_pages() -> io::Result<String> {
    println!("cargo:rerun-if-changed={PAGES}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGES);
    let mut table = "static PAGES: &[Page] = &[".to_owned();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let mut entries =
            fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
                let _written = write!(table, "{},", list_page(&name, &path)?);
            }
        }
    }
    Ok(table + "];")
}

fn list_page(name: &str, path: &Path) -> io::Result<String> {
    let paths = match name {
        "index.html" => vec!["/".to_owned()],
        _ => vec![format!("/{}", name.strip_suffix(".html").unwrap_or(name))],
    };
    let content_type = match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("ico") => "image/x-icon",
        Some("png") => "image/png",
        Some("md") => "text/markdown; charset=utf-8",
        Some("txt") => "text/plain; charset=utf-8",
        Some("woff2") => "font/woff2",
        _ => return Err(io::Error::other(format!("{PAGES}/{name} is of no known type"))),
    };
    #[expect(
        clippy::disallowed_types,
        reason = "it tells one build's file from another's, and nobody chooses those"
    )]
    let mut hasher = DefaultHasher::new();
    fs::read(path)?.hash(&mut hasher);
    let etag = format!("\"{:016x}\"", hasher.finish());
    // Vite puts a hash into the names of these.
    let immutable = name.starts_with("assets/");
    Ok(format!(
        "Page {{ paths: &{paths:?}, content_type: {content_type:?}, bytes: include_bytes!({path:?}), etag: {etag:?}, \
         immutable: {immutable} }}"
    ))
}
