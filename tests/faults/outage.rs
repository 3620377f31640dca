//! An issuer that cannot be reached, or is too slow.

use crate::Plan;
use crate::issuer::KEYS;
use crate::issuer::script::{Step, head, steps, whole};
use crate::life::{self, Case, Scene};
use jwtd_testkit::measured::Row;
use jwtd_testkit::tokens::set;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let answer = |scene: &Scene| whole("200 OK", "", set(&[&scene.evil]).as_bytes());
    let keys_are = |name: &str, outcomes, script: fn(&Scene, Vec<u8>) -> Vec<Step>| {
        Case::fails(name, outcomes, move |scene| {
            let steps_of = script(scene, answer(scene));
            scene.issuer.put(KEYS, steps(steps_of));
        })
    };
    let mut cases = vec![
        Case {
            inject: Arc::new(|scene, _| Box::pin(scene.issuer.go_down())),
            short: true,
            ..Case::fails("connection refused", &["connect"], |_| {})
        },
        Case::fails("reset after accept", &["protocol"], |scene| {
            scene.issuer.greet(Some(Vec::new()))
        }),
        Case {
            short: true,
            ..Case::fails("accepts and never answers", &["timeout"], |scene| {
                scene.issuer.greet(Some(vec![Step::Hold]));
            })
        },
        keys_are("header 1 B/s", &["timeout"], |_, answer| vec![Step::Drip(answer, SECOND)]),
        keys_are("body 1 B/s", &["timeout"], |scene, _| {
            let set = set(&[&scene.evil]).into_bytes();
            let length = format!("Content-Length: {}\r\n", set.len());
            vec![Step::Send(head("200 OK", &length)), Step::Drip(set, SECOND)]
        }),
        keys_are("30 s to the first byte", &["timeout"], |_, answer| {
            vec![Step::Pause(SECOND * 30), Step::Send(answer)]
        }),
    ];
    cases[4].short = true;
    life::rows(plan, cases)
}
