//! Access control: the policies of the profiles.

use super::document::{Node, Value};
use super::fault::Faults;
use super::schema::{
    Field, access as key, caller, claim, file, profile, returned, rule as rule_key, scopes,
};
use jwtd_core::policy::{
    CallerRule, Callers, ClaimPath, ClaimRule, Language, Mode, Policy, Projection, Returned, Rule,
    SameName, Scalar, SubjectRule, Test,
};
use std::fmt::Display;
use std::sync::Arc;
use std::thread;

/// Reads the policy of each profile. A policy with faults is left out.
pub(super) fn policies(root: &Node, faults: &mut Faults) -> Vec<Policy> {
    let Some(profiles) = root.at(file::profiles) else {
        return vec![Policy::default()];
    };
    let language = Language::default();
    let mut policies = Vec::new();
    for (name, node) in profiles.members() {
        let path = format!("profiles.{}", name.text);
        check_emptiness(node, &path, faults);
        let access = node.at(profile::access);
        let policy =
            access.map(|access| policy(access, &format!("{path}.access"), &language, faults));
        let callers = node.at(profile::callers).map_or(Callers::Everybody, |list| {
            let rules = list.elements().iter().enumerate();
            let rules = rules.filter_map(|(index, node)| {
                caller_rule(node, &format!("{path}.callers[{index}]"), faults)
            });
            Callers::Only(rules.collect())
        });
        let shadow = node.at(profile::shadow).map(|shadow| {
            Box::new(self::policy(shadow, &format!("{path}.shadow"), &language, faults))
        });
        let projection = node
            .at(profile::returned_claims)
            .and_then(|list| projection(list, &format!("{path}.returned_claims"), faults));
        policies.push(Policy { callers, shadow, projection, ..policy.unwrap_or_default() });
    }
    policies
}

