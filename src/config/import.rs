//! Converts configurations of Envoy and Istio to one of jwtd.

mod costs;
mod envoy;
mod fields;
mod istio;
mod profiles;
mod provider;
#[cfg(test)]
mod tests;
mod write;

use super::document;
use super::fault::Faults;
use fields::Notes;
use profiles::{Demand, Profile};
use provider::{Http, Provider, audience_forms};
use std::collections::BTreeSet;
use std::path::Path;

/// The format of the configuration to import.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialect {
    /// Envoy's filter `jwt_authn`: its `providers`, wherever they occur.
    Envoy,
    /// Istio's `RequestAuthentication`: its `jwtRules`.
    Istio,
}

/// A converted configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Imported {
    /// The YAML text, with comments.
    pub yaml: String,
    /// Settings that could not be converted, or that differ in meaning.
    pub notes: Vec<String>,
}

/// The findings from all documents.
#[derive(Debug, Default)]
struct Found {
    providers: Vec<Provider>,
    demands: Vec<Demand>,
    /// True if any rule says which request needs which token.
    ruled: bool,
    /// Routes that name a requirement, with their locations.
    routes: Vec<(String, String)>,
    bypass_cors_preflight: bool,
    http: Http,
    /// The number of Envoy filters.
    filters: usize,
    /// The Istio namespaces whose workloads are protected, except the root namespace.
    namespaces: BTreeSet<String>,
}

/// Imports a file of one or several YAML documents.
///
/// # Errors
/// If it is not YAML, or if it holds no issuer.
pub fn import(text: &str, path: &Path, dialect: Dialect) -> Result<Imported, Faults> {
    let mut faults = Faults::new(path, text);
    let Some(documents) = document::parse_all(text, &mut faults) else {
        return Err(faults);
    };
    let (notes, mut found) = (Notes::default(), Found::default());
    for document in &documents {
        match dialect {
            Dialect::Envoy => envoy::read(document, &notes, &mut found),
            Dialect::Istio => istio::read(document, &notes, &mut found),
        }
    }
    if found.providers.is_empty() {
        let what = match dialect {
            Dialect::Envoy => "no `providers` of the filter `jwt_authn` with an `issuer`",
            Dialect::Istio => "no `RequestAuthentication` with `jwtRules`",
        };
        let notes = notes.joined();
        faults.add((0, 0), "", what, if notes.is_empty() { "check `--from`" } else { &notes });
        return Err(faults);
    }
    if found.namespaces.len() > 1 {
        let names = found.namespaces.into_iter().collect::<Vec<_>>().join(", ");
        let what = format!("the namespaces {names} guard different workloads");
        let fix = "import one namespace at a time, for the daemon of its workloads: in one \
                   profile each would take the tokens of all";
        faults.add((0, 0), "", what, fix);
        return Err(faults);
    }
    let (mut issuers, places) = provider::joined(found.providers.clone(), &notes);
    let profiles = made_profiles(&mut found, &places, &mut issuers, &notes);
    let mut all = issuers.iter();
    found.http = all.next().map(|first| first.http.clone()).unwrap_or_default();
    for issuer in all {
        found.http.join(issuer.http.clone(), &issuer.name, &notes);
    }
    note_differences(&found, &issuers, &notes);
    let yaml = write::write(&found, &issuers, &profiles);
    Ok(Imported { yaml, notes: notes.into_vec() })
}

/// Builds the profiles that the rules require; one for all issuers if there are no rules.
fn made_profiles(
    found: &mut Found,
    places: &[Option<usize>],
    issuers: &mut [Provider],
    notes: &Notes,
) -> Vec<Profile> {
    for (name, route) in &found.routes {
        match found.demands.iter_mut().rev().find(|one| one.name == *name) {
            Some(demand) => demand.routes.push(route.clone()),
            None => notes.add(format!("{route} asks for {name}, and there is no such requirement")),
        }
    }
    let mut made = if found.ruled {
        profiles::profiles(&found.demands, &found.providers, places, issuers, notes)
    } else {
        Vec::new()
    };
    match &mut made[..] {
        [] => {
            if found.ruled {
                let what = "no profile came of the rules: `default` lets nobody pass until its \
                            `subjects` say who may";
                notes.add(what.to_owned());
            }
            made.push(Profile {
                name: "default".into(),
                issuers: (0..issuers.len()).collect(),
                audiences: None,
                routes: Vec::new(),
                closed: found.ruled,
            });
        }
        // The profile `default` serves requests that name no profile.
        [one] => "default".clone_into(&mut one.name),
        several => {
            for one in &*several {
                for route in &one.routes {
                    notes.add(format!(
                        "{route}: on that route give Envoy's ext_authz filter \
                         `context_extensions: {{ profile: {} }}`",
                        one.name
                    ));
                }
            }
            let what = "there is no profile `default`: requests of a route that names none are \
                        refused";
            notes.add(what.to_owned());
        }
    }
    made
}

/// Notes the differences that apply to every import.
fn note_differences(found: &Found, issuers: &[Provider], notes: &Notes) {
    notes.add(
        "every token must have `exp`, and RS256, ES256 and EdDSA are accepted: list `algorithms` \
         if the issuer uses others"
            .to_owned(),
    );
    let all: Vec<_> = issuers.iter().flat_map(|issuer| &issuer.audiences).collect();
    if all.iter().any(|one| audience_forms(one).len() > 1) {
        notes.add(
            "audiences are compared there without `http://`, `https://` and a slash at the end, \
             and byte by byte here: every form is listed; delete those that no token has"
                .to_owned(),
        );
    }
    for one in all.iter().filter(|one| audience_forms(one).len() == 1) {
        notes.add(format!(
            "the audience {one} is accepted only as written, and not with a scheme or a slash"
        ));
    }
    if found.http.claims.iter().any(|(claim, _)| claim.starts_with('/')) {
        notes.add("a dot in the name of a claim parts steps, as there".to_owned());
    }
    if !found.http.claims.is_empty() {
        notes.add(
            "claims that are arrays or objects go into headers as JSON, and not as base64url"
                .to_owned(),
        );
    }
    if issuers.iter().any(|issuer| issuer.cache_bytes > 0) {
        notes.add("all issuers share one cache, `cache.max_bytes` (64 MiB by default)".to_owned());
    }
    if !found.http.forward {
        notes.add(
            "the token is taken out of cookies and queries too, and not only of headers".into(),
        );
    }
}
