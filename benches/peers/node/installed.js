// The versions of the packages installed in this folder.
import { readFileSync } from 'node:fs';

export function version(name) {
  const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')).version;
}
