//! `"ops" in claims.groups`, the most frequent rule, over a claim of any size: what is looked for
//! is compared with the elements where they are, and none of them is taken up as a value.

use cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};

/// Begins the name of a claim that is looked into. Nobody can write it.
const CLAIM: &str = "@claims";
/// Stands before each step of its path.
const STEP: char = '\u{1f}';

/// The name by which the container on the right side of an `in` is looked into, if it is a claim
/// or something inside of one.
pub(super) fn name(container: &IdedExpr) -> Option<String> {
    let (outer, step) = match &container.expr {
        Expr::Select(select) if !select.test => (&*select.operand, select.field.as_str()),
        Expr::Call(call) if call.func_name == operators::INDEX => match &call.args[..] {
            [outer, IdedExpr { expr: Expr::Literal(LiteralValue::String(step)), .. }] => {
                (outer, step.inner())
            }
            _ => return None,
        },
        _ => return None,
    };
    let before = match &outer.expr {
        Expr::Ident(name) if name == "claims" => CLAIM.to_owned(),
        _ => name(outer)?,
    };
    (!step.contains(STEP)).then(|| format!("{before}{STEP}{step}"))
}

/// The steps from the claims to what such a name stands for.
pub(super) fn steps(name: &str) -> Option<impl Iterator<Item = &str>> {
    Some(name.strip_prefix(CLAIM)?.split(STEP).skip(1))
}
