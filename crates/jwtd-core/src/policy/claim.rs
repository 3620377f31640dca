//! Conditions on the values of claims.

use super::path::ClaimPath;
use crate::jose::json::{ExactNumber, Value};
use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;

/// A value to compare claims with: a string, a number or a boolean.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    value: Value<'static>,
    /// The number that the value is, or that it contains as text.
    number: Option<ExactNumber>,
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::new(Value::String(text.to_owned().into()))
    }
}

impl From<bool> for Scalar {
    fn from(value: bool) -> Self {
        Self::new(Value::Boolean(value))
    }
}

impl Scalar {
    fn new(value: Value<'static>) -> Self {
        Self { number: number_of(&value), value }
    }

    /// Parses a JSON number; `None` if `text` is not one. All digits are kept, so that no other
    /// number compares equal.
    #[must_use]
    pub fn number(text: &str) -> Option<Self> {
        let integer =
            text.parse().map(Value::Positive).or_else(|_| text.parse().map(Value::Negative));
        // Rust also parses texts that are not JSON (`+7`, `07`); these are refused, and so are
        // numbers beyond a double, which no token can hold.
        ExactNumber::parse(text)?;
        let finite = text.parse::<f64>().is_ok_and(f64::is_finite);
        let value = integer.unwrap_or_else(|_| Value::Decimal(text.to_owned().into()));
        finite.then(|| Self::new(value))
    }

    /// True if `held` is the same value, or the same boolean or number written as a string: some
    /// issuers send `"false"`. For forbidden values, where a false match is safer than a miss.
    fn is_or_says(&self, held: &Held<'_>) -> bool {
        let is_truth = |text: &str, truth: bool| {
            text.trim().eq_ignore_ascii_case(if truth { "true" } else { "false" })
        };
        self.is(held)
            || match (&self.value, held.value) {
                (Value::String(one), Value::String(other)) => [true, false]
                    .iter()
                    .any(|truth| is_truth(one, *truth) && is_truth(other, *truth)),
                (Value::String(text), Value::Boolean(truth))
                | (Value::Boolean(truth), Value::String(text)) => is_truth(text, *truth),
                (Value::String(_), _) | (_, Value::String(_)) => self.is_number_of(held),
                _ => false,
            }
    }

    /// True if `held` has the same type and value: 7 equals 7.0, and does not equal "7".
    fn is(&self, held: &Held<'_>) -> bool {
        match (&self.value, held.value) {
            (Value::String(one), Value::String(other)) => one == other,
            (Value::Boolean(one), Value::Boolean(other)) => one == other,
            (Value::Positive(one), Value::Positive(other)) => one == other,
            (Value::Negative(one), Value::Negative(other)) => one == other,
            (
                Value::Decimal(_) | Value::Negative(_) | Value::Positive(_),
                Value::Decimal(_) | Value::Negative(_) | Value::Positive(_),
            ) => self.is_number_of(held),
            _ => false,
        }
    }

    fn is_number_of(&self, held: &Held<'_>) -> bool {
        self.number.is_some() && self.number.as_ref() == held.number()
    }
}

/// The value of a claim. Its number is parsed at most once, however many values it is compared
/// with.
struct Held<'v> {
    value: &'v Value<'v>,
    number: OnceCell<Option<ExactNumber>>,
}

impl<'v> Held<'v> {
    fn new(value: &'v Value<'v>) -> Self {
        Self { value, number: OnceCell::new() }
    }

    /// The number that the value is, or that it contains as text.
    fn number(&self) -> Option<&ExactNumber> {
        self.number.get_or_init(|| number_of(self.value)).as_ref()
    }
}

fn number_of(value: &Value<'_>) -> Option<ExactNumber> {
    match value {
        Value::String(text) => ExactNumber::parse(text.trim()),
        other => other.as_number(),
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::String(text) => write!(f, "{text:?}"),
            Value::Boolean(value) => value.fmt(f),
            Value::Positive(number) => number.fmt(f),
            Value::Negative(number) => number.fmt(f),
            Value::Decimal(number) => number.fmt(f),
            Value::Array(_) | Value::Null | Value::Object(_) => Ok(()),
        }
    }
}

/// The comparison that a claim must pass.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// The claim must be absent; `null` counts as absent.
    Absent,
    /// The claim must hold every one of these values.
    All(Box<[Scalar]>),
    /// The claim must hold at least one of these values.
    Any(Box<[Scalar]>),
    /// The claim must hold none of these values, not even written as a string. It may be absent.
    None(Box<[Scalar]>),
}

