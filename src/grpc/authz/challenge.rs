//! Challenges: the header `WWW-Authenticate` of a refusal (RFC 6750, section 3; RFC 9449, section
//! 7.1).

use jwtd_core::jose::{Algorithm, AlgorithmSet};

/// The reasons of a refusal, for the client.
#[derive(Default)]
pub(super) struct Challenge<'c> {
    /// True if it presented the token as one that is bound to a key.
    pub(super) dpop: bool,
    pub(super) error: &'c str,
    pub(super) description: &'c str,
    pub(super) scope: &'c str,
}

/// The challenges of a service.
#[derive(Clone, Copy)]
pub(super) struct Challenges<'c> {
    pub(super) realm: &'c str,
    /// The algorithms of DPoP proofs, if it takes them.
    pub(super) algorithms: Option<AlgorithmSet>,
}

impl Challenges<'_> {
    /// The value of the header. A client that presented no token, or a bearer token, learns of both
    /// schemes.
    pub(super) fn text(&self, challenge: &Challenge<'_>) -> String {
        let Challenge { dpop, error, description, scope } = *challenge;
        let names = self.algorithms.map(names);
        let told = [("error", error), ("error_description", description), ("scope", scope)];
        let told = told.into_iter().filter(|(_, value)| !error.is_empty() && !value.is_empty());
        let mut parts = vec![("realm", self.realm)];
        let mut proof = parts.clone();
        proof.extend(names.iter().map(|names| ("algs", names.as_str())));
        if dpop {
            proof.splice(1..1, told);
            return scheme("DPoP", &proof);
        }
        parts.extend(told);
        let bearer = scheme("Bearer", &parts);
        match names {
            None => bearer,
            Some(_) => format!("{bearer}, {}", scheme("DPoP", &proof)),
        }
    }
}

fn scheme(name: &str, parts: &[(&str, &str)]) -> String {
    // The only characters allowed in a value (RFC 6750, section 3).
    let plain = |one: char| matches!(one, ' '..='~') && one != '"' && one != '\\';
    let part = |(name, value): &(&str, &str)| {
        let value = value.replace(|one| !plain(one), "'");
        format!("{name}=\"{value}\"")
    };
    format!("{name} {}", parts.iter().map(part).collect::<Vec<_>>().join(", "))
}

fn names(algorithms: AlgorithmSet) -> String {
    let some = Algorithm::ALL.iter().filter(|one| algorithms.contains(**one));
    some.map(|one| one.name()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_names_its_scheme_and_the_algorithms() {
        let algorithms = [Algorithm::Es256, Algorithm::EdDsa].into_iter().collect();
        let [bearer, both] =
            [None, Some(algorithms)].map(|algorithms| Challenges { realm: "r", algorithms });
        let none = Challenge::default();
        assert_eq!(bearer.text(&none), r#"Bearer realm="r""#);
        let dpop = r#"DPoP realm="r", algs="ES256 EdDSA""#;
        assert_eq!(both.text(&none), format!(r#"Bearer realm="r", {dpop}"#));
        let error = Challenge { error: "e", description: "d\"\u{e4}", scope: "s", dpop: false };
        let told = r#"realm="r", error="e", error_description="d''", scope="s""#;
        assert_eq!(bearer.text(&error), format!("Bearer {told}"));
        assert_eq!(both.text(&error), format!("Bearer {told}, {dpop}"));
        let error = Challenge { dpop: true, ..error };
        assert_eq!(both.text(&error), format!(r#"DPoP {told}, algs="ES256 EdDSA""#));
        assert_eq!(bearer.text(&error), format!("DPoP {told}"));
    }
}
