// Does a deployed system work? Every app is ready, and a probe goes through every queue to its end.
//
//   WEIR_KEY=weir_… node infra/smoke.mjs --url https://weir-front-….azurewebsites.net [--tenant smoke] [--require-probe] [--minutes 5]
//
// A key that may operate is also asked what the doctor finds (GET /api/doctor, as weir doctor does): what failed there fails here, warnings are shown. The key needs submit and read; a key for every tenant needs --tenant, the one that its probes belong to. Where the probe is not served (Weir:Probe:Enabled), only --require-probe makes that a failure.
import { randomUUID } from 'node:crypto';
import { App, Stop, main, options, until } from './app.mjs';

const queues = ['critical', 'default', 'bulk'];
const final = ['succeeded', 'deadLettered', 'cancelled', 'expired', 'compensated'];

await main(async () => {
  const given = options({ '--url': String, '--tenant': String, '--require-probe': Boolean, '--minutes': Number });
  if (!given['--url']) throw new Stop('--url is missing: the address of the app that takes jobs in.');
  const limitMs = (given['--minutes'] ?? 5) * 60_000;
  const app = new App(given['--url'], process.env.WEIR_KEY);

  await app.ready(limitMs);
  console.log(`ready     ${app.address}`);

  if (!process.env.WEIR_KEY && !given['--require-probe']) {
    console.log('there is no WEIR_KEY, so no job was sent');
    return;
  }
  await doctor(app);
  const served = await app.ask('GET', '/api/catalog/probe');
  if (served.status === 404 && !given['--require-probe']) {
    console.log('no probe is served here, so no job was sent');
    return;
  }
  if (served.status !== 200) throw new Stop(`The catalogue does not answer for the probe: ${described(served)}.`);

  const ends = await Promise.all(queues.map(queue => probe(app, queue, given['--tenant'], limitMs)));
  ends.forEach((end, i) => console.log(`${end.state.padEnd(9)} ${queues[i].padEnd(9)} ${end.ms} ms  ${end.id ?? ''}${end.why ? `  ${end.why}` : ''}`));
  const failed = queues.filter((_, i) => ends[i].state !== 'succeeded');
  if (failed.length > 0) throw new Stop(`The probe did not succeed in: ${failed.join(', ')}.`);
});

async function doctor(app) {
  const found = await app.ask('GET', '/api/doctor');
  if (found.status === 401 || found.status === 403 || found.status === 404) {
    console.log('doctor    not asked: the key may not, or this version has none');
    return;
  }
  if (found.status !== 200) throw new Stop(`The doctor does not answer: ${described(found)}.`);
  const wrong = found.json.checks.filter(check => check.outcome === 'failed' || check.outcome === 'warning');
  for (const check of wrong) console.log(`${check.outcome.padEnd(9)} ${check.area}, ${check.name}: ${check.detail}`);
  const failed = wrong.filter(check => check.outcome === 'failed');
  if (failed.length > 0) throw new Stop(`The doctor found what does not work: ${failed.map(check => check.name).join(', ')}.`);
  console.log(`doctor    ${found.json.checks.length} looked at, ${wrong.length} with a warning`);
}

async function probe(app, queue, tenant, limitMs) {
  const begun = Date.now();
  const sent = await app.ask('POST', '/api/jobs', { type: 'probe', payload: { note: 'smoke' }, priority: queue }, { 'Idempotency-Key': `"smoke-${randomUUID()}"`, ...(tenant ? { 'Weir-Tenant': tenant } : {}) });
  if (sent.status !== 202) return { state: 'refused', ms: Date.now() - begun, why: described(sent) };

  let job;
  await until(limitMs, async () => {
    job = await app.ask('GET', `/api/jobs/${sent.json.id}?wait=PT10S`);
    return final.includes(job.json?.state);
  });
  const state = job.json?.state ?? 'unknown';
  return { state, id: sent.json.id, ms: Date.now() - begun, why: final.includes(state) ? job.json.error?.message : `not at its end after ${limitMs / 1000} s (${described(job)})` };
}

function described(answer) {
  return answer.error ?? `HTTP ${answer.status}${answer.json?.code ? `, ${answer.json.code}: ${answer.json.detail ?? ''}` : ''}`;
}
