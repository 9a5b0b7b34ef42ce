//! Signing tokens with one key. Owns neither the choice of the key nor what the claims say; the framing is `verify`'s,
//! so that both ends of a token agree by construction.

use std::fmt;
use std::sync::Arc;

use countersign_verify::{Claims, PublicKey, footer_for, paseto};
use ed25519_dalek::{Signer as _, SigningKey};

use super::SecretKey;

/// A signing key at work, with its footer made once. A cheap clone.
#[derive(Clone)]
pub struct TokenSigner(Arc<Inner>);

struct Inner {
    signing: SigningKey,
    public: PublicKey,
    footer: String,
}

impl TokenSigner {
    /// A signer with this key.
    #[must_use]
    pub fn new(secret: SecretKey) -> Self {
        let (signing, public) = secret.into_parts();
        let footer = footer_for(public.id());
        Self(Arc::new(Inner { signing, public, footer }))
    }

    /// The key that verifies the tokens, with its id.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public
    }

    /// The token that says `claims`: `v4.public.…`.
    #[must_use]
    pub fn sign(&self, claims: &Claims) -> String {
        let payload = claims.to_json();
        let footer = self.0.footer.as_bytes();
        let signature = self.0.signing.sign(&paseto::signing_input(&payload, footer));
        paseto::assemble(&payload, &signature.to_bytes(), footer)
    }
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenSigner({})", self.0.public.id())
    }
}

#[cfg(test)]
mod tests {
    use countersign_verify::{KeySet, Verifier};
    use pasetors::keys::AsymmetricPublicKey;
    use pasetors::token::{Public, UntrustedToken};
    use pasetors::version4::{PublicToken, V4};
    use uuid::Uuid;

    use super::*;
    use crate::crypto::test_support::SeededEntropy;

    const ISSUED_AT: i64 = 1_795_468_099;

    fn claims() -> Claims {
        Claims {
            issuer: "countersign".into(),
            audience: "orders".into(),
            subject: Uuid::from_u128(1),
            issued_at: ISSUED_AT,
            not_before: ISSUED_AT,
            expires_at: ISSUED_AT + 600,
            token_id: Uuid::from_u128(2),
            session_id: Uuid::from_u128(3),
            epoch: 3,
            auth_time: ISSUED_AT,
            name: "Älice".into(),
            roles: vec!["admin".into()],
            amr: vec!["pwd".into()],
        }
    }

    fn signer(seed: u64) -> TokenSigner {
        TokenSigner::new(SecretKey::generate(&SeededEntropy::new(seed)))
    }

    #[test]
    fn what_is_signed_verifies_with_this_key_alone() {
        let verifier = Verifier::new("countersign", "orders").unwrap();
        let (signer, other) = (signer(1), signer(2));
        let token = signer.sign(&claims());
        let verify = |key: &PublicKey| verifier.verify(&KeySet::new([key.clone()]), &token, ISSUED_AT * 1000);
        let verified = verify(signer.public_key()).unwrap();
        assert_eq!((verified.claims, &verified.key_id), (claims(), signer.public_key().id()));
        assert!(verify(other.public_key()).is_err());
    }

    #[test]
    fn another_implementation_accepts_the_token() {
        let signer = signer(1);
        let token = signer.sign(&claims());
        let key = AsymmetricPublicKey::<V4>::from(signer.public_key().as_bytes()).unwrap();
        let untrusted = UntrustedToken::<Public, V4>::try_from(&token).unwrap();
        let trusted = PublicToken::verify(&key, &untrusted, None, None).unwrap();
        assert_eq!(trusted.payload().as_bytes(), claims().to_json());
        let footer = footer_for(signer.public_key().id());
        assert_eq!(untrusted.untrusted_footer(), footer.as_bytes());
    }

    #[test]
    fn a_signer_shows_its_key_id_alone() {
        let secret = SecretKey::generate(&SeededEntropy::new(1));
        let id = secret.public_key().id().to_string();
        assert_eq!(format!("{secret:?}"), format!("SecretKey({id})"));
        assert_eq!(format!("{:?}", TokenSigner::new(secret)), format!("TokenSigner({id})"));
    }
}
