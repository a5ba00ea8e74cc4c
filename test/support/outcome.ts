import {
  type Clock,
  createVerifier,
  type DefinedScheme,
  defineScheme,
  isWebhookError,
  type SchemeDefinition,
  type VerifiedWebhook,
  type VerifierOptions,
  type WebhookError,
  type WebhookErrorCode,
  type WebhookRequest,
} from '@countersign/core';
import type { SecretByPrefix, SharedSecret } from '@countersign/core/extend';

/** A request as the tests here build it: one value for each header. */
export interface Request extends WebhookRequest {
  headers: Record<string, string>;
  body: Uint8Array;
}

/** A clock that is stopped at a time in Unix seconds. */
export function clockAt(seconds: number): Clock {
  return { now: () => seconds * 1000, monotonic: () => 0, schedule: () => () => undefined };
}

/** The outcome of one request at one moment: the delivery, or the error of the refusal. */
export async function judge(
  scheme: DefinedScheme,
  secrets: VerifierOptions['secrets'],
  request: Request,
  seconds: number,
): Promise<VerifiedWebhook | WebhookError> {
  try {
    await using verifier = createVerifier({ scheme, secrets, clock: clockAt(seconds), replay: false });
    await verifier.ready();
    return await verifier.verify(request);
  } catch (error) {
    if (isWebhookError(error)) return error;
    throw error;
  }
}

/** The same in one word: `'accepted'`, or the code of the refusal. */
export async function outcomeOf(...given: Parameters<typeof judge>): Promise<'accepted' | WebhookErrorCode> {
  const outcome = await judge(...given);
  return isWebhookError(outcome) ? outcome.code : 'accepted';
}

/** The outcome at a verifier with a `publicUrl`. */
export async function outcomeAt(
  scheme: DefinedScheme,
  secrets: VerifierOptions['secrets'],
  request: WebhookRequest,
  publicUrl: string,
  seconds: number,
): Promise<'accepted' | WebhookErrorCode> {
  try {
    await using verifier = createVerifier({
      scheme,
      secrets,
      publicUrl,
      clock: clockAt(seconds),
      replay: false,
    });
    await verifier.ready();
    await verifier.verify(request);
    return 'accepted';
  } catch (error) {
    if (isWebhookError(error)) return error.code;
    throw error;
  }
}

/**
 * The outcome of a published sample. Their secrets are short, or words such as "secret", and no keyring accepts those: it gets
 * placeholders here, and the scheme decodes the sample's own.
 */
export async function outcomeOfSample(
  { definition }: DefinedScheme,
  secrets: readonly (string | Uint8Array)[],
  request: Request,
  seconds: number,
  publicUrl?: string,
): Promise<'accepted' | WebhookErrorCode> {
  const scheme = defineScheme({ ...definition, secret: ofAnyLength(definition.secret) });
  const samples = new Map(secrets.map((secret, index) => [`placeholder for sample ${index}`, secret]));
  const importKey = (standIn: string | Uint8Array) => scheme.importKey(samples.get(String(standIn)) ?? '');
  const sampled: DefinedScheme = { ...scheme, importKey };
  const set = { current: [...samples.keys()] };
  return publicUrl === undefined
    ? outcomeOf(sampled, set, request, seconds)
    : outcomeAt(sampled, set, request, publicUrl, seconds);
}

function ofAnyLength(secret: SchemeDefinition['secret']): SchemeDefinition['secret'] {
  const anyLength = <Kind extends SharedSecret>(kind: Kind): Kind => ({ ...kind, minBytes: 1 });
  if ('publicKey' in secret && secret.publicKey !== undefined) return secret;
  if (!Array.isArray(secret)) return anyLength(secret as SharedSecret);
  return secret.map(anyLength) as unknown as SecretByPrefix;
}
