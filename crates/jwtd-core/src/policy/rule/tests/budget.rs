//! Tests for the cost of running rules, whatever the operator wrote and the caller sent.

use super::*;
use std::fmt::Write as _;

/// Token members as large as one read allows, in several forms.
fn large() -> Vec<(&'static str, String)> {
    let list = |one: &str, count: usize| vec![one; count].join(",");
    let text = "x".repeat(900);
    let mut object = String::new();
    for number in 0..160 {
        write!(object, r#"{}"m{number}":{number}"#, if number > 0 { "," } else { "" }).unwrap();
    }
    vec![
        ("numbers", format!("[{}]", list("1", 250))),
        ("texts", format!("[{}]", list(&format!("\"{text}\""), 12))),
        ("one list", format!("[[{}]]", list("1", 250))),
        ("two lists", format!("[[{0}],[{0}]]", list("1", 240))),
        ("lists", format!("[{}]", list(&format!("[{}]", list("1", 20)), 22))),
        ("lists of texts", format!("[[{}]]", list(&format!("\"{text}\""), 12))),
        ("objects", format!("[{{{object}}}]")),
        ("a long text", format!("[\"{}\"]", "x".repeat(8_000))),
    ]
}

/// Rules that multiply their input as far as the limits on their shape allow.
fn greedy() -> Vec<String> {
    let chains = ["", ".map(a, a + a)", ".map(a, a + a).map(b, b + b).map(c, c + c).map(d, d + d)"];
    let loops = [
        "all(x, BODY)",
        "all(x, x.all(y, BODY))",
        "exists(x, !x.all(y, BODY))",
        "filter(x, BODY).map(z, z + z).exists(x, false)",
        "exists_one(x, claims.n.all(y, BODY))",
        "all(x, claims.n.all(y, BODY))",
        "map(x, BODY, [x]).exists_one(z, z == [])",
    ];
    let bodies = [
        "x == x",
        "x in [x] && x in [x] && x in [x]",
        "size(x + x) > 0",
        "x + x + x == x",
        "x + 1 == x || true",
        "x < x || true",
        "1 in x || true",
        "x.lost == 1 || true",
        "string(x).contains(string(x)) || true",
        "string(x).contains('xy' + string(x)) || true",
        "claims.n == claims.n",
        "[x, 1] == [] || true",
    ];
    let mut rules = Vec::new();
    for chain in chains {
        for one in loops {
            for body in bodies {
                let twice = body.replace('x', "y").replace("e_y", "e_x").replace("'yy'", "'xy'");
                let inner =
                    if one.contains("y,") { format!("{body} && {twice}") } else { body.to_owned() };
                rules.push(format!("claims.n{chain}.{}", one.replace("BODY", &inner)));
            }
        }
    }
    rules
}

#[test]
fn no_rule_costs_more_than_its_budget() {
    let (mut spent, mut tried, mut worst) = (0, 0, (0, 0, 0));
    for text in greedy() {
        let Ok(rule) = parse(&text) else { continue };
        for (kind, member) in large() {
            let token = proven(&format!(r#","n":{member}"#));
            let claims = json::parse(token.payload(), &Limits::DEFAULT.json).unwrap();
            let budget = Budget::default();
            let input = PolicyInput {
                proven: &token,
                claims: Some(&claims),
                caller: &Caller::Unknown,
                attributes: &[],
                now: UnixTime::from_seconds(50),
                budget: &budget,
            };
            let mut outcome = Ok(());
            let took = measure(|| outcome = rule.check(&input));
            // A step costs at most a few allocations and a small multiple of 64 bytes.
            let name =
                || format!("{text} of {kind}: {took:?}, {outcome:?}, {} steps", budget.spent());
            assert!(took.count_total < 120_000, "{}", name());
            assert!(took.bytes_total < 24 << 20 && took.bytes_max < 6 << 20, "{}", name());
            worst.0 = worst.0.max(took.count_total);
            worst.1 = worst.1.max(took.bytes_total);
            worst.2 = worst.2.max(took.bytes_max);
            if budget.is_spent() {
                let reject = outcome.unwrap_err();
                assert_eq!(reject.reason(), Reason::PolicyFailed, "{text}");
                assert!(reject.to_string().contains("too many steps"), "{reject}");
                spent += 1;
            }
            tried += 1;
        }
    }
    assert!(tried > 1000 && spent > 200, "{spent} of {tried}, {worst:?}");
}

/// A rule found in an audit: it took seconds on a token of two kilobytes.
#[test]
fn what_is_doubled_and_compared_with_itself_ends_early() {
    let chain = "claims.n.map(a, a + a).map(b, b + b).map(c, c + c).map(d, d + d)";
    let list = format!(r#","n":[[{}1]]"#, "1,".repeat(250));
    let text = format!("{chain}.all(x, x.all(y, y in x))");
    let budget = Budget::default();
    let reject = checked_within(&text, &list, &budget).unwrap_err();
    assert_eq!(reject.reason(), Reason::PolicyFailed);
    assert!(budget.is_spent() && budget.spent() == Budget::STEPS);
    // No error of the library hides the spent budget, and no other rule on the token passes.
    assert_eq!(reason(&format!("{text} || true"), &list), Reason::PolicyFailed);
    assert_eq!(reason(&format!("!({text} && false)"), &list), Reason::PolicyFailed);
    assert!(checked_within("now == 50", "", &budget).is_err());
}

#[test]
fn rules_as_they_are_written_are_far_from_their_budget() {
    let groups: String = (0..100).map(|number| format!(r#""group-{number}","#)).collect();
    let roles: String =
        (0..40).map(|one| format!(r#"{{"name":"role-{one}","scope":"s"}},"#)).collect();
    let token = format!(r#","groups":[{groups}"ops"],"roles":[{roles}{{"name":"x","scope":"y"}}]"#);
    for text in [
        "claims.groups.exists(g, g == 'ops' || g.startsWith('admin-'))",
        "claims.roles.exists(r, r.name == 'x' && r.scope == 'y')",
        "claims.groups.filter(g, g.endsWith('s')).size() == 1",
        "claims.groups.exists_one(g, g == 'ops') && 'ops' in claims.groups",
        "claims.groups.all(g, g != 'banned')",
        "claims.roles.map(r, r.name + '@' + r.scope).exists(n, n == 'x@y')",
        "claims.groups.map(g, g == 'ops', g + '!') == ['ops!']",
        "claims.roles.all(r, ['a', 'b'].all(s, r.scope != s))",
    ] {
        let budget = Budget::default();
        assert_eq!(checked_within(text, &token, &budget), Ok(()), "{text}");
        assert!(budget.spent() < Budget::STEPS / 3, "{text}: {} steps", budget.spent());
    }
}
