// Rows of the table, as ../README.md describes them.
import { appendFileSync, readFileSync } from 'node:fs';

/** The version of an installed package. */
export function version(name) {
  const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')).version;
}

export class Results {
  constructor(file) {
    this.file = file;
  }

  /** Runs a check and records the result; its return value is the note. */
  async run(library, transport, what, check) {
    let result = 'passed';
    let note;
    try {
      note = await check();
    } catch (error) {
      console.error(`${library} ${transport} ${what}:`, error);
      [result, note] = ['FAILED', String(error.message ?? error)];
    }
    const text = String(note ?? '').replace(/\s+/g, ' ').slice(0, 120);
    appendFileSync(this.file, [library, version(library), transport, what, result, text].join('\t') + '\n');
  }
}

/** Fails with the text `what` if `fine` is not true. */
export function assert(fine, what) {
  if (!fine) throw new Error(what);
}
