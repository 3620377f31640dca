//! Tests for rules on proven tokens: the values that they read, the errors, and the cost.

use super::*;
use crate::jose::{Limits, UnixTime, json};
use crate::policy::tests::proven;
use crate::policy::{Budget, Caller};
use crate::verify::Reason;
use allocation_counter::{AllocationInfo, measure};
use std::thread;

mod budget;

fn parse(text: &str) -> Result<Rule, BadRule> {
    parse_measured(text).0
}

/// Parses a rule as the daemon does, and measures the allocations.
fn parse_measured(text: &str) -> (Result<Rule, BadRule>, AllocationInfo) {
    let parser = thread::Builder::new().stack_size(Rule::STACK_BYTES);
    let parse = || {
        let (language, mut read) = (Language::default(), None);
        let took = measure(|| read = Some(Rule::parse(text, "rules[0]", None, &language)));
        (read.unwrap(), took)
    };
    thread::scope(|scope| parser.spawn_scoped(scope, parse).unwrap().join().unwrap())
}

/// The verdict on a token with these members, on the stack of a worker thread.
fn checked(text: &str, extra: &str) -> Result<(), Reject> {
    checked_within(text, extra, &Budget::default())
}

fn checked_within(text: &str, extra: &str, budget: &Budget) -> Result<(), Reject> {
    let rule = parse(text).unwrap_or_else(|bad| panic!("{text}: {bad}"));
    let token = proven(extra);
    let claims = json::parse(token.payload(), &Limits::DEFAULT.json).unwrap();
    let attributes = [("method", "GET"), ("path", "/users/alice/orders")]
        .map(|(name, value)| (Arc::from(name), Arc::from(value)));
    let input = PolicyInput {
        proven: &token,
        claims: Some(&claims),
        caller: &Caller::Unix { user: 1000, group: 7, process: None },
        attributes: &attributes,
        now: UnixTime::from_seconds(50),
        budget,
    };
    rule.check(&input)
}

fn reason(text: &str, extra: &str) -> Reason {
    checked(text, extra).map_or_else(|reject| reject.reason(), |()| Reason::Ok)
}

const TOKEN: &str = r#","sub":"alice","tier":"gold","level":7,"big":18446744073709551615,
    "below":-3,"share":0.5,"groups":["ops","dev"],"none":null,"yes":true,
    "realm":{"roles":["admin"],"n":{"x":1}},"auth_time":40,"list":[["a"],["b"]]"#;

#[test]
fn rules_see_claims_header_caller_request_and_the_time() {
    for good in [
        "true",
        "claims.tier == 'gold'",
        "claims['tier'] == 'gold' && claims.level >= 7 && claims.level < 7.5",
        "claims.big == 18446744073709551615u && claims.below == -3 && claims.share == 0.5",
        "'ops' in claims.groups && size(claims.groups) == 2",
        "claims.groups.exists(g, g.startsWith('de'))",
        "claims.groups.all(g, g.size() == 3) && !claims.groups.exists(g, g == 'x')",
        "claims.groups.filter(g, g != 'ops') == ['dev']",
        "claims.groups.map(g, g + '!') == ['ops!', 'dev!']",
        "claims.realm.roles[0] == 'admin' && claims.realm.n.x == 1",
        "claims.list.exists(l, 'b' in l)",
        "claims.list.exists(l, l.exists(x, x == 'b'))",
        "claims.none == null && claims.yes && has(claims.none)",
        "!has(claims.lost) && has(claims.realm.n) && !has(claims.realm.lost)",
        "!('lost' in claims) && 'tier' in claims",
        "has(claims.lost) ? claims.lost == 1 : claims.tier == 'gold'",
        "header.alg == 'EdDSA' && header.kid == 'k' && !has(header.typ)",
        "caller.user == 1000 && caller.group == 7 && !has(caller.names)",
        "request.path.startsWith('/users/' + claims.sub + '/') && request.method == 'GET'",
        "now - claims.auth_time <= 10 && now == 50",
        "string(claims.level) == '7' && int('7') == claims.level && double('0.5') == claims.share",
        // In CEL a deciding operand hides the error of another one.
        "claims.lost == 1 || claims.tier == 'gold'",
        "!(claims.lost == 1 && claims.tier == 'lead')",
    ] {
        assert_eq!(checked(good, TOKEN), Ok(()), "{good}");
    }
    for bad in [
        "false",
        "claims.tier == 'lead'",
        "'root' in claims.groups",
        // Values of different types are not equal.
        "claims.level == '7'",
        "claims.yes == 'true'",
        "claims.realm == claims.groups",
        "request.path.startsWith('/users/bob/')",
    ] {
        assert_eq!(reason(bad, TOKEN), Reason::PolicyDenied, "{bad}");
    }
}

