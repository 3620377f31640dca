// Measures the cost of work after a warm-up.
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * `work` counts up the `tokens` of a tally, and ends only by failing. The CPU is that of all threads of the
 * process: the compiler's and the garbage collector's, too.
 */
export async function measure(seconds, about, work, warmUp = 0.5) {
  const tally = { tokens: 0 };
  const working = work(tally);
  await Promise.race([working, sleep(Math.max(warmUp, seconds / 5) * 1000)]);
  console.log('begin');
  const [tokens, cpu, time] = [tally.tokens, process.cpuUsage(), performance.now()];
  await Promise.race([working, sleep(seconds * 1000)]);
  const { user, system } = process.cpuUsage(cpu);
  const span = { cpu_seconds: (user + system) / 1e6, seconds: (performance.now() - time) / 1e3 };
  console.log(JSON.stringify({ ...about, tokens: tally.tokens - tokens, ...span }));
}
