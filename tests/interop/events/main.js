// Signs the events of the spec with npm jose, with a separate key for each algorithm.
// Usage: main.js SPEC ANSWERS

import { readFileSync, writeFileSync } from "node:fs";
import { SignJWT, exportJWK, generateKeyPair } from "jose";

const [, , spec, answers] = process.argv;
const { algorithms, cases } = JSON.parse(readFileSync(spec, "utf8"));

function sign(key, alg, typ, claims) {
  const own = JSON.parse(JSON.stringify(claims).replaceAll("@", alg));
  return new SignJWT(own).setProtectedHeader({ alg, kid: alg, ...(typ ? { typ } : {}) }).sign(key);
}

const made = { jwks: { keys: [] }, cases: [] };
for (const alg of algorithms) {
  const { privateKey, publicKey } = await generateKeyPair(alg);
  made.jwks.keys.push({ ...(await exportJWK(publicKey)), kid: alg, alg, use: "sig" });
  for (const { name, kind, typ, claims, access, status } of cases) {
    const token = await sign(privateKey, alg, typ, claims);
    made.cases.push({ name, kind, status, alg, token, access: await sign(privateKey, alg, "at+jwt", access) });
  }
}
writeFileSync(answers, JSON.stringify(made));
