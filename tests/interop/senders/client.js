// A client that proves its key with npm oauth4webapi and npm dpop. It reads one question in JSON a line, and writes one
// answer a line.

import { createInterface } from "node:readline";
import * as DPoP from "dpop";
import * as oauth from "oauth4webapi";

const keys = new Map();

async function thumbprint(publicKey) {
  const jwk = await crypto.subtle.exportKey("jwk", publicKey);
  const names = { EC: ["crv", "kty", "x", "y"], OKP: ["crv", "kty", "x"], RSA: ["e", "kty", "n"] }[jwk.kty];
  const text = JSON.stringify(Object.fromEntries(names.map((name) => [name, jwk[name]])));
  return Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(text))).toString("base64url");
}

async function answer({ ask, alg, token, method, url, nonce }) {
  if (ask === "key") {
    const pair = await DPoP.generateKeyPair(alg, { extractable: true });
    keys.set(alg, { pair, handle: oauth.DPoP({ client_id: "client" }, pair) });
    return { jkt: await thumbprint(pair.publicKey) };
  }
  const { pair, handle } = keys.get(alg);
  if (ask === "proof") return { proof: await DPoP.generateProof(pair, url, method, nonce ?? undefined, token) };
  // As the README of the library has it: once more when a nonce is asked for.
  const request = () =>
    oauth.protectedResourceRequest(token, method, new URL(url), undefined, undefined, {
      DPoP: handle,
      [oauth.allowInsecureRequests]: true,
    });
  let response;
  try {
    response = await request().catch((error) => {
      if (oauth.isDPoPNonceError(error)) return request();
      throw error;
    });
  } catch (error) {
    if (!(error instanceof oauth.WWWAuthenticateChallengeError)) throw error;
    response = error.response;
  }
  return { status: response.status, body: await response.text() };
}

for await (const line of createInterface({ input: process.stdin })) {
  let said;
  try {
    said = await answer(JSON.parse(line));
  } catch (error) {
    said = { error: String(error) };
  }
  console.log(JSON.stringify(said));
}
