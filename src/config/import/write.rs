//! Writes the converted configuration as YAML with comments.

use super::Found;
use super::profiles::Profile;
use super::provider::{Http, Keys, Provider, Subjects, audience_forms, quoted};
use jwtd_core::policy::SubjectRule;
use std::fmt::Write as _;

/// The default size of the cache, in bytes.
const DEFAULT_CACHE: u64 = 64 << 20;

/// Writes the configuration. Writing to a string cannot fail.
pub(super) fn write(found: &Found, issuers: &[Provider], profiles: &[Profile]) -> String {
    let mut yaml = String::from("listen:\n  - tcp: 127.0.0.1:7519\n");
    let cache = issuers.iter().fold(0, |sum: u64, one| sum.saturating_add(one.cache_bytes));
    if cache > DEFAULT_CACHE {
        writeln!(yaml, "cache: {{ max_bytes: {}MiB }}", cache.div_ceil(1 << 20).min(65_536)).ok();
    }
    yaml.push_str("issuers:\n");
    for Provider { name, issuer, audiences, keys, clock_skew, refresh, .. } in issuers {
        let audiences = match &audiences[..] {
            [] => "any # no audience was demanded: name yours".to_owned(),
            some => list_of_audiences(some),
        };
        let refresh = refresh.map_or_else(String::new, |seconds| format!(", refresh: {seconds}s"));
        let keys = match keys {
            Keys::Discovery => format!("discovery: true{refresh}"),
            Keys::File(path) => format!("jwks_file: {}", quoted(path)),
            Keys::Inline(text) => format!("jwks: {}", quoted(text)),
            Keys::Uri(url) => format!("jwks_uri: {}{refresh}", quoted(url)),
        };
        let issuer = quoted(issuer);
        writeln!(yaml, "  {name}:\n    issuer: {issuer}\n    audiences: {audiences}").ok();
        writeln!(yaml, "    keys: {{ {keys} }}").ok();
        if let Some(seconds) = clock_skew {
            writeln!(yaml, "    clock_skew: {seconds}s").ok();
        }
    }
    yaml.push_str("profiles:\n");
    for profile in profiles {
        write_profile(&mut yaml, profile, issuers);
    }
    write_http(&mut yaml, &found.http, found.bypass_cors_preflight);
    yaml
}

fn list_of_audiences(audiences: &[String]) -> String {
    let mut forms: Vec<String> = Vec::new();
    for form in audiences.iter().flat_map(|one| audience_forms(one)) {
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    format!("[{}]", forms.iter().map(|one| quoted(one)).collect::<Vec<_>>().join(", "))
}

fn write_profile(yaml: &mut String, profile: &Profile, all: &[Provider]) {
    let issuers: Vec<_> = profile.issuers.iter().filter_map(|place| all.get(*place)).collect();
    for route in &profile.routes {
        // A line break would end the comment.
        writeln!(yaml, "  # {}", route.replace(char::is_control, " ")).ok();
    }
    let names: Vec<_> = issuers.iter().map(|issuer| &*issuer.name).collect();
    writeln!(yaml, "  {}:\n    issuers: [{}]", profile.name, names.join(", ")).ok();
    if let Some(audiences) = &profile.audiences {
        writeln!(yaml, "    audiences: {}", list_of_audiences(audiences)).ok();
    }
    if profile.closed {
        yaml.push_str("    access:\n      subjects: [write here who may pass]\n");
        return;
    }
    if let [issuer] = &issuers[..] {
        if let Some(seconds) = issuer.max_lifetime {
            writeln!(yaml, "    max_lifetime: {seconds}s").ok();
        }
        if let Some(list) = issuer.subjects.as_ref().and_then(subjects) {
            writeln!(yaml, "    access:\n      subjects: [{}]", quoted(&list)).ok();
            return;
        }
    }
    let alone = issuers.len() == 1;
    let rules: Vec<_> = issuers.iter().flat_map(|issuer| rules(issuer, alone)).collect();
    if !rules.is_empty() {
        yaml.push_str("    access:\n      rules:\n");
        for rule in rules {
            writeln!(yaml, "        - rule: {}", quoted(&rule)).ok();
        }
    }
}

/// An entry for `subjects`, if the setting can express it.
fn subjects(subjects: &Subjects) -> Option<String> {
    let entry = match subjects {
        Subjects::Exact(name) if !name.ends_with('*') => name.clone(),
        Subjects::Prefix(beginning) => format!("{beginning}*"),
        // No real subject equals this text.
        Subjects::Unknown(text) => format!("write here who may pass: {text}"),
        Subjects::Exact(_) | Subjects::Suffix(_) | Subjects::Contains(_) => return None,
    };
    SubjectRule::parse(&entry).is_ok().then_some(entry)
}

/// The constraints on tokens of one issuer, as rules of a profile that may trust others too.
fn rules(issuer: &Provider, alone: bool) -> Vec<String> {
    let own = |demand: String| {
        if alone { demand } else { format!("claims.iss != {} || {demand}", quoted(&issuer.issuer)) }
    };
    let subjects = issuer.subjects.as_ref().map(|subjects| match subjects {
        Subjects::Exact(name) => format!("claims.sub == {}", quoted(name)),
        Subjects::Prefix(text) => format!("claims.sub.startsWith({})", quoted(text)),
        Subjects::Suffix(text) => format!("claims.sub.endsWith({})", quoted(text)),
        Subjects::Contains(text) => format!("claims.sub.contains({})", quoted(text)),
        Subjects::Unknown(text) => {
            format!("claims.sub == {}", quoted(&format!("write here who may pass: {text}")))
        }
    });
    let lifetime = issuer.max_lifetime.filter(|_| !alone);
    let lifetime = lifetime.map(|seconds| format!("claims.exp - now <= {seconds}"));
    subjects.into_iter().chain(lifetime).map(own).collect()
}

fn write_http(yaml: &mut String, http: &Http, preflight: bool) {
    yaml.push_str("ext_authz: # for Envoy's filter ext_authz, in place of jwt_authn\n  tokens:\n");
    for place in &http.tokens {
        writeln!(yaml, "    - {place}").ok();
    }
    if !http.claims.is_empty() {
        yaml.push_str("  claims_to_headers:\n");
        for (claim, header) in &http.claims {
            let (claim, header) = (quoted(claim), quoted(header));
            writeln!(yaml, "    - {{ claim: {claim}, header: {header} }}").ok();
        }
    }
    if http.forward {
        yaml.push_str("  forward_token: true\n");
    }
    if preflight {
        yaml.push_str("  bypass_cors_preflight: true\n");
    }
}
