//! An issuer of an Envoy or Istio configuration, and its conversion.

use super::fields::{Fields, Notes};

/// The default clock skew of an issuer, in seconds: the same in Envoy and in jwtd.
const DEFAULT_SKEW: u64 = 60;

/// One issuer, in either format.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Provider {
    /// The name that rules use.
    pub(super) key: String,
    /// The name in the converted configuration.
    pub(super) name: String,
    pub(super) issuer: String,
    /// The audiences; empty means any.
    pub(super) audiences: Vec<String>,
    pub(super) keys: Keys,
    pub(super) clock_skew: Option<u64>,
    pub(super) refresh: Option<u64>,
    pub(super) max_lifetime: Option<u64>,
    pub(super) subjects: Option<Subjects>,
    /// The size of the cache, in bytes.
    pub(super) cache_bytes: u64,
    pub(super) http: Http,
}

/// The source of an issuer's keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Keys {
    Discovery,
    File(String),
    Inline(String),
    Uri(String),
}

/// The subjects that an issuer may assert.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Subjects {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
    /// A matcher that cannot be expressed: nobody passes until the operator rewrites it.
    Unknown(String),
}

/// The handling of HTTP requests.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Http {
    /// The places to look for tokens, each as an entry of `ext_authz.tokens`.
    pub(super) tokens: Vec<String>,
    pub(super) forward: bool,
    /// Claims, as names or JSON Pointers, and the headers that receive them.
    pub(super) claims: Vec<(String, String)>,
}

/// Quotes a text. Every JSON string is also valid YAML and CEL, whatever it contains.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Http {
    /// Falls back to the places that both formats use by default.
    pub(super) fn or_usual(mut self) -> Self {
        if self.tokens.is_empty() {
            let usual = ["{ header: authorization, scheme: Bearer }", "{ query: access_token }"];
            self.tokens = usual.map(str::to_owned).to_vec();
        }
        self
    }

    /// Adds a header with a prefix to the places.
    pub(super) fn add_header(&mut self, fields: &Fields<'_>, prefix: &str) {
        let Some(name) = fields.text("name") else { return };
        let prefix_text = fields.text(prefix).unwrap_or_default();
        let word = prefix_text.trim_end_matches(' ');
        if word.is_empty() {
            self.tokens.push(format!("{{ header: {} }}", quoted(&name)));
        } else if word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            let scheme = quoted(word);
            self.tokens.push(format!("{{ header: {}, scheme: {scheme} }}", quoted(&name)));
        } else {
            let what = "only a word and a space can stand before a token: tokens there are not \
                        found, and such requests are refused";
            fields.note(prefix, what);
        }
    }

    /// Adds a header for a claim, which may be nested.
    pub(super) fn add_claim(&mut self, fields: &Fields<'_>, claim: &str, header: &str) {
        let (Some(name), Some(header)) = (fields.text(claim), fields.text(header)) else { return };
        let path = if name.contains('.') || name.starts_with('/') {
            let step = |step: &str| format!("/{}", step.replace('~', "~0").replace('/', "~1"));
            name.split('.').map(step).collect()
        } else {
            name
        };
        self.claims.push((path, header));
    }

    /// Merges the request handling of another issuer, because jwtd has only one for all issuers.
    pub(super) fn join(&mut self, other: Self, name: &str, notes: &Notes) {
        if self.forward != other.forward {
            self.forward = false;
            let what = "only some of the issuers have `forward`: here the token is taken out for \
                        all of them; set `ext_authz.forward_token` if services need it";
            notes.add(format!("{name}: {what}"));
        }
        let same = self.tokens.len() == other.tokens.len()
            && other.tokens.iter().all(|place| self.tokens.contains(place));
        if !same {
            let what = "tokens of all issuers are looked for in the places of all";
            notes.add(format!("{name}: {what}"));
        }
        for place in other.tokens {
            if !self.tokens.contains(&place) {
                self.tokens.push(place);
            }
        }
        for (claim, header) in other.claims {
            match self.claims.iter().find(|(_, own)| own.eq_ignore_ascii_case(&header)) {
                None => self.claims.push((claim, header)),
                Some((own, _)) if *own == claim => {}
                Some((own, _)) => notes.add(format!(
                    "{name}: the header {header} has the claim {own} for all issuers, and {claim} \
                     for none"
                )),
            }
        }
    }
}

