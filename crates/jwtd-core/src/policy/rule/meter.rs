//! Charges the cost of a running rule. The library has no hook for that, so the expression is
//! rewritten when it is loaded: each loop iteration and each `+` passes through a value of this
//! module, which charges the budget and fails once it is spent.
//!
//! An iteration is charged for its operations, and for the size of each loop variable once per use,
//! because no operation takes longer than its operands are large. Values of the token are charged
//! when they are read. A sum is charged for both operands before it is computed. A spent budget
//! therefore also limits the memory of intermediate values.

use super::membership;
use crate::policy::budget::Budget;
use cel::ExecutionError;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, Expr, IdedExpr, ListExpr, LiteralValue, SelectExpr, operators,
};
use cel::common::traits::{Adder, Indexer};
use cel::common::types::{CelBool, CelBytes, CelList, CelMap, CelString, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};

/// The function name in the library's error when too much was read.
pub(super) const BUDGET: &str = "claims";

/// The marker that begins a sum. No rule can contain a name that begins with `@`.
const SUM: &str = "@+";
/// The name of the test that the budget is not spent.
const LASTS: &str = "@lasts";
/// The prefix of the price of an iteration.
const ROUND: char = '@';

/// The cost of an iteration besides its operations, in steps.
const ROUND_STEPS: usize = 4;
/// The cost of an operation besides its names and literals, in steps: some operations format an
/// error text that is never used.
const OPERATION_STEPS: usize = 3;

/// Rewrites an expression so that it charges its cost; also returns its cost outside of loops, in
/// steps.
pub(super) fn metered(expression: &IdedExpr) -> (IdedExpr, usize) {
    (Rewrite { bound: Vec::new() }.at(expression), steps(expression))
}

/// The size of a value: the number of values in it, with 64 bytes of text counted as one.
fn size(value: &dyn Val) -> usize {
    let text = |bytes: usize| (bytes / 64).saturating_add(1);
    if let Some(one) = value.downcast_ref::<CelString<'_>>() {
        return text(one.inner().len());
    }
    if let Some(one) = value.downcast_ref::<CelBytes<'_>>() {
        return text(one.inner().len());
    }
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        let sizes = list.inner().iter().map(|one| size(&**one));
        return sizes.fold(1, usize::saturating_add);
    }
    if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        let sizes = map.inner().values().map(|one| size(&**one).saturating_add(1));
        return sizes.fold(1, usize::saturating_add);
    }
    1
}

/// Resolves a name that begins with `@`.
pub(super) fn resolve<'v>(budget: &'v Budget, name: &str) -> Option<Box<dyn Val + 'v>> {
    if name == LASTS {
        return Some(Box::new(CelBool::from(!budget.is_spent())));
    }
    if name == SUM {
        return Some(Box::new(Meter { budget, charge: Charge::Sum }));
    }
    let (steps, uses) = name.strip_prefix(ROUND)?.split_once(':')?;
    let charge = Charge::Round { steps: steps.parse().ok()?, uses: uses.parse().ok()? };
    Some(Box::new(Meter { budget, charge }))
}

/// Charges steps to the budget.
pub(super) fn charge(budget: &Budget, steps: usize) -> Result<(), ExecutionError> {
    if budget.charge(steps) { Ok(()) } else { Err(too_much()) }
}

/// The error of a rule that reads too much.
pub(super) fn too_much() -> ExecutionError {
    ExecutionError::function_error(BUDGET, "too much")
}

/// `round[x]` is true and charges for `x`; `sum + x + y` is `x + y` and charges for both.
#[derive(Clone, Debug)]
struct Meter<'v> {
    budget: &'v Budget,
    charge: Charge<'v>,
}

/// The operation that a meter charges for.
#[derive(Clone, Debug)]
enum Charge<'v> {
    /// A loop iteration: its operations, and the uses of one of its variables.
    Round { steps: usize, uses: usize },
    /// The beginning of a sum.
    Sum,
    /// A sum whose left operand is known.
    Right { left: Box<dyn Val + 'v> },
}

