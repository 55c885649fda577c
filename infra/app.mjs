// Asks a running app, for deploy.mjs and smoke.mjs: every request has a time limit, every wait an end.
import { setTimeout as wait } from 'node:timers/promises';

const requestLimitMs = 30_000;

/** Stops with one sentence; what went before is on the console. */
export class Stop extends Error {}

export class App {
  constructor(address, key) {
    this.address = (/^https?:\/\//.test(address) ? address : `https://${address}`).replace(/\/$/, '');
    this.key = key;
  }

  /** The answer, its body read as JSON where it is; null when there was none. */
  async ask(method, path, body, headers = {}) {
    try {
      const response = await fetch(this.address + path, {
        method,
        headers: {
          ...(this.key ? { Authorization: `Bearer ${this.key}` } : {}),
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(requestLimitMs),
      });
      const text = await response.text();
      let json;
      try {
        json = JSON.parse(text);
      } catch {
        json = undefined;
      }
      return { status: response.status, json };
    } catch (error) {
      return { status: 0, error: error.cause?.message ?? error.message };
    }
  }

  /** Until the app answers that it can reach its stores. */
  async ready(limitMs) {
    let last;
    const reached = await until(limitMs, async () => {
      last = await this.ask('GET', '/api/health/ready');
      return last.status === 200;
    });
    if (!reached) throw new Stop(`${this.address} was not ready within ${limitMs / 1000} s: ${last.error ?? `HTTP ${last.status}`}.`);
  }
}

/** Asks every two seconds; false when it was never so. */
export async function until(limitMs, ask) {
  const end = Date.now() + limitMs;
  while (!(await ask())) {
    if (Date.now() >= end) return false;
    await wait(Math.min(2_000, Math.max(end - Date.now(), 10)));
  }
  return true;
}

/** --name value and --flag, of those that are known. */
export function options(known) {
  const found = {};
  const words = process.argv.slice(2);
  while (words.length > 0) {
    const name = words.shift();
    const kind = known[name];
    if (kind === undefined) throw new Stop(`'${name}' is not known; expected some of ${Object.keys(known).join(', ')}.`);
    if (kind === Boolean) found[name] = true;
    else if (words.length === 0) throw new Stop(`${name} needs a value.`);
    else if (kind === Number && !(Number(words[0]) >= 0)) throw new Stop(`${name} is '${words[0]}'; expected a number.`);
    else found[name] = kind(words.shift());
  }
  return found;
}

export async function main(run) {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
