//! The line of the log that says why a token is refused. `engine/refusals.rs` bounds how many.

/// Why a token is refused, and what it says of itself.
#[derive(Debug)]
pub struct RefusalLine<'l> {
    /// The stable reason.
    pub reason: &'static str,
    /// The reason in words.
    pub detail: String,
    /// The profile, by its configured name.
    pub profile: Option<&'l str>,
    /// The issuer, by its configured name; what the token claims unless it is proven.
    pub issuer: Option<&'l str>,
    /// Whether the signature was checked.
    pub proven: bool,
    /// Whether the signature was remembered.
    pub cached: bool,
    /// Who asked.
    pub caller: Option<String>,
    /// What the token claims, in the order of [`RefusalLine::CLAIMED`].
    pub claimed: [Option<String>; 7],
    /// The time that it was judged by, in seconds since the epoch.
    pub now: i64,
    /// As in the audit log.
    pub fingerprint: String,
    /// How many refusals got no line since the last one.
    pub held_back: Option<u64>,
}

impl RefusalLine<'_> {
    /// The claimed members.
    pub const CLAIMED: [&'static str; 7] = ["iss", "kid", "aud", "alg", "iat", "nbf", "exp"];

    /// Logs it.
    pub fn log(self) {
        let Self { reason, detail, profile, issuer, proven, cached, .. } = &self;
        let [iss, kid, aud, alg, iat, nbf, exp] = &self.claimed;
        tracing::info!(
            reason,
            detail,
            profile,
            issuer,
            proven,
            cached,
            caller = self.caller,
            claimed_iss = iss.as_deref(),
            claimed_kid = kid.as_deref(),
            claimed_aud = aud.as_deref(),
            claimed_alg = alg.as_deref(),
            claimed_iat = iat.as_deref(),
            claimed_nbf = nbf.as_deref(),
            claimed_exp = exp.as_deref(),
            now = self.now,
            fingerprint = self.fingerprint,
            held_back = self.held_back,
            "a token is refused"
        );
    }
}