/// The forms of an audience that Envoy, and so Istio, treats as equal: it compares without a
/// leading `http://` or `https://` and without a trailing slash. The written form comes first.
pub(super) fn audience_forms(written: &str) -> Vec<String> {
    let bare = ["https://", "http://"].into_iter().find_map(|scheme| written.strip_prefix(scheme));
    let bare = bare.unwrap_or(written);
    let bare = bare.strip_suffix('/').unwrap_or(bare);
    let mut forms = vec![written.to_owned()];
    // A plain word such as `orders-api` never has a scheme in a token.
    if bare == written && !written.contains(['.', ':', '/']) {
        return forms;
    }
    for scheme in ["", "https://", "http://"] {
        for slash in ["", "/"] {
            let form = format!("{scheme}{bare}{slash}");
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms
}

/// Merges providers with the same `iss`, because keys belong to issuers in jwtd, and makes names
/// unique. Returns, for each provider, the index of the issuer that it became.
pub(super) fn joined(found: Vec<Provider>, notes: &Notes) -> (Vec<Provider>, Vec<Option<usize>>) {
    let mut all: Vec<Provider> = Vec::new();
    let mut places = Vec::new();
    for mut provider in found {
        if let Some(place) = all.iter().position(|one| one.issuer == provider.issuer) {
            let Some(same) = all.get_mut(place) else { continue };
            if same.keys != provider.keys {
                // Accepting its audiences with the keys of the other would permit tokens that
                // neither provider accepts.
                let (name, other) = (&provider.name, &same.name);
                notes.add(format!(
                    "{name} has other keys than {other} under one `iss` and is left out: if tokens \
                     of both are to pass, list both key sets in `keys.jwks_uris` of {other}"
                ));
                places.push(None);
                continue;
            }
            notes.add(format!("{} is joined with {}", provider.name, same.name));
            places.push(Some(place));
            join(same, provider, notes);
            continue;
        }
        provider.name =
            unique(&provider.name, &all.iter().map(|one| &*one.name).collect::<Vec<_>>());
        places.push(Some(all.len()));
        all.push(provider);
    }
    (all, places)
}

/// A valid name for settings that is not in `taken`.
pub(super) fn unique(name: &str, taken: &[&str]) -> String {
    let fine = |one: char| one.is_ascii_alphanumeric() || "-_.".contains(one);
    let name: String = name.chars().map(|one| if fine(one) { one } else { '-' }).take(60).collect();
    let free = |name: &str| !taken.contains(&name);
    let mut numbered = (1..).map(|number| format!("{name}-{number}"));
    if free(&name) { name } else { numbered.find(|name| free(name)).unwrap_or_default() }
}

/// Merges `other` into `same`, for the same issuer. The result accepts nothing that neither
/// accepts: a provider without audiences does not open the other one to all.
fn join(same: &mut Provider, other: Provider, notes: &Notes) {
    if same.audiences.is_empty() != other.audiences.is_empty() {
        let (all, some) = if same.audiences.is_empty() {
            (&*same.name, &*other.name)
        } else {
            (&*other.name, &*same.name)
        };
        notes.add(format!(
            "{all} demands no audience and {some} does: only tokens for the audiences of {some} \
             are accepted; add those for {all}"
        ));
    }
    for audience in other.audiences {
        if !same.audiences.contains(&audience) {
            same.audiences.push(audience);
        }
    }
    if same.clock_skew != other.clock_skew {
        let skew = |provider: Option<u64>| provider.unwrap_or(DEFAULT_SKEW);
        same.clock_skew = Some(skew(same.clock_skew).min(skew(other.clock_skew)));
        notes.add(format!("{}: the smaller clock skew of the two is used", same.name));
    }
    if same.max_lifetime != other.max_lifetime {
        same.max_lifetime = [same.max_lifetime, other.max_lifetime].into_iter().flatten().min();
        notes.add(format!("{}: the smaller `max_lifetime` of the two is used", same.name));
    }
    if same.subjects != other.subjects {
        same.subjects = Some(match (same.subjects.take(), other.subjects) {
            (Some(one), None) | (None, Some(one)) => one,
            _ => Subjects::Unknown("the subjects of two providers".to_owned()),
        });
        notes.add(format!(
            "{}: its providers allow other subjects: see `subjects` and `rules`",
            same.name
        ));
    }
    same.cache_bytes = same.cache_bytes.saturating_add(other.cache_bytes);
    let name = same.name.clone();
    same.http.join(other.http, &name, notes);
}
