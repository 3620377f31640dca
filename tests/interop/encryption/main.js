// Runs each case with npm jose: decrypts the token of jwtd, and encrypts one of its own.
// Usage: main.js CASES ANSWERS

import { readFileSync, writeFileSync } from "node:fs";
import { CompactEncrypt, compactDecrypt, importJWK } from "jose";

const [, , cases, answers] = process.argv;
const texts = { encode: (text) => new TextEncoder().encode(text), decode: (bytes) => new TextDecoder().decode(bytes) };

async function answer({ name, alg, enc, private_key, public_key, sealed, text }) {
  const found = { name, opened: null, sealed: null, note: "" };
  try {
    const own = await importJWK({ ...private_key, alg }, alg);
    const { plaintext } = await compactDecrypt(sealed, own);
    found.opened = texts.decode(plaintext) === text;
  } catch (error) {
    found.note = `${error.code ?? error.name}: ${error.message}`;
  }
  try {
    const peer = await importJWK({ ...public_key, alg }, alg);
    const header = { alg, enc, cty: "JWT", kid: public_key.kid };
    found.sealed = await new CompactEncrypt(texts.encode(text)).setProtectedHeader(header).encrypt(peer);
  } catch (error) {
    found.note = `${error.code ?? error.name}: ${error.message}`;
  }
  return found;
}

const all = [];
for (const one of JSON.parse(readFileSync(cases, "utf8"))) all.push(await answer(one));
writeFileSync(answers, JSON.stringify(all));
