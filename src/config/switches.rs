//! Settings that switch a feature on by being there.

use super::document::{Node, Value};
use super::fault::Faults;
use super::schema::SettingKey;

/// Refuses empty tables that switch a feature on, because their meaning is unclear: a socket with
/// an empty `tls` would take calls in plain text. Within a profile, nothing may be empty: see
/// [`policies`](super::access::policies).
pub(super) fn check_switches(node: &Node, keys: &[SettingKey], path: &str, faults: &mut Faults) {
    for (name, value) in node.members() {
        let is_switch = |key: &SettingKey| key.name == name.text && key.is_switch();
        if value.value == Value::Null && keys.iter().any(is_switch) {
            let what = format!("`{}` is empty", name.text);
            let fix = format!("write its settings, such as `{}: {{ … }}`, or remove it", name.text);
            faults.add(name.place, &format!("{path}{}", name.text), what, fix);
        }
    }
}
