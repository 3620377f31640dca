//! Access control: the policies of the profiles.

use super::document::{Node, Value};
use super::fault::Faults;
use jwtd_core::policy::{
    CallerRule, Callers, ClaimPath, ClaimRule, Language, Mode, Policy, Projection, Returned, Rule,
    SameName, Scalar, SubjectRule, Test,
};
use std::fmt::Display;
use std::sync::Arc;
use std::thread;

/// For each profile its policy. What is wrong goes to `faults` and is left out.
pub(super) fn policies(root: &Node, faults: &mut Faults) -> Vec<Policy> {
    let Some(profiles) = root.get("profiles") else {
        return vec![Policy::default()];
    };
    let language = Language::default();
    let mut policies = Vec::new();
    for (name, profile) in profiles.members() {
        let path = format!("profiles.{}", name.text);
        check_emptiness(profile, &path, faults);
        let access = profile.get("access");
        let policy =
            access.map(|access| policy(access, &format!("{path}.access"), &language, faults));
        let callers = profile.get("callers").map_or(Callers::Everybody, |list| {
            let rules = list.elements().iter().enumerate();
            let rules = rules.filter_map(|(index, node)| {
                caller(node, &format!("{path}.callers[{index}]"), faults)
            });
            Callers::Only(rules.collect())
        });
        let shadow = profile.get("shadow").map(|shadow| {
            let path = format!("{path}.shadow");
            if let Some(mode) = shadow.get("mode") {
                let what = "what is only tried has no mode";
                faults.add(mode.place, &format!("{path}.mode"), what, "remove it");
            }
            Box::new(self::policy(shadow, &path, &language, faults))
        });
        let projection = profile
            .get("returned_claims")
            .and_then(|list| projection(list, &format!("{path}.returned_claims"), faults));
        policies.push(Policy { callers, shadow, projection, ..policy.unwrap_or_default() });
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
        let (what, fix) = if peer {
            let what = "no caller has both a user or group and a certificate";
            (what, "write two entries; one of them must hold")
        } else {
            ("it is not said who may call", "add `user`, `group`, `dns` or `uri`")
        };
        faults.add(node.place, path, what, fix);
    }
    (rule != CallerRule::default()).then_some(rule)
}

fn projection(list: &Node, path: &str, faults: &mut Faults) -> Option<Projection> {
    let mut claims = Vec::new();
    for (index, node) in list.elements().iter().enumerate() {
        let path = format!("{path}[{index}]");
        check_emptiness(node, &path, faults);
        let claim = node.get("claim")?;
        let place = told(ClaimPath::parse(claim.text()?), claim, &format!("{path}.claim"), faults)?;
        claims.push(Returned::new(place, node.get("as").and_then(Node::text)));
    }
    let projection = Projection::new(claims);
    projection
        .map_err(|SameName(name)| {
            let what = format!("two claims are returned as `{name}`");
            faults.add(list.place, path, what, "give one of them another name with `as`");
        })
        .ok()
}

/// Elsewhere a setting without a value is as good as none. Here that would let all pass
/// where a list came out empty.
fn check_emptiness(node: &Node, path: &str, faults: &mut Faults) {
    for (name, value) in node.members() {
        if value.value == Value::Null {
            let what = format!("`{}` is empty", name.text);
            let fix = "write what may pass; without the line it does not count";
            faults.add(name.place, &format!("{path}.{}", name.text), what, fix);
        }
    }
}

fn policy(access: &Node, path: &str, language: &Language, faults: &mut Faults) -> Policy {
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
    let claims: Box<[_]> = rules
        .flat_map(|(index, rule)| claim_rules(rule, &format!("{path}.claims[{index}]"), faults))
        .collect();
    let rules = access.get("rules").map(Node::elements).unwrap_or_default().iter().enumerate();
    let rules = rules.filter_map(|(index, node)| {
        rule(node, &format!("{path}.rules[{index}]"), language, faults)
    });
    Policy {
        rules: rules.collect(),
        all_scopes: all.map(Node::texts).unwrap_or_default().into_iter().map(Arc::from).collect(),
        any_scope: any.map(Node::texts).unwrap_or_default().into_iter().collect(),
        subjects: subjects.into(),
        claims,
        mode: match access.get("mode").and_then(Node::text) {
            Some("permissive") => Mode::Permissive,
            Some("off") => Mode::Off,
            _ => Mode::Enforce,
        },
        ..Policy::default()
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

/// A rule in CEL. Its parser wants a deep stack.
fn rule(node: &Node, path: &str, language: &Language, faults: &mut Faults) -> Option<Rule> {
    check_emptiness(node, path, faults);
    let written = node.get("rule")?;
    let (text, message) = (written.text()?, node.get("message").and_then(Node::text));
    let parse = || Rule::parse(text, path, message, language);
    let parsed = thread::scope(|scope| {
        let parser = thread::Builder::new().stack_size(Rule::STACK_BYTES);
        parser.spawn_scoped(scope, parse).ok()?.join().ok()
    });
    let place = (written.place, format!("{path}.rule"));
    match parsed {
        Some(Ok(rule)) => return Some(rule),
        Some(Err(bad)) => faults.add(place.0, &place.1, bad.to_string(), bad.remediation()),
        None => faults.add(place.0, &place.1, "the rule cannot be read", "write it in another way"),
    }
    None
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
        let fix = "add `any`, `all` or `none` with a list of values, or `absent: true`; that a \
                    claim must be there is said by `required_claims`";
        faults.add(rule.place, path, "it is not said what the claim must hold", fix);
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
