//! Separators and base64url (RFC 7515, section 2): wrong numbers of parts, and other encodings of
//! the same bytes. The signature covers the token as sent, so that a careless decoder accepts it.

use crate::attacks::corpus::Forge;
use crate::attacks::encodings::base64;
use jwtd_core::jose::base64url;
use jwtd_core::verify::Reason::{
    self, ClaimsBadJson, HeaderBadBase64url, HeaderBadJson, PayloadBadBase64url,
    SignatureBadBase64url, SignatureMissing, TokenBadCharacter, TokenNotCompact,
};

/// Other base64url texts that decode to the same bytes.
fn loose_ends(text: &str) -> Vec<String> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let spare = match text.len() % 4 {
        2 => 16,
        3 => 4,
        _ => return Vec::new(),
    };
    let last = ALPHABET.find(text.chars().last().unwrap()).unwrap();
    let ends = (1..spare)
        .map(|bits| format!("{}{}", &text[..text.len() - 1], &ALPHABET[last + bits..=last + bits]));
    ends.collect()
}

/// Appends spaces to a JSON text until the last character of its encoding has spare bits.
fn uneven(text: &str, rest: usize) -> String {
    let mut text = text.to_owned();
    while text.len() % 3 != rest {
        text.push(' ');
    }
    text
}

pub(crate) fn add(forge: &mut Forge) {
    separators(forge);
    surrounded(forge);
    let world = forge.world;
    let signer = world.main.ed25519();
    let header = signer.header("");
    for rest in [1, 2] {
        let claims = forge.claims(&[]);
        let h = base64url::encode(uneven(&header, rest).as_bytes());
        let p = base64url::encode(uneven(&claims, rest).as_bytes());
        for (n, loose) in loose_ends(&h).iter().enumerate() {
            let token = signer.sign_parts(loose.as_bytes(), p.as_bytes());
            forge.add(
                format!("loose end {n} of {rest} in the header"),
                token,
                &[HeaderBadBase64url],
            );
        }
        for (n, loose) in loose_ends(&p).iter().enumerate() {
            let token = signer.sign_parts(h.as_bytes(), loose.as_bytes());
            forge.add(
                format!("loose end {n} of {rest} in the payload"),
                token,
                &[PayloadBadBase64url],
            );
        }
        for padding in ["=", "==", "===", "%3D", "%3d%3d"] {
            let padded = format!("{h}{padding}");
            let token = signer.sign_parts(padded.as_bytes(), p.as_bytes());
            forge.add(
                format!("{padding} after the header, {rest} over"),
                token,
                &[TokenBadCharacter],
            );
            let padded = format!("{p}{padding}");
            let token = signer.sign_parts(h.as_bytes(), padded.as_bytes());
            forge.add(
                format!("{padding} after the payload, {rest} over"),
                token,
                &[TokenBadCharacter],
            );
        }
    }
    let good = forge.with_claims(&[]);
    let (input, signature) = good.rsplit_once('.').unwrap();
    for (n, loose) in loose_ends(signature).iter().enumerate() {
        let token = format!("{input}.{loose}");
        forge.add(format!("loose end {n} in the signature"), token, &[SignatureBadBase64url]);
    }
    for padding in ["=", "==", "===", "%3D%3D"] {
        forge.add(
            format!("{padding} after the signature"),
            format!("{good}{padding}"),
            &[TokenBadCharacter],
        );
    }
    standard_alphabet(forge);
    inside(forge);
}

/// Builds an attack from the three parts of a good token.
type Shape = fn(&str, &str, &str) -> String;

fn separators(forge: &mut Forge) {
    let whole: &[Reason] = &[TokenNotCompact];
    let shapes: [(&str, Shape, &[Reason]); 18] = [
        ("one part", |h, _, _| h.to_owned(), whole),
        ("two parts", |h, p, _| format!("{h}.{p}"), whole),
        ("payload and signature", |_, p, s| format!("{p}.{s}"), whole),
        ("a part before", |h, p, s| format!("e30.{h}.{p}.{s}"), whole),
        ("a part behind", |h, p, s| format!("{h}.{p}.{s}.e30"), whole),
        ("a dot before", |h, p, s| format!(".{h}.{p}.{s}"), whole),
        ("a dot behind", |h, p, s| format!("{h}.{p}.{s}."), whole),
        ("two dots for one", |h, p, s| format!("{h}..{p}.{s}"), whole),
        ("six parts", |h, p, s| format!("{h}.{p}.{s}.{h}.{p}.{s}"), whole),
        ("no header", |_, p, s| format!(".{p}.{s}"), &[HeaderBadJson]),
        ("no payload", |h, _, s| format!("{h}..{s}"), &[ClaimsBadJson]),
        ("no signature", |h, p, _| format!("{h}.{p}."), &[SignatureMissing]),
        ("two dots", |_, _, _| "..".to_owned(), &[HeaderBadJson]),
        ("the payload first", |h, p, s| format!("{p}.{h}.{s}"), &[Reason::AlgorithmMissing]),
        ("commas", |h, p, s| format!("{h},{p},{s}"), whole),
        ("colons", |h, p, s| format!("{h}:{p}:{s}"), whole),
        ("encoded dots", |h, p, s| format!("{h}%2E{p}%2E{s}"), whole),
        ("dots of full width", |h, p, s| format!("{h}\u{ff0e}{p}\u{3002}{s}"), whole),
    ];
    for (name, shape, expected) in shapes {
        let good = forge.with_claims(&[]);
        let parts: Vec<_> = good.split('.').collect();
        forge.add(name, shape(parts[0], parts[1], parts[2]), expected);
    }
}

