// Brings one package to the function apps of an environment, one after the other: those that run jobs before the one that takes them in,
// so that no job of a new contract comes before an app that knows it; for a rollback in the reverse order (--reverse).
//
//   WEIR_KEY=weir_… node infra/deploy.mjs --package weir.zip --group rg-weir-prod --apps apps.json [--reverse] [--drain-minutes 5] [--ready-minutes 10]
//
// apps.json is the output FUNCTION_APPS of main.bicep: [{pool, runs, name, host}]. `az` must be signed in. The key needs read and operate, and to be for every tenant.
// For each app: its queues are paused, so that no job begins; what runs may end (until the limit: then the host hands it back, and it runs
// again elsewhere); the package is deployed; the app must be ready; the queues go on. A pause ends by itself after an hour, should this not.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { App, Stop, main, options, until } from './app.mjs';

const queues = ['critical', 'default', 'bulk'];

await main(async () => {
  const given = options({ '--package': String, '--group': String, '--apps': String, '--reverse': Boolean, '--drain-minutes': Number, '--ready-minutes': Number });
  for (const name of ['--package', '--group', '--apps'])
    if (!given[name]) throw new Stop(`${name} is missing.`);
  const apps = JSON.parse(readFileSync(given['--apps'], 'utf8'));
  if (!Array.isArray(apps) || apps.length === 0) throw new Stop(`${given['--apps']} holds no apps.`);
  if (given['--reverse']) apps.reverse();

  for (const { pool, runs, name, host } of apps) {
    console.log(`== ${name} (${pool})`);
    const app = new App(host, process.env.WEIR_KEY);
    const paused = [];
    try {
      for (const queue of queues.filter(queue => runs.includes(queue)))
        if (await pause(app, queue)) paused.push(queue);
      if (paused.length > 0) await drained(app, (given['--drain-minutes'] ?? 5) * 60_000);
      deploy(given['--package'], given['--group'], name);
      await app.ready((given['--ready-minutes'] ?? 10) * 60_000);
      console.log('ready');
    } finally {
      for (const queue of paused) await resume(app, queue);
    }
  }
});

/** False where there is nothing to pause yet: a first deployment, or a version that has no controls. */
async function pause(app, queue) {
  const answer = await app.ask('PUT', `/api/controls/queue/${queue}`, { reason: 'A new version is deployed.', for: 'PT1H' });
  const isPaused = answer.status >= 200 && answer.status < 300;
  console.log(isPaused ? `paused ${queue}` : `${queue} is not paused (${answer.error ?? `HTTP ${answer.status}`}): what runs is handed back when the app stops`);
  return isPaused;
}

async function resume(app, queue) {
  const resumed = await until(60_000, async () => {
    const { status } = await app.ask('DELETE', `/api/controls/queue/${queue}?reason=${encodeURIComponent('The new version is there.')}`);
    return (status >= 200 && status < 300) || status === 404;
  });
  if (!resumed) throw new Stop(`The queue ${queue} is still paused. Resume it: DELETE /api/controls/queue/${queue}, or wait for the hour to pass.`);
  console.log(`resumed ${queue}`);
}

async function drained(app, limitMs) {
  let running;
  const idle = await until(limitMs, async () => {
    const answer = await app.ask('GET', '/api/instances');
    running = answer.json?.instances?.filter(instance => instance.alive).reduce((sum, instance) => sum + instance.running, 0);
    return running === 0;
  });
  console.log(idle ? 'nothing runs' : `${running ?? 'an unknown number of'} jobs still run (of all pools): they are handed back if they are this app's`);
}

function deploy(file, group, name) {
  const windows = process.platform === 'win32';
  const az = spawnSync(windows ? 'az.cmd' : 'az', ['functionapp', 'deployment', 'source', 'config-zip', '--resource-group', group, '--name', name, '--src', file], { stdio: 'inherit', shell: windows, timeout: 20 * 60_000 });
  if (az.error) throw new Stop(`az could not be run: ${az.error.message}.`);
  if (az.status !== 0) throw new Stop(`az could not deploy to ${name} (exit code ${az.status}). The apps before it have the new package; this one and those after it have the old one.`);
}
