// Uses a verifier in a process that nothing else keeps alive, and prints what happened. The argument names the scenario.
import { createVerifier, isWebhookError, type SecretProvider } from '@countersign/core';
import { github } from '@countersign/schemes';
import { sign } from '@countersign/testing';

const SECRET = 'a-signing-secret-of-32-characters';
const request = (secret = SECRET) => ({ method: 'POST', ...sign(github(), { secret, body: '{"id":1}' }) });

let loads = 0;
let watches = 0;

/** A source whose loads end by a timer that keeps no process alive, or never. */
function source(answers: (load: number) => boolean): SecretProvider {
  return {
    name: 'slow source',
    load: () => {
      loads += 1;
      const answered = answers(loads);
      return new Promise((resolve) => {
        if (answered) setTimeout(() => resolve({ current: SECRET }), 50).unref();
      });
    },
    watch: () => {
      watches += 1;
      return () => undefined;
    },
  };
}

const verifierOf = (secrets: SecretProvider) =>
  createVerifier({ scheme: github(), secrets, reload: { timeoutSeconds: 1, mismatchWaitMs: 500 } });

const settledBy = (promise: Promise<unknown>) =>
  promise.then(
    (value) => value,
    (error) => (isWebhookError(error) ? error.code : String(error)),
  );

const SCENARIOS: Record<string, () => Promise<unknown> | unknown> = {
  'at-module-level': () => {
    const before = process.getActiveResourcesInfo();
    verifierOf(source(() => true));
    const after = process.getActiveResourcesInfo();
    return { loads, watches, started: after.slice(before.length) };
  },
  ready: async () => ({
    settled: await settledBy(
      verifierOf(source(() => true))
        .ready()
        .then(() => 'ready'),
    ),
  }),
  'first-load': async () => ({ settled: await settledBy(verifierOf(source(() => false)).verify(request())) }),
  mismatch: async () => {
    const verifier = verifierOf(source((load) => load === 1));
    const keptAlive = setInterval(() => undefined, 1000);
    await verifier.ready();
    clearInterval(keptAlive);
    return { settled: await settledBy(verifier.verify(request('another-secret-of-32-characters!!'))) };
  },
  handle: async () => {
    const { status } = await verifierOf(source(() => true)).handle(request(), () => undefined);
    return { settled: status };
  },
  background: async () => {
    const verifier = createVerifier({
      scheme: github(),
      secrets: { ...source(() => true), load: async () => ({ current: SECRET }) },
      reload: { intervalSeconds: 3600 },
    });
    const { status } = await verifier.handle(request(), () => undefined);
    // Not closed.
    return { settled: status };
  },
};

console.log(JSON.stringify(await SCENARIOS[process.argv[2] ?? '']?.()));
