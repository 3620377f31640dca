//! What comes with one use of a token, beside the token.

/// What is known of the request for which a token is judged. It belongs to one use of one token:
/// it is judged every time and never remembered with a proof.
///
/// It has no fields yet. The ways of binding a token to its sender will bring them: the proof of
/// possession, the method and the URL that it must name (DPoP: RFC 9449, section 4.3), and the
/// thumbprint of the certificate that the client showed (mutual TLS: RFC 8705, section 3). Until
/// then a bound token is refused in every context.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct TokenContext {}

impl TokenContext {
    /// The context of a token that came alone.
    #[must_use]
    pub fn none() -> &'static Self {
        static NONE: TokenContext = TokenContext {};
        &NONE
    }
}