impl Val for Meter<'_> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_adder<'b, 'w>(&'b self) -> Option<&'b (dyn Adder + 'w)>
    where
        Self: 'w,
    {
        Some(self)
    }

    fn as_indexer<'b, 'w>(&'b self) -> Option<&'b (dyn Indexer + 'w)>
    where
        Self: 'w,
    {
        Some(self)
    }

    fn clone_as_boxed<'w>(&self) -> Box<dyn Val + 'w>
    where
        Self: 'w,
    {
        Box::new(self.clone())
    }
}

impl Indexer for Meter<'_> {
    fn get<'b, 'w>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'w>, ExecutionError>
    where
        Self: 'w,
    {
        let (steps, uses) = match self.charge {
            Charge::Round { steps, uses } => (steps, uses),
            // No rule can contain this.
            Charge::Sum | Charge::Right { .. } => (0, 1),
        };
        charge(self.budget, steps.saturating_add(size(index).saturating_mul(uses)))?;
        Ok(CowVal::owned(CelBool::from(true)))
    }

    fn steal<'w>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'w>, ExecutionError>
    where
        Self: 'w,
    {
        self.get(index).map(CowVal::into_owned)
    }
}

impl Adder for Meter<'_> {
    fn add<'b, 'w>(&'b self, value: &(dyn Val + 'w)) -> Result<CowVal<'b, 'w>, ExecutionError>
    where
        Self: 'w,
    {
        let Charge::Right { left } = &self.charge else {
            charge(self.budget, size(value))?;
            let budget: &'w Budget = self.budget;
            let charge = Charge::Right { left: value.clone_as_boxed() };
            return Ok(CowVal::owned(Meter { budget, charge }));
        };
        // Both operands are copied into the result.
        charge(self.budget, size(&**left).saturating_add(size(value)))?;
        let left: &'b (dyn Val + 'w) = &**left;
        let adder = left.as_adder().ok_or_else(|| ExecutionError::UnexpectedType {
            got: left.get_type().name().to_owned(),
            want: "what can be added".to_owned(),
        })?;
        adder.add(value)
    }
}

struct Rewrite {
    /// The variables of the enclosing loops, the innermost last.
    bound: Vec<String>,
}

impl Rewrite {
    fn at(&mut self, node: &IdedExpr) -> IdedExpr {
        let expr = match &node.expr {
            Expr::Call(one) => {
                let target = one.target.as_ref().map(|target| Box::new(self.at(target)));
                let mut args: Vec<_> = one.args.iter().map(|one| self.at(one)).collect();
                // A claim is searched in place, however large it is.
                if one.func_name == operators::IN
                    && !self.bound.iter().any(|own| own == "claims")
                    && let [_, container] = args.as_mut_slice()
                    && let Some(looked_into) = membership::name(container)
                {
                    *container = name(looked_into);
                }
                // A `+` that a macro generated is not a sum: it appends to a list in place, or
                // counts.
                if one.func_name == operators::ADD
                    && let Some(first) = args.first_mut().filter(|first| !is_ours(first))
                {
                    let left = std::mem::take(first);
                    *first = call(operators::ADD, vec![name(SUM.to_owned()), left]);
                }
                Expr::Call(CallExpr { func_name: one.func_name.clone(), target, args })
            }
            Expr::Comprehension(one) => Expr::Comprehension(Box::new(self.comprehension(one))),
            Expr::List(list) => {
                let elements = list.elements.iter().map(|one| self.at(one)).collect();
                Expr::List(ListExpr { elements, optional_indices: list.optional_indices.clone() })
            }
            Expr::Select(select) => Expr::Select(SelectExpr {
                operand: Box::new(self.at(&select.operand)),
                field: select.field.clone(),
                test: select.test,
            }),
            // Maps and structures are not allowed in rules.
            Expr::Ident(_)
            | Expr::Literal(_)
            | Expr::Map(_)
            | Expr::Struct(_)
            | Expr::Unspecified => node.expr.clone(),
        };
        IdedExpr { id: node.id, expr }
    }

    fn comprehension(&mut self, one: &ComprehensionExpr) -> ComprehensionExpr {
        let (iter_range, accu_init) = (self.at(&one.iter_range), self.at(&one.accu_init));
        self.bound.push(one.iter_var.clone());
        let (price, step) = (self.price(&one.loop_step), self.at(&one.loop_step));
        let loop_step = Self::charged(price, step, &one.accu_var);
        self.bound.pop();
        let loop_cond = match &one.loop_cond.expr {
            // The library recognizes a loop that appends to a list by this literal; an error ends
            // such a loop at once.
            Expr::Literal(_) => one.loop_cond.clone(),
            // Other loops defer an error, in case another element decides.
            _ => choice(name(LASTS.to_owned()), one.loop_cond.clone(), literal(false)),
        };
        ComprehensionExpr {
            iter_range,
            accu_init,
            loop_cond,
            loop_step,
            result: one.result.clone(),
            iter_var: one.iter_var.clone(),
            iter_var2: one.iter_var2.clone(),
            accu_var: one.accu_var.clone(),
        }
    }

