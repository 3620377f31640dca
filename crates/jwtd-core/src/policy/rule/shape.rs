//! Limits on the shape of a rule: every name in it exists, and its cost is bounded.

use cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};
use cel::{ParseErrors, Program};
use std::fmt;

/// Why a rule is refused. Positions are characters of its text, counted from 1.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRule {
    /// The rule is longer than [`Rule::MOST_BYTES`](super::Rule::MOST_BYTES).
    #[error("the rule is {bytes} bytes long; at most {limit} are allowed")]
    TooLong {
        /// Its length, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The rule is not valid CEL.
    #[error(fmt = write_syntax)]
    Syntax {
        /// The line of the rule.
        line: usize,
        /// The column in that line.
        column: usize,
        /// The problem at that position.
        message: String,
    },
    /// The rule uses a name that does not exist.
    #[error("the rule names `{0}`, which does not exist")]
    UnknownName(String),
    /// The rule calls a function that does not exist.
    #[error("there is no function `{0}`")]
    UnknownFunction(String),
    /// The rule has a number that would be rounded before it is compared.
    #[error("the number `{0}` cannot be compared exactly")]
    Inexact(String),
    /// The rule is nested deeper than 32 levels.
    #[error("the rule is nested deeper than {MOST_DEPTH}")]
    TooDeep,
    /// More than two loops (`all`, `exists`, `exists_one`, `filter`, `map`) are nested.
    #[error("more than {MOST_LOOPS} loops are nested")]
    TooManyLoops,
    /// The rule has more than eight loops in all, or more than 32 operations in loops.
    #[error("more than {MOST_LOOPS_IN_ALL} loops, or {MOST_IN_LOOPS} operations within loops")]
    TooMuchInLoops,
    /// The rule has more than eight `+`.
    #[error("the rule has more than {MOST_SUMS} `+`")]
    TooManySums,
    /// A loop builds a list that could multiply: one of several values, or one made by `map` or
    /// `filter`.
    #[error("a loop builds a list")]
    ListInLoop,
    /// The result of the rule cannot be a boolean.
    #[error("the rule can be neither true nor false")]
    NotBoolean,
}

/// The names that a rule can use.
const NAMES: [&str; 5] = ["claims", "header", "caller", "request", "now"];

/// The names that do not refer to the token. A loop variable with such a name counts as one of
/// them.
const BEYOND_THE_TOKEN: [&str; 3] = ["caller", "request", "now"];

/// The functions that a rule can call; operators and loops are not functions.
const FUNCTIONS: [&str; 9] =
    ["bool", "contains", "double", "endsWith", "int", "size", "startsWith", "string", "uint"];

const MOST_DEPTH: usize = 32;
const MOST_LOOPS: usize = 2;
const MOST_LOOPS_IN_ALL: usize = 8;
const MOST_IN_LOOPS: usize = 32;
const MOST_SUMS: usize = 8;

impl From<ParseErrors> for BadRule {
    fn from(errors: ParseErrors) -> Self {
        let Some(first) = errors.errors.into_iter().next() else {
            return Self::Syntax { line: 1, column: 1, message: String::new() };
        };
        let place = |number: isize| usize::try_from(number).unwrap_or_default();
        let message = syntax(&first.msg);
        Self::Syntax { line: place(first.pos.0), column: place(first.pos.1), message }
    }
}

/// Describes the parser's error, because its own text lists names of its grammar.
fn syntax(message: &str) -> String {
    if message.contains("<EOF>") {
        return "unexpected end of the rule".to_owned();
    }
    match message.split('\'').nth(1).filter(|found| !found.is_empty()) {
        Some(found) => format!("unexpected `{found}`"),
        None => "not valid CEL".to_owned(),
    }
}

fn write_syntax(
    line: &usize,
    column: &usize,
    message: &str,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    match line {
        1 => write!(f, "the rule cannot be read at character {column}: {message}"),
        line => {
            write!(f, "the rule cannot be read at character {column} of its line {line}: {message}")
        }
    }
}

impl BadRule {
    /// The fix for the rule.
    #[must_use]
    pub fn remediation(&self) -> String {
        match self {
            Self::TooLong { .. } | Self::TooDeep => {
                "write several rules; all of them must hold".into()
            }
            Self::Syntax { .. } => "rules are written in CEL: claims.tier == \"gold\" && \
                                    \"ops\" in claims.groups"
                .into(),
            Self::UnknownName(name) => {
                let known = NAMES.map(|name| format!("`{name}`")).join(", ");
                format!("known are {known}; a claim is written `claims.{name}`, a text \"{name}\"")
            }
            Self::UnknownFunction(_) => format!("known are {}", FUNCTIONS.join(", ")),
            Self::Inexact(_) => {
                "write an integer of at most 64 bits (`7`, or `7u` beyond 2^63), a \
                                 fraction of at most 15 digits, or use `access.claims`, which \
                                 compares all numbers digit by digit"
                    .into()
            }
            Self::TooManyLoops => "compare with `in`, which needs no loop".into(),
            Self::TooManySums | Self::TooMuchInLoops => {
                "write several rules; each may have that many".into()
            }
            Self::ListInLoop => "compare the values one by one".into(),
            Self::NotBoolean => "compare with something: `size(claims.groups) > 0`".into(),
        }
    }
}

