//! Rules that the operator writes in the Common Expression Language (CEL). Nothing
//! outside of this room names `cel`.
//!
//! The language has no type checker here and no bound on its cost, so what a rule may
//! cost is bounded by its shape when it is loaded, and when it runs by how much of the claims
//! it may take up, and by a budget of steps. All are far from what a policy needs.

mod membership;
mod meter;
mod numbers;
mod shape;
#[cfg(test)]
mod tests;
mod values;

pub use shape::BadRule;

use super::policy_input::PolicyInput;
use crate::verify::Reject;
use cel::common::ast::IdedExpr;
use cel::common::types::CelBool;
use cel::{Context, Env, ExecutionError, Value};

use std::fmt;
use std::sync::Arc;
use values::Variables;

/// A rule that was read.
#[derive(Clone)]
pub struct Rule {
    /// It charges what it costs to the budget.
    expression: Arc<IdedExpr>,
    /// What it costs beside its loops.
    steps: usize,
    language: Language,
    looks_beyond_the_token: bool,
    /// Where it stands in the configuration.
    name: Arc<str>,
    /// What the refused are told.
    message: Arc<str>,
}

/// What a rule can be written with. It is dear to make and cheap to share.
#[derive(Clone)]
pub struct Language(Arc<Env>);

impl Default for Language {
    fn default() -> Self {
        Self(Arc::new(Env::stdlib().with_optional_support(false)))
    }
}

impl Rule {
    /// The longest rule, in bytes.
    pub const MOST_BYTES: usize = 1024;
    /// The stack that reading a rule of this length may need, in bytes, with room to spare:
    /// the parser calls itself for each level of precedence.
    pub const STACK_BYTES: usize = 32 * 1024 * 1024;

    /// Reads a rule, on a stack of [`STACK_BYTES`](Self::STACK_BYTES). `name` says where it
    /// stands; the refused are told `message`, or else the rule itself.
    ///
    /// # Errors
    /// If it cannot be read, or could never be decided, or could cost too much.
    pub fn parse(
        text: &str,
        name: &str,
        message: Option<&str>,
        language: &Language,
    ) -> Result<Self, BadRule> {
        if text.len() > Self::MOST_BYTES {
            return Err(BadRule::TooLong { bytes: text.len(), limit: Self::MOST_BYTES });
        }
        let program = language.0.compile(text).map_err(BadRule::from)?;
        if let Some(number) = numbers::inexact(text) {
            return Err(BadRule::Inexact(number.to_owned()));
        }
        let looks_beyond_the_token = shape::check(&program)?;
        let (expression, steps) = meter::metered(program.expression());
        let message = message
            .map_or_else(|| format!("the rule `{}` does not hold", text.trim()).into(), Arc::from);
        Ok(Self {
            expression: Arc::new(expression),
            steps,
            language: language.clone(),
            looks_beyond_the_token,
            name: name.into(),
            message,
        })
    }

    /// Whether it looks at the clock, the request or the caller.
    #[must_use]
    pub fn looks_beyond_the_token(&self) -> bool {
        self.looks_beyond_the_token
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// If it does not, or if it cannot be decided: a rule that fails lets nobody pass.
    pub fn check(&self, input: &PolicyInput<'_>) -> Result<(), Reject> {
        let variables = Variables::new(input);
        input.budget.charge(self.steps);
        let mut context = Context::with_env(Arc::clone(&self.language.0));
        context.set_variable_resolver(&variables);
        let failed = |why| Reject::RuleFailed { rule: Arc::clone(&self.name), why };
        let value = Value::resolve_val(&self.expression, &context);
        // Whatever comes out: an error beside what decides does not matter in this language.
        if input.budget.is_spent() {
            return Err(failed("it takes too many steps over this token"));
        }
        let value = value.map_err(|error| failed(words(&error)))?;
        match value.downcast_ref::<CelBool>().map(CelBool::inner) {
            Some(true) => Ok(()),
            Some(false) => Err(Reject::RuleNotMet(Arc::clone(&self.message))),
            None => Err(failed("what comes out is neither true nor false")),
        }
    }
}

/// What went wrong, without what the token holds: the texts of the library quote values.
fn words(error: &ExecutionError) -> &'static str {
    match error {
        ExecutionError::NoSuchKey(_) => {
            "something is not there that it looks at; ask for it with `has(…)` first"
        }
        ExecutionError::IndexOutOfBounds(_) => "a list has fewer elements than it looks at",
        ExecutionError::DivisionByZero(_)
        | ExecutionError::RemainderByZero(_)
        | ExecutionError::Overflow(..) => "a number cannot be computed",
        ExecutionError::FunctionError { function, .. } if function == meter::BUDGET => {
            "it takes up too much of the token; `access.claims` has no such bound"
        }
        ExecutionError::FunctionError { function, .. } if function == values::INEXACT => {
            "a number of the token is beyond what can be compared exactly; use `access.claims`"
        }
        ExecutionError::FunctionError { .. } => "a function was given what it cannot take",
        ExecutionError::InvalidArgumentCount { .. }
        | ExecutionError::MissingArgumentOrTarget
        | ExecutionError::UndeclaredReference(_) => "a function is not given what it needs",
        // What remains speaks of the kinds of values.
        _ => "something is of another type than it expects",
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Language")
    }
}