    /// Charges an iteration before it evaluates what the operator wrote. The forms are those that
    /// the macros generate and that the library recognizes.
    fn charged(price: IdedExpr, mut step: IdedExpr, accu: &str) -> IdedExpr {
        let before = |inner: &mut IdedExpr, price, other| {
            let written = std::mem::take(inner);
            *inner = choice(price, written, other);
        };
        if let Expr::Call(one) = &mut step.expr {
            match (one.func_name.as_str(), one.args.as_mut_slice()) {
                (operators::LOGICAL_AND | operators::LOGICAL_OR, [_, test])
                | (operators::CONDITIONAL, [test, _, _]) => {
                    before(test, price, literal(false));
                    return step;
                }
                (operators::ADD, [_, IdedExpr { expr: Expr::List(list), .. }]) => {
                    if let [element] = list.elements.as_mut_slice() {
                        before(element, price, literal(false));
                        return step;
                    }
                }
                _ => {}
            }
        }
        choice(price, step, name(accu.to_owned()))
    }

    /// The expression that charges for an iteration with this step.
    fn price(&self, step: &IdedExpr) -> IdedExpr {
        let round = steps(step).saturating_add(ROUND_STEPS);
        let mut seen: Vec<&str> = Vec::new();
        let mut price: Option<IdedExpr> = None;
        for own in self.bound.iter().rev().filter(|own| !own.is_empty()) {
            if seen.contains(&own.as_str()) {
                continue;
            }
            seen.push(own);
            // The loop variable is bound to a copy, and the result of the iteration is kept.
            let (steps, copies) = if price.is_none() { (round, 2) } else { (0, 0) };
            let uses = uses(step, own).saturating_add(copies);
            if uses > 0 {
                let meter = name(format!("{ROUND}{steps}:{uses}"));
                let charge = call(operators::INDEX, vec![meter, name(own.clone())]);
                price = Some(match price {
                    Some(price) => call(operators::LOGICAL_AND, vec![price, charge]),
                    None => charge,
                });
            }
        }
        price.unwrap_or_else(|| literal(true))
    }
}

/// The cost of an expression in steps, without the loops in it: these charge for themselves.
fn steps(node: &IdedExpr) -> usize {
    let own = if matches!(node.expr, Expr::Call(_) | Expr::Comprehension(_)) {
        OPERATION_STEPS
    } else {
        1
    };
    parts(node).into_iter().map(steps).fold(own, usize::saturating_add)
}

/// The number of uses of a variable, without those inside loops.
fn uses(node: &IdedExpr, variable: &str) -> usize {
    let own = usize::from(matches!(&node.expr, Expr::Ident(name) if name == variable));
    parts(node).into_iter().map(|part| uses(part, variable)).fold(own, usize::saturating_add)
}

/// The parts that are evaluated once for the expression.
fn parts(node: &IdedExpr) -> Vec<&IdedExpr> {
    match &node.expr {
        Expr::Call(one) => one.target.iter().map(|target| &**target).chain(&one.args).collect(),
        Expr::Comprehension(one) => vec![&one.iter_range, &one.accu_init],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Ident(_) | Expr::Literal(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
            Vec::new()
        }
    }
}

/// Returns true if the node is a name that a macro generated.
fn is_ours(node: &IdedExpr) -> bool {
    matches!(&node.expr, Expr::Ident(name) if name.starts_with('@'))
}

fn name(name: String) -> IdedExpr {
    IdedExpr { id: 0, expr: Expr::Ident(name) }
}

fn literal(value: bool) -> IdedExpr {
    IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::Boolean(value.into())) }
}

fn call(function: &str, args: Vec<IdedExpr>) -> IdedExpr {
    let call = CallExpr { func_name: function.to_owned(), target: None, args };
    IdedExpr { id: 0, expr: Expr::Call(call) }
}

fn choice(test: IdedExpr, yes: IdedExpr, no: IdedExpr) -> IdedExpr {
    call(operators::CONDITIONAL, vec![test, yes, no])
}
