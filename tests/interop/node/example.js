// The program in examples/clients/node, run as a user would run it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { assert } from './results.js';
import { expired, prepare, sign } from './scene.js';

const PROGRAM = fileURLToPath(new URL('../../../examples/clients/node/verify.js', import.meta.url));

async function run(address, input) {
  const child = spawn(process.execPath, [PROGRAM], { env: { ...process.env, JWTD_ADDRESS: address } });
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) child[name].on('data', (data) => (text[name] += data));
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code, ...text };
}

async function verdicts(daemon, transport) {
  const input = [await sign({ sub: 'alice' }), await expired(), 'nonsense', ''].join('\n');
  const { code, stdout, stderr } = await run(daemon.target(transport), input);
  assert(code === 0 && stderr === '', `${code}: ${stderr}`);
  assert(stdout === 'permit alice\nrefuse EXPIRED\nrefuse TOKEN_NOT_COMPACT\n', stdout);
}

async function unavailable(daemon, transport) {
  const { code, stdout, stderr } = await run(daemon.target(transport), await sign());
  assert(code === 75 && stdout === '', `${code}: ${stdout}`);
  // It has waited for the daemon.
  assert(stderr === 'jwtd is unavailable: DEADLINE_EXCEEDED\n', stderr);
  return stderr;
}

export async function exampleChecks(results, folder, transport) {
  const daemon = await (await prepare(folder)).start();
  await results.run('@grpc/grpc-js', transport, 'example', () => verdicts(daemon, transport));
  await daemon.stop();
  await results.run('@grpc/grpc-js', transport, 'example, no daemon', () => unavailable(daemon, transport));
}