/// Reads a caller rule; the tables of callers share the names of these settings.
pub(super) fn caller_rule(node: &Node, path: &str, faults: &mut Faults) -> Option<CallerRule> {
    let (dns, uri) = (node.word(caller::dns), node.at(caller::uri));
    let rule = CallerRule {
        user: node.find(caller::user),
        group: node.find(caller::group),
        dns: dns.map(Box::from),
        uri: uri.and_then(|uri| {
            told(SubjectRule::parse(uri.text()?), uri, &format!("{path}.uri"), faults)
        }),
    };
    let peer = node.at(caller::user).or_else(|| node.at(caller::group)).is_some();
    let certificate = node.at(caller::dns).is_some() || uri.is_some();
    if peer == certificate {
        let (what, fix) = if peer {
            let what = "no caller has both a user or group and a certificate";
            (what, "write two entries; one of them must hold")
        } else {
            ("the entry does not say who may call", "add `user`, `group`, `dns` or `uri`")
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
        let claim = node.at(returned::claim)?;
        let place = told(ClaimPath::parse(claim.text()?), claim, &format!("{path}.claim"), faults)?;
        claims.push(Returned::new(place, node.word(returned::r#as)));
    }
    let projection = Projection::new(claims);
    projection
        .map_err(|SameName(name)| {
            let what = format!("two claims are returned as `{name}`");
            faults.add(list.place, path, what, "give one of them another name with `as`");
        })
        .ok()
}

/// Refuses settings without a value. Elsewhere they count as absent; here an empty list, such as a
/// template may produce, would let every token pass.
fn check_emptiness(node: &Node, path: &str, faults: &mut Faults) {
    for (name, value) in node.members() {
        if value.value == Value::Null {
            let what = format!("`{}` is empty", name.text);
            let fix = "write the values that may pass, or remove the line";
            faults.add(name.place, &format!("{path}.{}", name.text), what, fix);
        }
    }
}

fn policy(access: &Node, path: &str, language: &Language, faults: &mut Faults) -> Policy {
    check_emptiness(access, path, faults);
    let scopes = access.at(key::scopes);
    if let Some(scopes) = scopes {
        check_emptiness(scopes, &format!("{path}.scopes"), faults);
    }
    let [all, any] = [scopes::all, scopes::any].map(|field| scopes?.at(field));
    for scope in all.into_iter().chain(any) {
        check_scopes(scope, &format!("{path}.scopes"), faults);
    }
    let mut subjects = Vec::new();
    for node in access.at(key::subjects).map(Node::items).unwrap_or_default() {
        let rule = node.text().map(SubjectRule::parse);
        let path = format!("{path}.subjects");
        subjects.extend(rule.and_then(|rule| told(rule, node, &path, faults)));
    }
    let rules = access.list(key::claims).iter().enumerate();
    let claims: Box<[_]> = rules
        .flat_map(|(index, rule)| claim_rules(rule, &format!("{path}.claims[{index}]"), faults))
        .collect();
    let rules = access.list(key::rules).iter().enumerate();
    let rules = rules.filter_map(|(index, node)| {
        rule(node, &format!("{path}.rules[{index}]"), language, faults)
    });
    Policy {
        rules: rules.collect(),
        all_scopes: all.map(Node::texts).unwrap_or_default().into_iter().map(Arc::from).collect(),
        any_scope: any.map(Node::texts).unwrap_or_default().into_iter().collect(),
        subjects: subjects.into(),
        claims,
        mode: match access.word(key::mode) {
            Some("permissive") => Mode::Permissive,
            Some("off") => Mode::Off,
            _ => Mode::Enforce,
        },
        ..Policy::default()
    }
}

/// Refuses a scope that contains a blank, because no token can hold it (RFC 6749, section 3.3).
fn check_scopes(scopes: &Node, path: &str, faults: &mut Faults) {
    for node in scopes.items() {
        let scope = node.text().unwrap_or_default();
        if scope.bytes().any(|byte| !byte.is_ascii_graphic() || b"\"\\".contains(&byte)) {
            let what = format!("{scope:?} cannot be a scope");
            faults.add(node.place, path, what, "a scope is one word; write several as a list");
        }
    }
}

/// Reads a rule in CEL. Its parser needs a deep stack.
fn rule(node: &Node, path: &str, language: &Language, faults: &mut Faults) -> Option<Rule> {
    check_emptiness(node, path, faults);
    let written = node.at(rule_key::rule)?;
    let (text, message) = (written.text()?, node.word(rule_key::message));
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

/// The comparisons, by their settings.
const KINDS: [(&Field<Node>, ByValues); 3] =
    [(claim::any, Test::Any), (claim::all, Test::All), (claim::none, Test::None)];
type ByValues = fn(Box<[Scalar]>) -> Test;

/// Reads the rules of one entry: one for each comparison in it.
fn claim_rules(rule: &Node, path: &str, faults: &mut Faults) -> Vec<ClaimRule> {
    let Some(claim) = rule.at(claim::claim) else {
        return Vec::new();
    };
    check_emptiness(rule, path, faults);
    let place = claim.text().map(ClaimPath::parse);
    let place = place.and_then(|place| told(place, claim, &format!("{path}.claim"), faults));
    let mut tests = Vec::new();
    for (field, test) in KINDS {
        if let Some(values) = rule.at(field) {
            let path = format!("{path}.{}", field.name());
            tests.push(test(scalars(values, &path, faults)));
        }
    }
    match rule.at(claim::absent).filter(|_| rule.read(claim::absent)) {
        Some(absent) if !tests.is_empty() => {
            let what = "a claim cannot be absent and hold a value";
            faults.add(absent.place, &format!("{path}.absent"), what, "remove one of the two");
        }
        Some(_) => tests.push(Test::Absent),
        None => {}
    }
    if tests.is_empty() {
        let fix = "add `any`, `all` or `none` with a list of values, or `absent: true`; that a \
                    claim must be there is said by `required_claims`";
        faults.add(rule.place, path, "the entry does not say what the claim must hold", fix);
    }
    let Some(place) = place else {
        return Vec::new();
    };
    tests.into_iter().map(|test| ClaimRule::new(place.clone(), test)).collect()
}

/// Reads one value or a list of values: a quoted value is a string, an unquoted one is typed by its
/// form.
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
