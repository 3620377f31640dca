//! An issuer as a neighbour's configuration has it, and what of it becomes a part of ours.

use super::fields::{Fields, Notes};

/// The clock skew of an issuer that says nothing, in seconds: the same in Envoy and here.
const DEFAULT_SKEW: u64 = 60;

/// One issuer, in either dialect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Provider {
    /// What rules call it.
    pub(super) key: String,
    /// The name that it gets.
    pub(super) name: String,
    pub(super) issuer: String,
    /// Empty means any.
    pub(super) audiences: Vec<String>,
    pub(super) keys: Keys,
    pub(super) clock_skew: Option<u64>,
    pub(super) refresh: Option<u64>,
    pub(super) max_lifetime: Option<u64>,
    pub(super) subjects: Option<Subjects>,
    /// How many tokens are remembered.
    pub(super) cache_bytes: u64,
    pub(super) http: Http,
}

/// Where the keys of an issuer are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Keys {
    Discovery,
    File(String),
    Inline(String),
    Uri(String),
}

/// Which subjects an issuer may speak for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Subjects {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
    /// What cannot be said here: nobody passes until somebody says it in another way.
    Unknown(String),
}

/// What is done with requests.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Http {
    /// Where tokens are looked for, each as an entry of `ext_authz.tokens`.
    pub(super) tokens: Vec<String>,
    pub(super) forward: bool,
    /// Claims, as names or JSON Pointers, and the headers that they go to.
    pub(super) claims: Vec<(String, String)>,
}

/// A text in quotes. Every JSON text is YAML, whatever is in it, and is CEL too.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Http {
    /// Looks where both dialects look if nothing else is said.
    pub(super) fn or_usual(mut self) -> Self {
        if self.tokens.is_empty() {
            let usual = ["{ header: authorization, scheme: Bearer }", "{ query: access_token }"];
            self.tokens = usual.map(str::to_owned).to_vec();
        }
        self
    }

    /// Looks into a header, behind a prefix.
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

    /// Puts a claim, which may be nested, into a header.
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

    /// Adds what is done for another issuer; here it is done for all.
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

/// The forms of an audience that Envoy, and so Istio, takes for the same: it compares without
/// `http://` or `https://` in front and without a slash at the end. The one that was written
/// comes first.
pub(super) fn audience_forms(written: &str) -> Vec<String> {
    let bare = ["https://", "http://"].into_iter().find_map(|scheme| written.strip_prefix(scheme));
    let bare = bare.unwrap_or(written);
    let bare = bare.strip_suffix('/').unwrap_or(bare);
    let mut forms = vec![written.to_owned()];
    // A word such as `orders-api` is in no token with a scheme in front.
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

/// Two providers of one issuer become one, because keys belong to issuers here; and
/// names are made unique. Gives for each of them the place of what it became.
pub(super) fn joined(found: Vec<Provider>, notes: &Notes) -> (Vec<Provider>, Vec<Option<usize>>) {
    let mut all: Vec<Provider> = Vec::new();
    let mut places = Vec::new();
    for mut provider in found {
        if let Some(place) = all.iter().position(|one| one.issuer == provider.issuer) {
            let Some(same) = all.get_mut(place) else { continue };
            if same.keys != provider.keys {
                // Its audiences with the keys of the other would let tokens pass that neither
                // of them accepts.
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

/// A name that settings can have and that none of `taken` is.
pub(super) fn unique(name: &str, taken: &[&str]) -> String {
    let fine = |one: char| one.is_ascii_alphanumeric() || "-_.".contains(one);
    let name: String = name.chars().map(|one| if fine(one) { one } else { '-' }).take(60).collect();
    let free = |name: &str| !taken.contains(&name);
    let mut numbered = (1..).map(|number| format!("{name}-{number}"));
    if free(&name) { name } else { numbered.find(|name| free(name)).unwrap_or_default() }
}

/// Adds what `other` accepts to `same`, of the same issuer. Nothing is accepted that neither
/// of them accepts: one without audiences does not open the other to all.
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
