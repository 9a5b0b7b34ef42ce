//! The code generated from `proto/`: the messages that this crate exchanges with the server. Not part of its interface.

#![expect(
    clippy::allow_attributes_without_reason,
    unreachable_pub,
    reason = "the generated code is what it is, and nobody edits it"
)]

use std::fmt;

tonic::include_proto!("auth.v1");

/// What prost would derive prints every field; these messages carry passwords and tokens.
macro_rules! debug_without_fields {
    ($($message:ident),*) => {$(
        impl fmt::Debug for $message {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($message), "(…)"))
            }
        }
    )*};
}

debug_without_fields!(
    ChangePasswordRequest,
    ChangePasswordResponse,
    CreateUserRequest,
    DeleteUserRequest,
    IssueTokenRequest,
    IssueTokenResponse,
    RefreshTokenRequest,
    RefreshTokenResponse,
    ResetPasswordRequest,
    RevokeTokenRequest,
    VerifyTokenRequest
);
