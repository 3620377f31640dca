//! What a rule costs while it runs. The library has no hook for it, so that the expression is
//! rewritten when it is loaded: each round of a loop and each `+` passes through a value of
//! ours, which charges it to the budget and fails once that is spent.
//!
//! A round is charged for the operations in it, and for the size of each variable of a loop as
//! often as it is used in it: no operation takes longer than its operands are large. What the
//! token gives is charged where it is taken up, and what grows, a sum, for both of its sides
//! before it is made. So a spent budget also bounds the bytes of what is in between.

use super::membership;
use crate::policy::budget::Budget;
use cel::ExecutionError;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, Expr, IdedExpr, ListExpr, LiteralValue, SelectExpr, operators,
};
use cel::common::traits::{Adder, Indexer};
use cel::common::types::{CelBool, CelBytes, CelList, CelMap, CelString, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};

/// The function that fails, in the errors of the library, where too much was taken up.
pub(super) const BUDGET: &str = "claims";

/// Begins a sum. Nobody can write a name that begins with `@`.
const SUM: &str = "@+";
/// Whether the budget lasts.
const LASTS: &str = "@lasts";
/// Before the price of a round.
const ROUND: char = '@';

/// What a round costs beside the operations in it.
const ROUND_STEPS: usize = 4;
/// What an operation costs, beside the names and numbers in it: some make texts for an error
/// that does not come.
const OPERATION_STEPS: usize = 3;

/// The same expression, which charges what it costs; and what it costs outside of loops.
pub(super) fn metered(expression: &IdedExpr) -> (IdedExpr, usize) {
    (Rewrite { bound: Vec::new() }.at(expression), steps(expression))
}

/// How large a value is: the values in it, where 64 bytes of text count as one.
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

/// The value of a name that begins with `@`.
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

/// Takes steps from the budget.
pub(super) fn charge(budget: &Budget, steps: usize) -> Result<(), ExecutionError> {
    if budget.charge(steps) { Ok(()) } else { Err(too_much()) }
}

/// The error of a rule that takes up too much.
pub(super) fn too_much() -> ExecutionError {
    ExecutionError::function_error(BUDGET, "too much")
}

/// `round[x]` is true, and charges for `x`; `sum + x + y` is `x + y`, and charges for both.
#[derive(Clone, Debug)]
struct Meter<'v> {
    budget: &'v Budget,
    charge: Charge<'v>,
}

/// What a meter charges for.
#[derive(Clone, Debug)]
enum Charge<'v> {
    /// A round of a loop: its operations, and the uses of one of its variables.
    Round { steps: usize, uses: usize },
    /// A sum that begins.
    Sum,
    /// A sum of which the left side is there.
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
            // Nobody can write this.
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
        // Both are copied, into a third.
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
    /// The variables of the loops around, the innermost last.
    bound: Vec<String>,
}

impl Rewrite {
    fn at(&mut self, node: &IdedExpr) -> IdedExpr {
        let expr = match &node.expr {
            Expr::Call(one) => {
                let target = one.target.as_ref().map(|target| Box::new(self.at(target)));
                let mut args: Vec<_> = one.args.iter().map(|one| self.at(one)).collect();
                // A claim is looked into where it is, however large it is.
                if one.func_name == operators::IN
                    && !self.bound.iter().any(|own| own == "claims")
                    && let [_, container] = args.as_mut_slice()
                    && let Some(looked_into) = membership::name(container)
                {
                    *container = name(looked_into);
                }
                // One that a macro made is no sum: it appends to a list in place, or counts.
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
            // Mappings and structures are no rules.
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
            // What appends to a list is known by it; its errors end it at once.
            Expr::Literal(_) => one.loop_cond.clone(),
            // Others put an error off, to see whether another element decides.
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

    /// A round that is charged before what the operator wrote for it. The forms are those that
    /// the macros make, and by which the library knows them.
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

    /// What charges for a round with this step.
    fn price(&self, step: &IdedExpr) -> IdedExpr {
        let round = steps(step).saturating_add(ROUND_STEPS);
        let mut seen: Vec<&str> = Vec::new();
        let mut price: Option<IdedExpr> = None;
        for own in self.bound.iter().rev().filter(|own| !own.is_empty()) {
            if seen.contains(&own.as_str()) {
                continue;
            }
            seen.push(own);
            // The variable of this loop is bound to a copy, and what becomes of it is kept.
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

/// The operations in an expression, those in loops not counted: they charge for themselves.
fn steps(node: &IdedExpr) -> usize {
    let own = if matches!(node.expr, Expr::Call(_) | Expr::Comprehension(_)) {
        OPERATION_STEPS
    } else {
        1
    };
    parts(node).into_iter().map(steps).fold(own, usize::saturating_add)
}

/// How often a variable is used, in loops not counted.
fn uses(node: &IdedExpr, variable: &str) -> usize {
    let own = usize::from(matches!(&node.expr, Expr::Ident(name) if name == variable));
    parts(node).into_iter().map(|part| uses(part, variable)).fold(own, usize::saturating_add)
}

/// What is evaluated once for the expression.
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

/// Whether it is a name that a macro made.
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
