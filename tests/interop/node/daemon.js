// Starts the daemon, waits for it, asks for its metrics and stops it.
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Free ports; all are held until the last is found, or one could be given twice. */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, () => new Promise((resolve, reject) => {
      const server = createServer();
      server.on('error', reject);
      server.listen(0, '127.0.0.1', () => resolve(server));
    })),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

const running = new Set();
// An interrupted run must not leave daemons behind.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** A `jwtd serve` in a folder of its own, with `files` beside its configuration. */
export class Daemon {
  static async prepare(folder, config, files) {
    const daemon = new Daemon();
    mkdirSync(folder);
    for (const [name, text] of Object.entries(files)) writeFileSync(`${folder}/${name}`, text);
    daemon.folder = folder;
    [daemon.port, daemon.admin] = await freePorts(2);
    const sockets = `listen: [{ unix: s }, { tcp: 127.0.0.1:${daemon.port} }]\nadmin: 127.0.0.1:${daemon.admin}\n`;
    writeFileSync(`${folder}/jwtd.yaml`, sockets + config);
    return daemon;
  }

  /** The gRPC target of the daemon. */
  target(transport) {
    return transport === 'unix' ? `unix://${this.folder}/s` : `127.0.0.1:${this.port}`;
  }

  async start() {
    const log = openSync(`${this.folder}/log`, 'a');
    const command = ['serve', '--config', `${this.folder}/jwtd.yaml`];
    this.child = spawn(process.env.JWTD_BIN, command, { stdio: ['ignore', log, log] });
    closeSync(log);
    running.add(this.child);
    this.ended = new Promise((resolve) => this.child.on('exit', resolve));
    for (const end = Date.now() + 15_000; Date.now() < end; await sleep(20)) {
      if (this.child.exitCode !== null) break;
      const answer = await this.get('/readyz').catch(() => undefined);
      if (answer?.status === 200) return this;
    }
    throw new Error(`the daemon is not ready: ${readFileSync(`${this.folder}/log`, 'utf8')}`);
  }

  get(path) {
    return fetch(`http://127.0.0.1:${this.admin}${path}`, { headers: { connection: 'close' } });
  }

  /** Waits until no token is worked on. */
  async becomesIdle() {
    for (const end = Date.now() + 5_000; Date.now() < end; await sleep(50)) {
      const metrics = await (await this.get('/metrics')).text();
      if (/^jwtd_in_flight_tokens 0$/m.test(metrics)) return;
    }
    throw new Error('tokens are still in flight');
  }

  async stop() {
    this.child?.kill('SIGTERM');
    await this.ended;
    running.delete(this.child);
  }
}
