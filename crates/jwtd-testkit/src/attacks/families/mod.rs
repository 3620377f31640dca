//! The families of attacks, each with the rules and incidents that it tests.

mod audiences;
mod compact;
mod confusion;
mod critical;
mod embedded;
mod header;
mod issuers;
mod json;
mod key_ids;
mod malleated;
mod mixed;
mod none;
mod polyglot;
mod psychic;
mod size;
mod spliced;
mod times;
mod types;

use crate::attacks::corpus::Forge;
pub(crate) use psychic::order_and_prime;

/// Adds the attacks of one family.
type Family = fn(&mut Forge);

pub const ALL: [(&str, Family); 18] = [
    ("t01_r12", confusion::add),
    ("t02_r08", none::add),
    ("t03_r11", mixed::add),
    ("t04_r15", psychic::add),
    ("t05_r18", embedded::add),
    ("t06_r14_r16", malleated::add),
    ("t07_r21_r22", critical::add),
    ("t09_r32_r33", times::add),
    ("t10_r05", types::add),
    ("t11_r31", audiences::add),
    ("t14_r04", size::add),
    ("t15_r19", key_ids::add),
    ("t16_r09", polyglot::add),
    ("t17_r06_r07", json::add),
    ("t40", spliced::add),
    ("t43_r30", issuers::add),
    ("r01_r02_r03", compact::add),
    ("r35_r36_r37", header::add),
];
