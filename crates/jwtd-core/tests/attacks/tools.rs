//! Tests for the attack tools: with a broken tool, an attack would fail for the wrong reason.

use jwtd_testkit::attacks::numbers::{difference, hex, sum, wide};
use jwtd_testkit::attacks::{WORLD, encodings};

#[test]
fn sums_and_differences_carry() {
    assert_eq!(sum(&hex("ffff"), &hex("01")), hex("010000"));
    assert_eq!(difference(&hex("010000"), &hex("01")), hex("00ffff"));
    assert_eq!(difference(&hex("0102"), &hex("0102")), hex("0000"));
    assert_eq!(wide(&hex("0001"), 3), hex("000001"));
}

#[test]
fn t01_the_encodings_are_those_of_the_keys() {
    for signer in &WORLD.main.signers {
        let public = signer.key.public().unwrap();
        let all = encodings::all(&signer.key, "k");
        let mut read = 0;
        for (name, text) in &all {
            let plain = ["PEM", "PEM with CRLF", "PEM less its last line end"];
            if plain.contains(name) {
                let read_again = jwtd_core::jose::pem::parse(text).unwrap();
                assert_eq!(read_again, std::slice::from_ref(&public), "{name}");
                read += 1;
            }
        }
        assert_eq!(read, 3);
    }
}
