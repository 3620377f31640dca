//! Rules that the operator writes in the Common Expression Language (CEL). Only this module names
//! `cel`.
//!
//! The library neither checks types nor limits the cost. Therefore the shape of a rule is limited
//! when it is loaded. When it runs, a limit applies to the amount of claims that it reads, and a
//! budget to its steps. A normal policy stays far below all of these limits.

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

/// A parsed rule.
#[derive(Clone)]
pub struct Rule {
    /// The expression, rewritten to charge its cost to the budget.
    expression: Arc<IdedExpr>,
    /// The cost outside of loops, in steps.
    steps: usize,
    language: Language,
    looks_beyond_the_token: bool,
    /// The position in the configuration.
    name: Arc<str>,
    /// The message of a refusal.
    message: Arc<str>,
}

/// The CEL environment of rules. It is expensive to build and cheap to share.
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
    /// The stack that parsing a rule of this length may need, in bytes, with a margin: the parser
    /// recurses for each level of precedence.
    pub const STACK_BYTES: usize = 32 * 1024 * 1024;

    /// Parses a rule, on a stack of [`STACK_BYTES`](Self::STACK_BYTES). `name` is its position in
    /// the configuration. A refusal shows `message`, or by default the rule itself.
    ///
    /// # Errors
    /// If the rule is not valid CEL, can never be decided, or could cost too much.
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

    /// Returns true if the rule reads the clock, the request or the caller.
    #[must_use]
    pub fn looks_beyond_the_token(&self) -> bool {
        self.looks_beyond_the_token
    }

    /// Evaluates the rule.
    ///
    /// # Errors
    /// If the rule is false or cannot be decided: a rule that fails admits no token.
    pub fn check(&self, input: &PolicyInput<'_>) -> Result<(), Reject> {
        let variables = Variables::new(input);
        input.budget.charge(self.steps);
        let mut context = Context::with_env(Arc::clone(&self.language.0));
        context.set_variable_resolver(&variables);
        let failed = |why| Reject::RuleFailed { rule: Arc::clone(&self.name), why };
        let value = Value::resolve_val(&self.expression, &context);
        // Checked whatever the result is, because in CEL a deciding operand hides the error of
        // another one.
        if input.budget.is_spent() {
            return Err(failed("it takes too many steps for this token"));
        }
        let value = value.map_err(|error| failed(words(&error)))?;
        match value.downcast_ref::<CelBool>().map(CelBool::inner) {
            Some(true) => Ok(()),
            Some(false) => Err(Reject::RuleNotMet(Arc::clone(&self.message))),
            None => Err(failed("its result is neither true nor false")),
        }
    }
}

/// Describes an error without any data of the token, because the library's texts quote values.
fn words(error: &ExecutionError) -> &'static str {
    match error {
        ExecutionError::NoSuchKey(_) => {
            "it reads a member that is missing; fix: test for it with `has(…)` first"
        }
        ExecutionError::IndexOutOfBounds(_) => "it reads beyond the end of a list",
        ExecutionError::DivisionByZero(_)
        | ExecutionError::RemainderByZero(_)
        | ExecutionError::Overflow(..) => "a number cannot be computed",
        ExecutionError::FunctionError { function, .. } if function == meter::BUDGET => {
            "it reads too much of the token; fix: use `access.claims`, which has no such limit"
        }
        ExecutionError::FunctionError { function, .. } if function == values::INEXACT => {
            "a number in the token cannot be compared exactly; fix: use `access.claims`"
        }
        ExecutionError::FunctionError { .. } => "a function does not accept its argument",
        ExecutionError::InvalidArgumentCount { .. }
        | ExecutionError::MissingArgumentOrTarget
        | ExecutionError::UndeclaredReference(_) => "a function call has missing arguments",
        // All remaining errors concern the types of values.
        _ => "a value has an unexpected type",
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
