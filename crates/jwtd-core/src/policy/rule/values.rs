//! The variables of a rule as CEL values. Only the claims that a rule reads are converted; strings
//! are borrowed.

use super::{membership, meter};
use crate::jose::json::{ExactNumber, Value as Json, exact_double};
use crate::policy::caller::Caller;
use crate::policy::policy_input::PolicyInput;
use cel::ExecutionError;
use cel::common::traits::{Container, Indexer, Sizer};
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt, MAP_TYPE,
    Type,
};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The function name in the library's error when a number would be rounded.
pub(super) const INEXACT: &str = "number";
/// The limit below which a double distinguishes each integer from its neighbors.
pub(super) const EXACT: f64 = 9_007_199_254_740_992.0;

/// The most values that a rule may read; 64 bytes of text count as one.
const MOST_VALUES: usize = 2_000;
/// The most values that one read of a claim may convert. When types differ, the library copies the
/// value for each element that it is compared with.
const MOST_AT_ONCE: usize = 500;

/// The number of elements of a claim searched in place that one step of the budget pays for.
const ELEMENTS: usize = 16;

/// The variables of a running rule.
#[derive(Debug)]
pub(super) struct Variables<'f> {
    input: &'f PolicyInput<'f>,
    left: AtomicUsize,
}

impl<'f> Variables<'f> {
    pub(super) fn new(input: &'f PolicyInput<'f>) -> Self {
        Self { input, left: AtomicUsize::new(MOST_VALUES) }
    }

    fn spend(&self, text: usize) -> Result<(), ExecutionError> {
        let cost = (text / 64).saturating_add(1);
        let left = self.left.load(Ordering::Relaxed);
        let rest = left.checked_sub(cost);
        self.left.store(rest.unwrap_or_default(), Ordering::Relaxed);
        // A value that is refused costs nothing.
        if rest.is_some() { meter::charge(self.input.budget, cost) } else { Err(meter::too_much()) }
    }

    /// Converts a claim, if it is not too large.
    fn claim<'v>(&self, value: &'v Json<'_>) -> Result<Box<dyn Val + 'v>, ExecutionError> {
        let before = self.left.load(Ordering::Relaxed);
        let least = before.saturating_sub(MOST_AT_ONCE);
        // The conversion stops at the limit of this read; the unused part of that limit is given
        // back.
        self.left.store(before.saturating_sub(least), Ordering::Relaxed);
        let found = self.value(value);
        let unused = self.left.load(Ordering::Relaxed);
        self.left.store(least.saturating_add(unused), Ordering::Relaxed);
        found
    }

    fn text<'v>(&self, text: &'v str) -> Result<Box<dyn Val + 'v>, ExecutionError> {
        self.spend(text.len())?;
        Ok(Box::new(CelString::from(text)))
    }

    fn value<'v>(&self, value: &'v Json<'_>) -> Result<Box<dyn Val + 'v>, ExecutionError> {
        if let Json::String(text) = value {
            return self.text(text);
        }
        self.spend(0)?;
        Ok(match value {
            Json::Array(elements) => {
                let elements = elements.iter().map(|one| self.value(one));
                Box::new(CelList::from(elements.collect::<Result<Vec<_>, _>>()?))
            }
            Json::Boolean(value) => Box::new(CelBool::from(*value)),
            Json::Decimal(number) => decimal(number)?,
            Json::Negative(number) => Box::new(CelInt::from(*number)),
            Json::Null => Box::new(CelNull),
            Json::Object(members) => {
                let members = members.iter().map(|(name, value)| {
                    self.spend(name.len())?;
                    Ok((CelMapKey::String(CelString::from(&**name)), self.value(value)?))
                });
                let members = members.collect::<Result<HashMap<_, _>, ExecutionError>>()?;
                Box::new(CelMap::from(members))
            }
            Json::Positive(number) => match i64::try_from(*number) {
                Ok(number) => Box::new(CelInt::from(number)),
                Err(_) => Box::new(CelUInt::from(*number)),
            },
            Json::String(text) => Box::new(CelString::from(&**text)),
        })
    }
}

/// Converts a number with a fraction or an exponent, or beyond 64 bits. The library compares a
/// double with anything else as doubles. A number whose neighbors have the same double therefore
/// becomes an integer, or an error if it cannot be one.
fn decimal<'v>(number: &str) -> Result<Box<dyn Val + 'v>, ExecutionError> {
    let inexact = || ExecutionError::function_error(INEXACT, "inexact");
    if let Some(double) = exact_double(number).filter(|double| double.abs() < EXACT) {
        return Ok(Box::new(CelDouble::from(double)));
    }
    let integer = ExactNumber::parse(number).and_then(|number| number.integer());
    let integer = integer.ok_or_else(inexact)?;
    if let Ok(signed) = i64::try_from(integer) {
        return Ok(Box::new(CelInt::from(signed)));
    }
    let unsigned = u64::try_from(integer).map_err(|_| inexact())?;
    Ok(Box::new(CelUInt::from(unsigned)))
}

