//! The code generated from `proto/`, and the descriptor set that access rules and reflection are read from.

/// Package `auth.v1`.
pub mod auth {
    /// Version 1.
    #[expect(
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "the generated code carries such attributes, and nobody edits it"
    )]
    pub mod v1 {
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
            CreateResetCodeResponse,
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
    }
}

/// Every file of `proto/`, encoded, custom options included.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor_set.bin"));
