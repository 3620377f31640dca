//! Checks references to issuers by name.

use super::check::nearest;
use super::document::Node;
use super::fault::Faults;

/// Reports names in the `list` of the table `node` at `path` that belong to no issuer.
pub(super) fn check_issuers(
    node: &Node,
    list: Option<&Node>,
    path: &str,
    issuers: &[&str],
    faults: &mut Faults,
) {
    for name in list.map(Node::texts).unwrap_or_default() {
        if !issuers.contains(&name) {
            let fix = nearest(name, issuers.iter().copied()).map_or_else(
                || format!("known are {}", issuers.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let place = list.map_or(node.place, |list| list.place);
            let what = format!("there is no issuer `{name}`");
            faults.add(place, &format!("{path}.issuers"), what, fix);
        }
    }
}
