// Calls of the service itself.
import grpc from '@grpc/grpc-js';
import { assert } from './results.js';
import { ask, connect, dearBatch, expired, prepare, sign } from './scene.js';

async function unary({ client }) {
  const good = (await ask(client, 'verify', { token: await sign() })).verdict;
  assert(good.permit && good.reason === 'REASON_OK', JSON.stringify(good));
  const bad = (await ask(client, 'verify', { token: await expired() })).verdict;
  assert(!bad.permit && bad.reason === 'REASON_EXPIRED', JSON.stringify(bad));
}

async function batch({ client }) {
  const good = await sign({ sub: 'bob', text: 'ü \u{1F600}' });
  const tokens = [good, await expired(), 'nonsense', good];
  const { verdicts } = await ask(client, 'verifyBatch', { tokens, options: { view: 'VIEW_CLAIMS' } });
  const reasons = verdicts.map((verdict) => verdict.reason.replace('REASON_', '')).join(' ');
  assert(reasons === 'OK EXPIRED TOKEN_NOT_COMPACT OK', reasons);
  const payload = Buffer.from(good.split('.')[1], 'base64url');
  assert(verdicts[0].claimsJson.equals(payload) && verdicts[3].claimsJson.equals(payload), 'other claims');
}

async function stream({ client }) {
  const [good, bad] = [await sign(), await expired()];
  const call = client.verifyStream();
  const answers = new Map();
  const ended = new Promise((resolve, reject) => {
    call.on('data', (answer) => {
      if (answers.has(answer.id)) reject(new Error(`${answer.id} is answered twice`));
      answers.set(answer.id, answer.verdicts.verdicts.map((verdict) => verdict.permit));
    });
    call.on('error', reject);
    call.on('end', resolve);
  });
  for (let id = 1; id <= 20; id += 1) call.write({ id, tokens: id % 2 ? [good, bad] : [bad, good, good] });
  call.end();
  await ended;
  assert(answers.size === 20, `${answers.size} answers`);
  for (const [id, permits] of answers) {
    assert(permits.join() === (id % 2 ? 'true,false' : 'false,true,true'), `${id}: ${permits}`);
  }
}

async function fails(call, code) {
  const error = await call.then(() => undefined, (error) => error);
  assert(error?.code === code, `${grpc.status[code]} was expected: ${error}`);
}

async function deadline({ client, daemon }) {
  const tokens = await dearBatch();
  const call = () => ask(client, 'verifyBatch', { tokens }, { options: { deadline: Date.now() + 20 } });
  await fails(call(), grpc.status.DEADLINE_EXCEEDED);
  await daemon.becomesIdle();
  await unary({ client });
}

async function cancellation({ client, daemon }) {
  const tokens = await dearBatch();
  for (const pause of [0, 10, 30]) {
    const begun = (call) => setTimeout(() => call.cancel(), pause);
    await fails(ask(client, 'verifyBatch', { tokens }, { begun }), grpc.status.CANCELLED);
    await daemon.becomesIdle();
  }
  const call = client.verifyStream();
  call.write({ id: 1, tokens: [await sign()] });
  const ended = new Promise((resolve, reject) => call.on('error', reject).on('end', resolve));
  call.once('data', () => call.cancel());
  await fails(ended, grpc.status.CANCELLED);
  await daemon.becomesIdle();
  await unary({ client });
}

async function waitForReady(folder, transport) {
  const daemon = await prepare(folder);
  const client = connect(daemon, transport);
  try {
    const metadata = new grpc.Metadata({ waitForReady: true });
    const options = { deadline: Date.now() + 30_000 };
    let answered = false;
    const call = ask(client, 'verify', { token: await sign() }, { metadata, options });
    call.then(() => (answered = true), () => (answered = true));
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert(!answered, 'answered before there was a daemon');
    await daemon.start();
    assert((await call).verdict.permit, 'refused');
  } finally {
    client.close();
    await daemon.stop();
  }
}

export async function clientChecks(results, folder, transport) {
  const daemon = await (await prepare(folder)).start();
  const client = connect(daemon, transport);
  const checks = { unary, batch, stream, deadline, cancellation };
  for (const [what, check] of Object.entries(checks)) {
    await results.run('@grpc/grpc-js', transport, what, () => check({ client, daemon }));
  }
  client.close();
  await daemon.stop();
  await results.run('@grpc/grpc-js', transport, 'wait-for-ready', () => waitForReady(folder, transport));
}
