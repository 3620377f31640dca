//! Access control: the policies of the profiles.

use super::document::{Node, Value};
use super::fault::Faults;
use crate::policy::{CallerRule, ClaimPath, ClaimRule, Mode, Policy, Scalar, SubjectRule, Test};
use std::fmt::Display;
use std::sync::Arc;

/// For each profile its policy. What is wrong goes to `faults` and is left out.
pub(super) fn policies(root: &Node, faults: &mut Faults) -> Vec<Policy> {
    let Some(profiles) = root.get("profiles") else {
        return vec![Policy::default()];
    };
    let mut policies = Vec::new();
    for (name, profile) in profiles.members() {
        let path = format!("profiles.{}", name.text);
        check_emptiness(profile, &path, faults);
        let access = profile.get("access");
        let policy = access.map(|access| policy(access, &format!("{path}.access"), faults));
        let callers = profile.get("callers").map(Node::elements).unwrap_or_default().iter();
        let callers = callers
            .enumerate()
            .filter_map(|(index, node)| caller(node, &format!("{path}.callers[{index}]"), faults));
        policies.push(Policy { callers: callers.collect(), ..policy.unwrap_or_default() });
    }
    policies
}

fn caller(node: &Node, path: &str, faults: &mut Faults) -> Option<CallerRule> {
    let number = |key: &str| node.get(key).and_then(|node| node.text()?.parse().ok());
    let uri = node.get("uri");
    let rule = CallerRule {
        user: number("user"),
        group: number("group"),
        dns: node.get("dns").and_then(Node::text).map(Box::from),
        uri: uri.and_then(|uri| {
            told(SubjectRule::parse(uri.text()?), uri, &format!("{path}.uri"), faults)
        }),
    };
    let given = |keys: [&str; 2]| keys.iter().any(|key| node.get(key).is_some());
    let (peer, certificate) = (given(["user", "group"]), given(["dns", "uri"]));
    if peer == certificate {
        let (what, mend) = if peer {
            let what = "no caller has both a user or group and a certificate";
            (what, "write two entries; one of them must hold")
        } else {
            ("it is not said who may call", "add `user`, `group`, `dns` or `uri`")
        };
        faults.add(node.place, path, what, mend);
    }
    (rule != CallerRule::default()).then_some(rule)
}

/// Elsewhere a setting without a value is as good as none. Here that would let all pass
/// where a list came out empty.
fn check_emptiness(node: &Node, path: &str, faults: &mut Faults) {
    for (name, value) in node.members() {
        if value.value == Value::Null {
            let what = format!("`{}` is empty", name.text);
            let mend = "write what may pass; without the line it does not count";
            faults.add(name.place, &format!("{path}.{}", name.text), what, mend);
        }
    }
}

fn policy(access: &Node, path: &str, faults: &mut Faults) -> Policy {
    check_emptiness(access, path, faults);
    if let Some(scopes) = access.get("scopes") {
        check_emptiness(scopes, &format!("{path}.scopes"), faults);
    }
    let scopes = |kind| access.get("scopes").and_then(|scopes| scopes.get(kind));
    let (all, any) = (scopes("all"), scopes("any"));
    for scope in all.into_iter().chain(any) {
        check_scopes(scope, &format!("{path}.scopes"), faults);
    }
    let mut subjects = Vec::new();
    for node in access.get("subjects").map(Node::items).unwrap_or_default() {
        let rule = node.text().map(SubjectRule::parse);
        let path = format!("{path}.subjects");
        subjects.extend(rule.and_then(|rule| told(rule, node, &path, faults)));
    }
    let rules = access.get("claims").map(Node::elements).unwrap_or_default().iter().enumerate();
    let claims = rules
        .flat_map(|(index, rule)| claim_rules(rule, &format!("{path}.claims[{index}]"), faults));
    Policy {
        callers: Box::default(),
        all_scopes: all.map(Node::texts).unwrap_or_default().into_iter().map(Arc::from).collect(),
        any_scope: any.map(Node::texts).unwrap_or_default().into_iter().collect(),
        subjects: subjects.into(),
        claims: claims.collect(),
        mode: match access.get("mode").and_then(Node::text) {
            Some("permissive") => Mode::Permissive,
            Some("off") => Mode::Off,
            _ => Mode::Enforce,
        },
    }
}

/// A scope of two words would be asked for in vain (RFC 6749, section 3.3).
fn check_scopes(scopes: &Node, path: &str, faults: &mut Faults) {
    for node in scopes.items() {
        let scope = node.text().unwrap_or_default();
        if scope.bytes().any(|byte| !byte.is_ascii_graphic() || b"\"\\".contains(&byte)) {
            let what = format!("{scope:?} cannot be a scope");
            faults.add(node.place, path, what, "a scope is one word; write several as a list");
        }
    }
}

/// How values are compared, by the name of the setting.
const KINDS: [(&str, ByValues); 3] = [("any", Test::Any), ("all", Test::All), ("none", Test::None)];
type ByValues = fn(Box<[Scalar]>) -> Test;

/// The rules of one entry: one for each comparison in it.
fn claim_rules(rule: &Node, path: &str, faults: &mut Faults) -> Vec<ClaimRule> {
    let Some(claim) = rule.get("claim") else {
        return Vec::new();
    };
    check_emptiness(rule, path, faults);
    let place = claim.text().map(ClaimPath::parse);
    let place = place.and_then(|place| told(place, claim, &format!("{path}.claim"), faults));
    let mut tests = Vec::new();
    for (name, test) in KINDS {
        if let Some(values) = rule.get(name) {
            tests.push(test(scalars(values, &format!("{path}.{name}"), faults)));
        }
    }
    match rule.get("absent") {
        Some(absent) if absent.text() == Some("true") && !tests.is_empty() => {
            let what = "a claim that must not be there holds nothing";
            faults.add(absent.place, &format!("{path}.absent"), what, "remove one of the two");
        }
        Some(absent) if absent.text() == Some("true") => tests.push(Test::Absent),
        Some(_) | None => {}
    }
    if tests.is_empty() {
        let mend = "add `any`, `all` or `none` with a list of values, or `absent: true`; that a \
                    claim must be there is said by `required_claims`";
        faults.add(rule.place, path, "it is not said what the claim must hold", mend);
    }
    let Some(place) = place else {
        return Vec::new();
    };
    tests.into_iter().map(|test| ClaimRule::new(place.clone(), test)).collect()
}

/// One value or a list of them: with quotes a string, without them what it looks like.
fn scalars(values: &Node, path: &str, faults: &mut Faults) -> Box<[Scalar]> {
    let mut scalar = |node: &Node| match &node.value {
        Value::Text(text) => Some(Scalar::from(text.as_str())),
        Value::Literal(text) => match text.as_str() {
            "true" => Some(Scalar::from(true)),
            "false" => Some(Scalar::from(false)),
            number => {
                let scalar = Scalar::number(number);
                if scalar.is_none() {
                    let what = format!("`{number}` is no number that a claim can hold");
                    faults.add(node.place, path, what, "put it into quotes if it is a text");
                }
                scalar
            }
        },
        Value::List(_) | Value::Map(_) | Value::Null => None,
    };
    values.items().iter().filter_map(&mut scalar).collect()
}

fn told<T, E: Display>(
    read: Result<T, E>,
    node: &Node,
    path: &str,
    faults: &mut Faults,
) -> Option<T> {
    read.map_err(|error| faults.add(node.place, path, error.to_string(), "")).ok()
}