impl VariableResolver for Variables<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let part = match variable {
            "caller" => Variable::Caller,
            "claims" => Variable::Claims,
            "header" => Variable::Header,
            "now" => return Some(CowVal::owned(CelInt::from(self.input.now.seconds()))),
            "request" => Variable::Request,
            _ if variable.starts_with('@') => {
                if let Some(mut steps) = membership::steps(variable) {
                    let claims = self.input.claims?;
                    let held = steps.try_fold(claims, |outer, step| outer.member(step));
                    return Some(CowVal::owned(Members { variables: self, held }));
                }
                return meter::resolve(self.input.budget, variable).map(CowVal::Owned);
            }
            _ => return None,
        };
        Some(CowVal::owned(Mapping { variables: self, part }))
    }
}

/// A map whose members are converted when a rule reads them.
#[derive(Clone, Debug)]
struct Mapping<'v> {
    variables: &'v Variables<'v>,
    part: Variable,
}

#[derive(Clone, Copy, Debug)]
enum Variable {
    Caller,
    Claims,
    Header,
    Request,
}

impl<'v> Mapping<'v> {
    /// Returns the member of this name, if there is one.
    fn find(&self, name: &str) -> Result<Option<Box<dyn Val + 'v>>, ExecutionError> {
        let Variables { input, .. } = self.variables;
        let text = |text: &'v str| self.variables.text(text);
        match self.part {
            Variable::Claims => {
                let Some(Json::Object(members)) = input.claims else { return Ok(None) };
                let found = members.iter().find(|(own, _)| **own == *name);
                found.map(|(_, value)| self.variables.claim(value)).transpose()
            }
            Variable::Header => match name {
                "alg" => text(input.proven.algorithm()).map(Some),
                "kid" => input.proven.key_id().map(text).transpose(),
                "typ" => input.proven.token_type().name().map(text).transpose(),
                _ => Ok(None),
            },
            Variable::Request => {
                let found = input.attributes.iter().find(|(own, _)| **own == *name);
                found.map(|(_, value)| text(value)).transpose()
            }
            Variable::Caller => {
                let number = |number: u32| -> Box<dyn Val + 'v> {
                    Box::new(CelInt::from(i64::from(number)))
                };
                Ok(match (input.caller, name) {
                    (Caller::Unix { user, .. }, "user") => Some(number(*user)),
                    (Caller::Unix { group, .. }, "group") => Some(number(*group)),
                    (Caller::Certificate(names), "names") => {
                        let names = names.iter().map(|name| text(name));
                        Some(Box::new(CelList::from(names.collect::<Result<Vec<_>, _>>()?)))
                    }
                    _ => None,
                })
            }
        }
    }
}

impl<'v> Val for Mapping<'v> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'w>(&'b self) -> Option<&'b (dyn Indexer + 'w)>
    where
        Self: 'w,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        None
    }

    fn clone_as_boxed<'w>(&self) -> Box<dyn Val + 'w>
    where
        Self: 'w,
    {
        Box::new(self.clone())
    }
}

/// A claim that is searched in place.
#[derive(Clone, Debug)]
struct Members<'v> {
    variables: &'v Variables<'v>,
    held: Option<&'v Json<'v>>,
}

impl Val for Members<'_> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn clone_as_boxed<'w>(&self) -> Box<dyn Val + 'w>
    where
        Self: 'w,
    {
        Box::new(self.clone())
    }
}

impl Container for Members<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        let held = self.held.ok_or_else(|| ExecutionError::no_such_key(""))?;
        let text = value.downcast_ref::<CelString<'_>>().map(CelString::inner);
        let charge = |count: usize| {
            let steps = (count / ELEMENTS).saturating_add(1);
            meter::charge(self.variables.input.budget, steps)
        };
        match (held, text) {
            (Json::Array(elements), Some(text)) => {
                charge(elements.len())?;
                Ok(elements.iter().any(|one| one.as_str() == Some(text)))
            }
            (Json::Object(members), Some(text)) => {
                charge(members.len())?;
                Ok(members.iter().any(|(name, _)| *name == *text))
            }
            // The library compares all other values.
            _ => {
                let value_of_claim = self.variables.claim(held)?;
                let container = value_of_claim.as_container();
                let container = container.ok_or_else(|| ExecutionError::UnexpectedType {
                    got: value_of_claim.get_type().name().to_owned(),
                    want: "list or map".to_owned(),
                })?;
                container.contains(value)
            }
        }
    }
}

fn name_of(index: &dyn Val) -> Result<&str, ExecutionError> {
    let name = index.downcast_ref::<CelString<'_>>().map(CelString::inner);
    name.ok_or_else(|| ExecutionError::UnexpectedType {
        got: index.get_type().name().to_owned(),
        want: "string".to_owned(),
    })
}

impl Container for Mapping<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        self.find(name_of(value)?).map(|found| found.is_some())
    }
}

impl<'v> Indexer for Mapping<'v> {
    fn get<'b, 'w>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'w>, ExecutionError>
    where
        Self: 'w,
    {
        let name = name_of(index)?;
        let found: Option<Box<dyn Val + 'w>> =
            self.find(name)?.map(|value| -> Box<dyn Val + 'w> { value });
        found.map(CowVal::Owned).ok_or_else(|| ExecutionError::no_such_key(""))
    }

    fn steal<'w>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'w>, ExecutionError>
    where
        Self: 'w,
    {
        self.get(index).map(CowVal::into_owned)
    }
}
