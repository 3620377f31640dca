//! Evaluates `"ops" in claims.groups`, the most frequent rule, for claims of any size: the elements
//! are compared in place and never copied into CEL values.

use cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};

/// The prefix of a name that stands for a claim searched in place. No rule can contain it.
const CLAIM: &str = "@claims";
/// The separator before each step of the path.
const STEP: char = '\u{1f}';

/// Returns the name that stands for the right operand of an `in`, if that is a claim or a value
/// inside one.
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

/// Returns the path from the claims to the value that such a name stands for.
pub(super) fn steps(name: &str) -> Option<impl Iterator<Item = &str>> {
    Some(name.strip_prefix(CLAIM)?.split(STEP).skip(1))
}
