//! The log line that says why a token is refused. `engine/refusals.rs` limits their rate.

/// The reason of a refusal, and the token's claims.
#[derive(Debug)]
pub struct RefusalLine<'l> {
    /// The stable reason.
    pub reason: &'static str,
    /// The reason in words.
    pub detail: String,
    /// The profile, by its configured name.
    pub profile: Option<&'l str>,
    /// The issuer, by its configured name; unverified unless `proven`.
    pub issuer: Option<&'l str>,
    /// True if the signature was verified.
    pub proven: bool,
    /// True if the signature was found in the cache.
    pub cached: bool,
    /// The caller.
    pub caller: Option<String>,
    /// The token's claims, in the order of [`RefusalLine::CLAIMED`].
    pub claimed: [Option<String>; 7],
    /// The time of the verdict, in seconds since the epoch.
    pub now: i64,
    /// The fingerprint, as in the audit log.
    pub fingerprint: String,
    /// The number of refusals without a line since the last line.
    pub held_back: Option<u64>,
}

impl RefusalLine<'_> {
    /// The names of the claims and header parameters.
    pub const CLAIMED: [&'static str; 7] = ["iss", "kid", "aud", "alg", "iat", "nbf", "exp"];

    /// Writes the line.
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