fn surrounded(forge: &mut Forge) {
    for (name, text) in [
        ("a space", " "),
        ("a tab", "\t"),
        ("a line feed", "\n"),
        ("a line end", "\r\n"),
        ("a zero", "\0"),
        ("a byte order mark", "\u{feff}"),
        ("a quote", "\""),
        ("a tick", "'"),
        ("an equals sign", "="),
        ("a no-break space", "\u{a0}"),
        ("a line separator", "\u{2028}"),
        ("a comma", ","),
        ("Bearer", "Bearer "),
        ("DPoP", "DPoP "),
        ("an encoded space", "%20"),
        ("a plus", "+"),
        ("a slash", "/"),
        ("a tilde", "~"),
        ("an escape", "\u{1b}"),
        ("a soft hyphen", "\u{ad}"),
        ("a brace", "}"),
    ] {
        let good = forge.with_claims(&[]);
        let token = format!("{text}{good}");
        forge.add(format!("{name} before"), token, &[TokenBadCharacter]);
        let good = forge.with_claims(&[]);
        forge.add(format!("{name} behind"), format!("{good}{text}"), &[TokenBadCharacter]);
    }
    for byte in [0x80, 0xc0, 0xfe, 0xff] {
        let good = forge.with_claims(&[]);
        let token = [good.as_bytes(), &[byte]].concat();
        forge.add(format!("byte {byte:#x} behind"), token, &[TokenBadCharacter]);
    }
}

/// `+` and `/`, which base64url does not use (RFC 4648, section 5).
fn standard_alphabet(forge: &mut Forge) {
    let signer = forge.world.main.ed25519();
    // Characters whose encoding needs `+` and `/`.
    let odd = "\"???>>>~~~\u{ff}\u{3ff}\u{7ff}\"";
    let claims = uneven(&forge.claims(&[("odd", odd)]), 0);
    let header = uneven(&signer.header(&format!(",\"odd\":{odd}")), 0);
    let url = |text: &str| base64url::encode(text.as_bytes());
    let standard = |text: &str| base64(text.as_bytes());
    assert_ne!(url(&claims), standard(&claims));
    assert_ne!(url(&header), standard(&header));
    let token = signer.sign_parts(standard(&header).as_bytes(), url(&claims).as_bytes());
    forge.add("the header in base64", token, &[TokenBadCharacter]);
    let token = signer.sign_parts(url(&header).as_bytes(), standard(&claims).as_bytes());
    forge.add("the payload in base64", token, &[TokenBadCharacter]);
    loop {
        let good = forge.with_claims(&[]);
        let (input, signature) = good.rsplit_once('.').unwrap();
        let other = signature.replace('-', "+").replace('_', "/");
        if other != signature {
            forge.add("the signature in base64", format!("{input}.{other}"), &[TokenBadCharacter]);
            return;
        }
    }
}

/// Bytes inserted into a part, which some decoders skip, and one character too many.
fn inside(forge: &mut Forge) {
    let signer = forge.world.main.ed25519();
    let header = base64url::encode(signer.header("").as_bytes());
    for (name, text) in [
        ("a space", " "),
        ("a line feed", "\n"),
        ("a line end", "\r\n"),
        ("a tab", "\t"),
        ("a zero", "\0"),
        ("an equals sign", "="),
        ("a tilde", "~"),
        ("a letter that is none", "\u{e9}"),
        ("a percent sign", "%"),
    ] {
        let claims = base64url::encode(forge.claims(&[]).as_bytes());
        let at = |part: &str, place: usize| format!("{}{text}{}", &part[..place], &part[place..]);
        let place = 4 + 4 * forge.below(6);
        let token = signer.sign_parts(at(&header, place).as_bytes(), claims.as_bytes());
        forge.add(format!("{name} in the header"), token, &[TokenBadCharacter]);
        let token = signer.sign_parts(header.as_bytes(), at(&claims, place).as_bytes());
        forge.add(format!("{name} in the payload"), token, &[TokenBadCharacter]);
        let good = forge.with_claims(&[]);
        let (input, signature) = good.rsplit_once('.').unwrap();
        let token = format!("{input}.{}", at(signature, place));
        forge.add(format!("{name} in the signature"), token, &[TokenBadCharacter]);
    }
    // A single character holds six bits, which are not a byte.
    let claims = forge.claims(&[]);
    let (whole, payload) = (uneven(&signer.header(""), 0), uneven(&claims, 0));
    let (h, p) = (base64url::encode(whole.as_bytes()), base64url::encode(payload.as_bytes()));
    let token = signer.sign_parts(format!("{h}A").as_bytes(), p.as_bytes());
    forge.add("a letter over in the header", token, &[HeaderBadBase64url]);
    let token = signer.sign_parts(h.as_bytes(), format!("{p}A").as_bytes());
    forge.add("a letter over in the payload", token, &[PayloadBadBase64url]);
}