/// A condition on one claim. An array holds its elements; any other value holds itself.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimRule {
    path: ClaimPath,
    test: Test,
    text: Arc<str>,
}

impl ClaimRule {
    /// Builds a rule for the claim at `path`.
    #[must_use]
    pub fn new(path: ClaimPath, test: Test) -> Self {
        let listed = |values: &[Scalar]| {
            values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        let text = match &test {
            Test::Absent => format!("the claim `{}` must not be there", path.text()),
            Test::All(values) => {
                format!("the claim `{}` must hold {}", path.text(), listed(values))
            }
            Test::Any(values) if values.len() == 1 => {
                format!("the claim `{}` must hold {}", path.text(), listed(values))
            }
            Test::Any(values) => {
                format!("the claim `{}` must hold one of {}", path.text(), listed(values))
            }
            Test::None(values) => {
                format!("the claim `{}` must not hold {}", path.text(), listed(values))
            }
        };
        Self { path, test, text: text.into() }
    }

    /// The condition as text, for the message of a refusal.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Returns true if `claims` satisfy the condition.
    #[must_use]
    pub fn is_met(&self, claims: &Value<'_>) -> bool {
        let held = match self.path.find(claims) {
            Some(Value::Array(elements)) => elements,
            Some(other) => std::slice::from_ref(other),
            None => &[],
        };
        // Loops over elements outside and values inside, because a token may have up to 10,000
        // elements.
        let mut held = held.iter().map(Held::new);
        match &self.test {
            Test::Absent => self.path.find(claims).is_none(),
            Test::All(values) => {
                let mut missing: Vec<_> = values.iter().collect();
                missing.is_empty()
                    || held.any(|one| {
                        missing.retain(|scalar| !scalar.is(&one));
                        missing.is_empty()
                    })
            }
            Test::Any(values) => held.any(|one| values.iter().any(|scalar| scalar.is(&one))),
            Test::None(values) => {
                !held.any(|one| values.iter().any(|scalar| scalar.is_or_says(&one)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Limits, json};

    fn met(claims: &str, path: &str, test: Test) -> bool {
        let claims = json::parse(claims.as_bytes(), &Limits::DEFAULT.json).unwrap();
        ClaimRule::new(ClaimPath::parse(path).unwrap(), test).is_met(&claims)
    }

    fn texts(values: &[&str]) -> Box<[Scalar]> {
        values.iter().map(|text| Scalar::from(*text)).collect()
    }

    #[test]
    fn an_array_holds_its_elements_and_any_other_claim_itself() {
        let roles = r#"{"realm":{"roles":["a","b"]},"role":"a","none":[],"gone":null,"in":[["a"],{"a":1}]}"#;
        let any = |path, values: &[&str]| met(roles, path, Test::Any(texts(values)));
        assert!(any("/realm/roles", &["x", "b"]) && any("role", &["a"]));
        for (path, values) in [
            ("/realm/roles", &["x"][..]),
            ("none", &["a"]),
            ("gone", &["a"]),
            ("lost", &["a"]),
            ("in", &["a"]),
            ("realm", &["roles"]),
        ] {
            assert!(!any(path, values), "{path}");
        }
        let all = |path, values: &[&str]| met(roles, path, Test::All(texts(values)));
        assert!(all("/realm/roles", &["b", "a"]) && all("role", &["a"]));
        assert!(
            !all("/realm/roles", &["a", "x"]) && !all("role", &["a", "b"]) && !all("lost", &["a"])
        );
        let none = |path, values: &[&str]| met(roles, path, Test::None(texts(values)));
        assert!(none("/realm/roles", &["x"]) && none("lost", &["a"]) && none("gone", &["a"]));
        assert!(!none("/realm/roles", &["x", "b"]) && !none("role", &["a"]));
        assert!(met(roles, "lost", Test::Absent) && met(roles, "gone", Test::Absent));
        assert!(!met(roles, "none", Test::Absent) && !met(roles, "role", Test::Absent));
    }

    #[test]
    fn what_must_not_be_there_must_not_be_there_as_a_text_either() {
        let none = |claims: &str, scalar: Scalar| met(claims, "c", Test::None([scalar].into()));
        let number = || Scalar::number("7").unwrap();
        for (claim, scalar, met) in [
            ("false", Scalar::from(false), false),
            (r#""false""#, Scalar::from(false), false),
            (r#""False""#, Scalar::from(false), false),
            (r#"["x"," false "]"#, Scalar::from(false), false),
            (r#""true""#, Scalar::from(false), true),
            ("7", number(), false),
            (r#""7""#, number(), false),
            (r#""8""#, number(), true),
            ("false", Scalar::from("false"), false),
            ("7", Scalar::from("7"), false),
            ("-7", Scalar::from("-7"), false),
            (r#""7""#, Scalar::from("7.0"), true),
            ("7.0", Scalar::from("7"), false),
            (r#""7.0""#, number(), false),
            ("1.5", Scalar::from("1.5"), false),
            ("18446744073709551617", Scalar::from("18446744073709551617"), false),
            ("18446744073709551616", Scalar::from("18446744073709551617"), true),
            (r#""False""#, Scalar::from("false"), false),
            (r#""no""#, Scalar::from("false"), true),
            ("null", Scalar::from(false), true),
        ] {
            assert_eq!(
                none(&format!(r#"{{"c":{claim}}}"#), scalar.clone()),
                met,
                "{claim} {scalar}"
            );
        }
    }

    #[test]
    fn values_are_compared_by_kind() {
        let claims = r#"{"n":7,"f":7.0,"s":"7","t":true,"ts":"true","big":9007199254740993,"limit":9007199254740992,"below":-9007199254740992,"under":-9007199254740993,"m":-3}"#;
        let is = |path, scalar: Scalar| met(claims, path, Test::Any([scalar].into()));
        let seven = || Scalar::number("7").unwrap();
        assert!(is("n", seven()) && is("f", seven()) && is("m", Scalar::number("-3.0").unwrap()));
        assert!(is("m", Scalar::number("-3").unwrap()) && !is("m", Scalar::number("-4").unwrap()));
        assert!(!is("s", seven()) && !is("n", "7".into()) && !is("t", "true".into()));
        assert!(
            is("t", true.into())
                && is("ts", "true".into())
                && !is("ts", true.into())
                && !is("t", false.into())
        );
        assert!(is("big", Scalar::number("9007199254740993").unwrap()));
        assert!(!is("big", Scalar::number("9007199254740992.0").unwrap()));
        // Each number differs from its neighbors, although doubles would be equal.
        assert!(is("limit", Scalar::number("9007199254740992.0").unwrap()));
        assert!(is("below", Scalar::number("-9007199254740992.0").unwrap()));
        assert!(!is("under", Scalar::number("-9007199254740992.0").unwrap()));
        for no in ["", "x", "inf", "NaN", "1e400", "+7", "07", ".5", "5."] {
            assert_eq!(Scalar::number(no), None, "{no}");
        }
    }

    #[test]
    fn a_number_never_matches_another_that_is_rounded_to_the_same() {
        let numbers = [
            "18446744073709551615",
            "18446744073709551616",
            "18446744073709551617",
            "-9223372036854775809",
            "-9223372036854775808",
            "1e3",
            "0.1",
            "0.1000000000000000055511151231257827",
            "0",
            "123456789012345678901234567890",
        ];
        for (place, sent) in numbers.iter().enumerate() {
            for (other, scalar) in numbers.iter().enumerate() {
                let test = || Test::Any([Scalar::number(scalar).unwrap()].into());
                let same = met(&format!(r#"{{"id":{sent},"all":[{sent}]}}"#), "id", test());
                assert_eq!(same, place == other, "{sent} {scalar}");
                assert_eq!(met(&format!(r#"{{"all":[{sent}]}}"#), "all", test()), same);
            }
        }
        for (sent, scalar) in [
            ("1e3", "1000"),
            ("1000.0", "1e3"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("18446744073709551617.0", "18446744073709551617"),
            ("1.8446744073709551617e19", "18446744073709551617"),
        ] {
            let claims = format!(r#"{{"id":{sent}}}"#);
            assert!(met(&claims, "id", Test::Any([Scalar::number(scalar).unwrap()].into())));
            assert!(!met(&claims, "id", Test::None([Scalar::number(scalar).unwrap()].into())));
        }
    }

    #[test]
    fn a_demand_is_told_in_words() {
        let text = |test| ClaimRule::new(ClaimPath::parse("g").unwrap(), test).text().to_string();
        assert_eq!(
            text(Test::Any(texts(&["a", "b"]))),
            r#"the claim `g` must hold one of "a", "b""#
        );
        assert_eq!(text(Test::Any(texts(&["a"]))), r#"the claim `g` must hold "a""#);
        assert_eq!(
            text(Test::All([true.into(), Scalar::number("7").unwrap()].into())),
            "the claim `g` must hold true, 7"
        );
        assert_eq!(text(Test::None(texts(&["a"]))), r#"the claim `g` must not hold "a""#);
        assert_eq!(text(Test::Absent), "the claim `g` must not be there");
    }
}
