import {
  type DefinedScheme,
  defineScheme,
  isWebhookError,
  type SchemeDefinition,
  type SignatureRule,
} from '@countersign/core';
import { altered } from './alterations.ts';
import { randomDefinition } from './definitions.ts';
import { FuzzEndpoint } from './endpoint.ts';
import { NOW, PUBLIC_URL, signed, unsignedRequest } from './genuine.ts';
import { type Accepted, isViolation, oneProof, ownKeys, soundness } from './properties.ts';
import { Random } from './random.ts';
import type { Report } from './report.ts';
import type { FuzzRequest } from './request.ts';

const CLOCK = { now: () => NOW * 1000, monotonic: () => 0, schedule: () => () => undefined };
const GENUINE = 4;
const ALTERED = 12;

/** One definition at random, genuine requests of it, and alterations of them: as they are, and signed again. */
export async function fuzzDefinitions(batch: number, report: Report): Promise<void> {
  const random = new Random(batch);
  const scheme = await acceptedDefinition(random, batch, report);
  if (scheme === undefined) return;
  const { definition } = scheme;
  const secret = random.text('abcdefghijklmnopqrstuvwxyz0123456789', 32, 40);
  const endpoint = await FuzzEndpoint.open(scheme, secret, PUBLIC_URL, CLOCK);
  const name = JSON.stringify({ signed: definition.signed, identity: definition.identity });
  try {
    let last: Accepted | undefined;
    for (let count = 0; count < GENUINE; count++) {
      const request = signed(definition, unsignedRequest(random, definition), secret);
      if (request === undefined) continue;
      const genuine = await judge(endpoint, request);
      report.count(genuine === undefined ? 'genuine refused' : 'genuine accepted');
      if (genuine === undefined) continue;
      if (last !== undefined) failIf(ownKeys(definition, last, genuine), [last.request, request]);
      last = genuine;
      for (let number = 0; number < ALTERED; number++) {
        const changed = altered(request, random);
        const forged = await judge(endpoint, changed);
        report.count(forged === undefined ? 'altered refused' : 'altered accepted');
        if (forged !== undefined) failIf(oneProof(genuine, forged), [request, changed]);
        if (number % 3 > 0) continue;
        const again = signed(definition, unsignedAgain(changed, definition), secret);
        const renewed = again && (await judge(endpoint, again));
        if (renewed) failIf(ownKeys(definition, genuine, renewed), [request, again]);
      }
    }
  } finally {
    await endpoint.close();
  }

  async function judge(at: FuzzEndpoint, request: FuzzRequest): Promise<Accepted | undefined> {
    report.input();
    const result = soundness(at, request, await at.verify(request));
    if (!isViolation(result)) return result;
    report.failure(batch, name, result, [request]);
    return undefined;
  }

  function failIf(violation: ReturnType<typeof oneProof>, requests: readonly FuzzRequest[]): void {
    if (violation !== undefined) report.failure(batch, name, violation, requests);
  }
}

/** Tries definitions until one is accepted. Each refusal must be a `WebhookError` of the configuration. */
async function acceptedDefinition(
  random: Random,
  batch: number,
  report: Report,
): Promise<DefinedScheme | undefined> {
  for (let tries = 0; tries < 50; tries++) {
    const definition = randomDefinition(random);
    try {
      const scheme = defineScheme(definition);
      report.count('definitions accepted');
      return scheme;
    } catch (error) {
      report.count('definitions refused');
      if (isWebhookError(error) && error.code === 'ERR_WEBHOOK_CONFIG_INVALID') continue;
      const violation = {
        property: 'a definition is refused with ERR_WEBHOOK_CONFIG_INVALID',
        detail: String(error),
      };
      report.failure(batch, JSON.stringify(definition), violation, []);
    }
  }
  return undefined;
}

/** Without the signature that it carries, so that it can be signed again. */
function unsignedAgain(request: FuzzRequest, definition: SchemeDefinition): FuzzRequest {
  const { signature } = definition.signed as SignatureRule;
  if (signature.query !== undefined) return { ...request, url: request.url.replace(/[?&]sig=[^&]*/, '') };
  if (signature.formField !== undefined)
    return {
      ...request,
      body: Buffer.from(request.body.toString('latin1').replace(/&sig=[^&]*/, ''), 'latin1'),
    };
  return { ...request, headers: request.headers.filter(([name]) => name.toLowerCase() !== 'x-sig') };
}