#[test]
fn r38_a_rule_that_cannot_be_decided_lets_nobody_pass() {
    for (bad, why) in [
        ("claims.lost == 1", "has("),
        ("claims.realm.lost == 1", "has("),
        ("request.lost == 'x'", "has("),
        ("header.typ == 'JWT'", "has("),
        ("caller.names == []", "has("),
        ("claims.groups[2] == 'x'", "beyond the end"),
        ("claims.level + 9223372036854775807 > 0", "computed"),
        ("claims.level / 0 == 1", "computed"),
        ("claims.level > 'x'", "unexpected type"),
        ("claims.level + 'x' == 'x'", "unexpected type"),
        ("'x' in claims.level", "unexpected type"),
        ("claims.tier.lost == 1", "unexpected type"),
        ("claims.tier.exists(x, x == 'a')", "unexpected type"),
        ("claims.tier && true", "unexpected type"),
        ("!claims.tier", "unexpected type"),
        ("claims.level.startsWith('a')", "unexpected type"),
        ("claims.tier", "neither true nor false"),
        ("claims.yes ? claims.tier : claims.yes", "neither true nor false"),
        ("int(claims.tier) == 1", "does not accept"),
        ("claims[1] == 2", "unexpected type"),
        ("1 in claims", "unexpected type"),
    ] {
        let reject = checked(bad, TOKEN).unwrap_err();
        assert_eq!(reject.reason(), Reason::PolicyFailed, "{bad}: {reject}");
        let text = reject.to_string();
        assert!(text.starts_with("`rules[0]` cannot be decided: "), "{bad}: {text}");
        assert!(text.contains(why), "{bad}: {text}");
        for held in ["gold", "ops", "alice"] {
            assert!(!text.contains(held), "{bad}: the detail quotes the token: {text}");
        }
    }
}