/// Checks that the rule can be decided at bounded cost; returns true if it reads more than the
/// token.
pub(super) fn check(program: &Program) -> Result<bool, BadRule> {
    let root = program.expression();
    let boolean = match &root.expr {
        Expr::Literal(LiteralValue::Boolean(_)) => true,
        Expr::Literal(_) | Expr::List(_) | Expr::Map(_) | Expr::Struct(_) => false,
        // Every name stands for a map or a number.
        Expr::Ident(_) => false,
        Expr::Call(call) => ![
            operators::ADD,
            operators::SUBSTRACT,
            operators::MULTIPLY,
            operators::DIVIDE,
            operators::MODULO,
            operators::NEGATE,
            "double",
            "int",
            "size",
            "string",
            "uint",
        ]
        .contains(&call.func_name.as_str()),
        Expr::Comprehension(_) | Expr::Select(_) | Expr::Unspecified => true,
    };
    let mut look = Look::default();
    look.at(root, 0)?;
    if boolean { Ok(look.beyond) } else { Err(BadRule::NotBoolean) }
}

/// The state of the descent into an expression.
#[derive(Default)]
struct Look<'e> {
    /// The variables of the enclosing loops.
    bound: Vec<&'e str>,
    loops: usize,
    loops_in_all: usize,
    in_loops: usize,
    sums: usize,
    /// True if the rule reads more than the token.
    beyond: bool,
}

impl<'e> Look<'e> {
    fn count_in_loops(&mut self, operations: usize) -> Result<(), BadRule> {
        if self.loops > 0 {
            self.in_loops = self.in_loops.saturating_add(operations);
        }
        if self.in_loops > MOST_IN_LOOPS { Err(BadRule::TooMuchInLoops) } else { Ok(()) }
    }

    fn at(&mut self, node: &'e IdedExpr, depth: usize) -> Result<(), BadRule> {
        if depth > MOST_DEPTH {
            return Err(BadRule::TooDeep);
        }
        let depth = depth.saturating_add(1);
        match &node.expr {
            Expr::Literal(_) => Ok(()),
            Expr::Unspecified => Err(BadRule::NotBoolean),
            Expr::Ident(name) => {
                self.beyond |= BEYOND_THE_TOKEN.contains(&name.as_str());
                if NAMES.contains(&name.as_str()) || self.bound.contains(&name.as_str()) {
                    return Ok(());
                }
                Err(BadRule::UnknownName(name.clone()))
            }
            Expr::Select(select) => self.at(&select.operand, depth),
            Expr::List(list) => {
                let literal = |one: &IdedExpr| matches!(one.expr, Expr::Literal(_));
                let several = list.elements.len() > 1 && !list.elements.iter().all(literal);
                if self.loops > 0 && several {
                    return Err(BadRule::ListInLoop);
                }
                // The list is built anew in each iteration.
                self.count_in_loops(list.elements.len())?;
                list.elements.iter().try_for_each(|one| self.at(one, depth))
            }
            // Neither maps nor structures are useful in a comparison with claims.
            Expr::Map(_) => Err(BadRule::UnknownFunction("{…}".into())),
            Expr::Struct(structure) => Err(BadRule::UnknownFunction(structure.type_name.clone())),
            Expr::Call(call) => {
                self.sums = self.sums.saturating_add(usize::from(call.func_name == operators::ADD));
                if self.sums > MOST_SUMS {
                    return Err(BadRule::TooManySums);
                }
                self.count_in_loops(1)?;
                let name = call.func_name.as_str();
                // Operators have names that no rule can contain: `_&&_`, `@in`.
                let letters = name.bytes().any(|byte| byte.is_ascii_alphanumeric());
                let operator = name.starts_with('@') || !letters;
                if !operator && !FUNCTIONS.contains(&name) {
                    return Err(BadRule::UnknownFunction(name.to_owned()));
                }
                call.target.iter().try_for_each(|target| self.at(target, depth))?;
                call.args.iter().try_for_each(|one| self.at(one, depth))
            }
            Expr::Comprehension(one) => {
                // `map` and `filter`: such a list could multiply with each iteration.
                if self.loops > 0 && matches!(one.accu_init.expr, Expr::List(_)) {
                    return Err(BadRule::ListInLoop);
                }
                self.at(&one.iter_range, depth)?;
                self.at(&one.accu_init, depth)?;
                self.loops = self.loops.saturating_add(1);
                self.loops_in_all = self.loops_in_all.saturating_add(1);
                if self.loops > MOST_LOOPS {
                    return Err(BadRule::TooManyLoops);
                }
                if self.loops_in_all > MOST_LOOPS_IN_ALL {
                    return Err(BadRule::TooMuchInLoops);
                }
                let outside = self.bound.len();
                self.bound.extend([one.iter_var.as_str(), one.accu_var.as_str()]);
                self.bound.extend(one.iter_var2.as_deref());
                for inside in [&one.loop_cond, &one.loop_step, &one.result] {
                    self.at(inside, depth)?;
                }
                self.bound.truncate(outside);
                self.loops = self.loops.saturating_sub(1);
                Ok(())
            }
        }
    }
}