#[test]
fn a_number_never_matches_another_that_is_rounded_to_the_same() {
    let id = |number: &str| format!(r#","id":{number},"ids":[{number}]"#);
    for (rule, number, expected) in [
        ("claims.id == 18446744073709551615u", "18446744073709551615", Reason::Ok),
        ("claims.id == 18446744073709551615u", "18446744073709551615.0", Reason::Ok),
        ("claims.id == 18446744073709551615u", "18446744073709551616", Reason::PolicyFailed),
        ("claims.id == 18446744073709551615u", "18446744073709552000", Reason::PolicyFailed),
        ("claims.id == 9007199254740993", "9007199254740993", Reason::Ok),
        ("claims.id == 9007199254740993", "9007199254740992", Reason::PolicyDenied),
        ("claims.id == 9007199254740993", "9007199254740992.0", Reason::PolicyDenied),
        ("claims.id == 100000000000000001", "1e17", Reason::PolicyDenied),
        ("claims.id == 100000000000000000", "1e17", Reason::Ok),
        ("100000000000000001 in claims.ids", "1e17", Reason::PolicyDenied),
        ("claims.id == 9007199254740991.0", "9007199254740993", Reason::PolicyDenied),
        ("claims.id == 0.1", "0.1000000000000000055511151231257827", Reason::PolicyFailed),
        ("claims.id == 0.1", "0.10", Reason::Ok),
        ("claims.id == 1000.0 && claims.id == 1000", "1e3", Reason::Ok),
        ("claims.id * 2.0 == 2.0", "1.0", Reason::Ok),
        ("claims.id < 0", "-9223372036854775809", Reason::PolicyFailed),
        ("claims.id == 0", "-0", Reason::Ok),
    ] {
        assert_eq!(reason(rule, &id(number)), expected, "{rule} {number}");
    }
    for rule in ["claims.id == 18446744073709551616.0", "claims.id > 0.1000000000000000055"] {
        assert!(matches!(parse(rule), Err(BadRule::Inexact(_))), "{rule}");
    }
    assert!(matches!(parse("claims.id == 18446744073709551616u"), Err(BadRule::Syntax { .. })));
    let bad = parse("claims.id == 1e16").unwrap_err();
    assert_eq!(bad.to_string(), "the number `1e16` cannot be compared exactly");
    assert!(bad.remediation().contains("access.claims"));
}

#[test]
fn the_refused_are_told_the_message_or_the_rule() {
    let token = proven("");
    let input = PolicyInput {
        proven: &token,
        claims: None,
        caller: &Caller::Unknown,
        attributes: &[],
        now: UnixTime::from_seconds(1),
        budget: &Budget::default(),
    };
    let told = |message| {
        Rule::parse(" now > 5 ", "r", message, &Language::default())
            .unwrap()
            .check(&input)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(told(None), "the rule `now > 5` does not hold");
    assert_eq!(told(Some("wait a little")), "wait a little");
}

#[test]
fn a_large_claim_is_looked_into_where_it_is() {
    let list: String = (0..700).map(|number| format!(r#""g{number}","#)).collect();
    let token = format!(r#","groups":[{list}7],"realm":{{"roles":[{list}"x"],"a b":["y"]}}"#);
    for (rule, expected) in [
        ("'g699' in claims.groups && 'x' in claims.realm.roles", Reason::Ok),
        ("'x' in claims['realm']['roles'] && 'y' in claims.realm['a b']", Reason::Ok),
        ("'roles' in claims.realm && !('lost' in claims.realm)", Reason::Ok),
        ("!('lost' in claims.groups) && 'sub' + '' in ['sub']", Reason::Ok),
        ("['g1', 'lost'].exists(g, g in claims.groups)", Reason::Ok),
        ("'g700' in claims.groups", Reason::PolicyDenied),
        ("'x' in claims.groups", Reason::PolicyDenied),
        ("'x' in claims.lost", Reason::PolicyFailed),
        ("'x' in claims.realm.lost", Reason::PolicyFailed),
        ("'x' in claims.groups.lost", Reason::PolicyFailed),
        ("'x' in claims.iss", Reason::PolicyFailed),
        // The library compares values that are not strings, and reads the list for that.
        ("7 in claims.groups", Reason::PolicyFailed),
        ("[['b']].exists(claims, 'b' in claims)", Reason::Ok),
    ] {
        assert_eq!(reason(rule, &token), expected, "{rule}");
    }
    // Each lookup costs steps, so that a loop over lookups ends.
    let budget = Budget::default();
    assert_eq!(checked_within("'lost' in claims.groups || true", &token, &budget), Ok(()));
    assert!(budget.spent() > 700 / 16, "{}", budget.spent());
    let small = r#","list":["a",7,["b"]],"object":{"k":1}"#;
    for good in ["7 in claims.list", "['b'] in claims.list", "'k' in claims.object"] {
        assert_eq!(reason(good, small), Reason::Ok, "{good}");
    }
}

#[test]
fn what_could_never_be_decided_is_no_rule() {
    use BadRule::{NotBoolean, UnknownFunction, UnknownName};
    for (text, fault) in [
        ("claim.tier == 1", UnknownName("claim".into())),
        ("tier == 'gold'", UnknownName("tier".into())),
        ("claims.a.exists(x, y == 1)", UnknownName("y".into())),
        ("claims.a.exists(x, x == 1) && x == 1", UnknownName("x".into())),
        ("claims.a.matches('a+')", UnknownFunction("matches".into())),
        ("timestamp(claims.a) > timestamp('x')", UnknownFunction("timestamp".into())),
        ("lower(claims.a) == 'x'", UnknownFunction("lower".into())),
        ("starts_with(claims.a, 'x')", UnknownFunction("starts_with".into())),
        ("type(claims.a) == 1", UnknownFunction("type".into())),
        ("claims.a in {'x': 1}", UnknownFunction("{…}".into())),
        ("Thing{a: 1} == claims.a", UnknownFunction("Thing".into())),
        ("'text'", NotBoolean),
        ("7", NotBoolean),
        ("claims", NotBoolean),
        ("size(claims.a)", NotBoolean),
        ("claims.a + 1", NotBoolean),
        ("-claims.a", NotBoolean),
        ("[claims.a]", NotBoolean),
    ] {
        assert_eq!(parse(text).map(|_| ()), Err(fault.clone()), "{text}");
        assert!(!fault.to_string().is_empty() && !fault.remediation().is_empty(), "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    for (text, line, column) in [
        ("", 1, 1),
        ("claims.a ==", 1, 12),
        ("claims.a = 1", 1, 10),
        ("claims.a == 'x", 1, 13),
        ("claims.a == 1 &&\n  && claims.b", 2, 3),
        ("(((", 1, 4),
        ("claims.?a == 1", 1, 7),
    ] {
        match parse(text).unwrap_err() {
            BadRule::Syntax { line: seen, column: at, message } => {
                assert!(!message.is_empty(), "{text:?}");
                assert_eq!((seen, at), (line, column), "{text:?}: {message}");
            }
            other => panic!("{text:?}: {other:?}"),
        }
    }
}

/// T72: texts that once took gigabytes, or the whole stack, are refused or parsed at once.
#[test]
fn t72_what_it_costs_to_read_a_text_is_bounded() {
    let motifs =
        ["(", "[", "!", "-", "{", "a.", "a[", "a?", "1+", "1==1&&", "[1].map(x,", "!(", "''+"];
    let mut texts: Vec<String> = motifs
        .iter()
        .flat_map(|motif| [2, 20, 100, 10_000].map(|times| motif.repeat(times)))
        .collect();
    // Complete expressions, as deep or as wide as the limit allows.
    texts.push(format!("{}true", "!".repeat(1000)));
    texts.push(format!("{}true{}", "(".repeat(500), ")".repeat(500)));
    texts.push(vec!["true"; 170].join("&&"));
    texts.push(vec!["now>0"; 140].join("||"));
    texts.push(format!("now{} > 0", "-1".repeat(500)));
    texts.push(format!("claims{} == 1", ".a".repeat(500)));
    texts.push("x".repeat(1 << 20));
    for text in texts {
        let (read, took) = parse_measured(&text);
        let shown = text.get(..40).unwrap_or(&text);
        // Allocations measure the work independently of the machine's load. The most seen were
        // 52,000 allocations, 4 MiB in total and 1.5 MiB at once.
        assert!(took.count_total < 200_000, "{shown}: {took:?}");
        assert!(took.bytes_total < 16 << 20 && took.bytes_max < 6 << 20, "{shown}: {took:?}");
        if text.len() > Rule::MOST_BYTES {
            let limit = Rule::MOST_BYTES;
            assert_eq!(read.map(|_| ()), Err(BadRule::TooLong { bytes: text.len(), limit }));
        } else if read.is_ok() {
            // A deep rule also runs on the stack of a worker thread.
            checked(&text, TOKEN).ok();
        }
    }
}

#[test]
fn what_a_rule_may_cost_is_bounded() {
    assert_eq!(parse(&format!("now{} > 0", "+1".repeat(9))).map(|_| ()), Err(BadRule::TooManySums));
    assert!(parse(&format!("now{} > 0", "+1".repeat(8))).is_ok());
    let loops = |depth: usize| {
        let inner = (0..depth).rev().fold("x0 == 1".to_owned(), |inner, level| {
            format!("claims.a.exists(x{level}, {inner})")
        });
        parse(&inner).map(|_| ())
    };
    assert_eq!((loops(2), loops(3)), (Ok(()), Err(BadRule::TooManyLoops)));
    // Consecutive loops, and a loop in the range of another one, are not nested.
    assert!(parse("claims.a.filter(x, x > 1).filter(y, y > 2).exists(z, z == 3)").is_ok());

    // The list that is iterated over does not multiply.
    let chain = |body: &str| format!("size([1]{}) > 0", format!(".map(x, {body})").repeat(6));
    assert_eq!(parse(&chain("[x, x]")).map(|_| ()), Err(BadRule::ListInLoop));
    assert!(parse(&chain("[1, 2]")).is_ok() && parse(&chain("[x]")).is_ok());
    for nested in ["x.map(y, x)", "x.map(y, y)", "x.filter(y, true)"] {
        let rule = format!("size([claims.a].map(x, {nested})) > 0");
        assert_eq!(parse(&rule).map(|_| ()), Err(BadRule::ListInLoop), "{nested}");
    }
    let literals = |count: usize| {
        let list = vec!["1"; count].join(",");
        parse(&format!("claims.a.all(x, x in [{list}])")).map(|_| ())
    };
    assert_eq!((literals(20), literals(40)), (Ok(()), Err(BadRule::TooMuchInLoops)));
    let many = ["claims.a.exists(x, x == 1)"; 9].join(" || ");
    assert_eq!(parse(&many).map(|_| ()), Err(BadRule::TooMuchInLoops));
    let wide = format!("claims.a.exists(x, {})", vec!["x == 1"; 40].join(" || "));
    assert_eq!(parse(&wide).map(|_| ()), Err(BadRule::TooMuchInLoops));

    // Limits apply to one read of a claim, and to all reads together.
    let list = |name: &str, count: usize| format!(r#","{name}":[{}1]"#, "[1],".repeat(count));
    assert_eq!(reason("size(claims.a) > 0", &list("a", 240)), Reason::Ok);
    let large = format!(r#","a":[{0},{0},{0}]"#, format!("[{}1]", "1,".repeat(200)));
    let greedy = checked("size(claims.a) > 0", &large).unwrap_err();
    assert!(greedy.to_string().contains("too much of the token"), "{greedy}");

    // Each iteration reads the whole list again.
    let list = format!(r#","a":[{}1]"#, "1,".repeat(200));
    assert_eq!(reason("claims.a.all(x, x == 1)", &list), Reason::Ok);
    let greedy = checked("claims.a.all(x, claims.a.all(y, y == 1))", &list).unwrap_err();
    assert!(greedy.to_string().contains("too many steps"), "{greedy}");
    let text = format!(r#","a":[{}1],"b":"{}""#, "1,".repeat(200), "x".repeat(8000));
    let greedy = checked("claims.a.all(x, size(claims.b) > 1)", &text).unwrap_err();
    assert!(greedy.to_string().contains("too much of the token"), "{greedy}");
}
