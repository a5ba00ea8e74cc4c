import type { Scheme } from '@countersign/core';
import { bodyVariants } from './body-variants.ts';
import type { CapturedHead } from './captured-request.ts';
import type { Finding } from './cause.ts';
import { headerVariants } from './header-variants.ts';
import { olderVersionFinding, olderVersions, otherSenderFinding } from './other-senders.ts';
import { signsQuery } from './rule-facts.ts';
import { ruleVariants } from './rule-variants.ts';
import { importKey, type ListedSecret, secretVariants } from './secret-variants.ts';
import { type Found, MAX_VARIED_BYTES, parse, type Trials, type TriedKey, type Variant } from './trials.ts';
import { urlVariants } from './url-variants.ts';

/** A request and everything that may be varied. */
export interface Searched {
  readonly scheme: Scheme<unknown>;
  readonly schemes: readonly Scheme<unknown>[];
  readonly head: CapturedHead;
  readonly body: Buffer;
  /** The body as it was given, which may be text. */
  readonly given: Uint8Array | string;
  readonly secrets: readonly ListedSecret[];
  readonly keys: readonly TriedKey[];
}

/** A variant that has exactly the given signature. */
export interface Proof {
  readonly findings: readonly Finding[];
  readonly found: Found;
  readonly scheme: Scheme<unknown>;
  readonly head: CapturedHead;
  readonly body: Uint8Array;
}

interface Attempt {
  readonly scheme?: Scheme<unknown>;
  readonly head?: CapturedHead;
  readonly body?: Uint8Array;
  readonly keys?: readonly TriedKey[];
  readonly findings?: readonly Finding[];
}

/** How many variants of one part are tried together with those of another. */
const MAX_PAIRED = 60;
const MAX_PAIRED_BYTES = 64 * 1024;

/**
 * Looks for a variant of the request or of the setup that has exactly the given signature: first with one change, then with two.
 *
 * @returns A proof without findings if the request as given has the signature.
 */
export async function search(request: Searched, trials: Trials): Promise<Proof | undefined> {
  return (
    (await firstProof(request, asGiven(), trials)) ??
    (await firstProof(request, oneChange(request), trials)) ??
    (await ofOtherSenders(request, trials)) ??
    (await firstProof(request, twoChanges(request), trials))
  );
}

async function firstProof(
  request: Searched,
  attempts: Iterable<Attempt>,
  trials: Trials,
): Promise<Proof | undefined> {
  for (const attempt of attempts) {
    if (trials.isOver) return undefined;
    const { scheme = request.scheme, head = request.head, body = request.body } = attempt;
    const found = await trials.match(parse(scheme, head), body, attempt.keys ?? request.keys);
    if (found === undefined) continue;
    return { found, scheme, head, body, findings: [...(attempt.findings ?? []), ...found.key.findings] };
  }
  return undefined;
}

function* asGiven(): Generator<Attempt> {
  yield {};
}

function* bodies({ body, given, head }: Searched): Generator<Variant<Uint8Array>> {
  if (body.length <= MAX_VARIED_BYTES) yield* bodyVariants(body, given, head);
}

function* urls({ head, scheme }: Searched): Generator<Variant<CapturedHead>> {
  const signsAddress = scheme.needsPublicUrl === true;
  if (signsAddress || signsQuery(scheme)) yield* urlVariants(head, signsAddress);
}

function* oneChange(request: Searched): Generator<Attempt> {
  yield { keys: secretVariants(request.scheme, request.secrets) };
  for (const { value: head, findings } of urls(request)) yield { head, findings };
  for (const { value: head, findings } of headerVariants(request.head, request.scheme))
    yield { head, findings };
  // The two that are many come last.
  const isParsed = parse(request.scheme, request.head) !== undefined;
  if (isParsed) for (const { value: body, findings } of bodies(request)) yield { body, findings };
  for (const { value: scheme, findings } of ruleVariants(request.scheme)) yield { scheme, findings };
}

/** The keys that a scheme makes of the secrets, as they are or without white space. */
function keysFor(scheme: Scheme<unknown>, secrets: readonly ListedSecret[]): TriedKey[] {
  return secrets.flatMap(({ secret, position, role }) => {
    const text = typeof secret === 'string' ? secret.trim() : secret;
    const key = importKey(scheme, text);
    return key === undefined ? [] : [{ id: position, role, key, findings: [] }];
  });
}

/** Tries the older signatures of the sender, then every other sender. Several may sign alike, so all that match are named. */
async function ofOtherSenders(request: Searched, trials: Trials): Promise<Proof | undefined> {
  const { scheme, schemes, secrets } = request;
  for (const { header, scheme: older } of olderVersions(scheme)) {
    const findings = [olderVersionFinding(scheme, header)];
    const proof = await firstProof(
      request,
      [{ scheme: older, keys: keysFor(older, secrets), findings }],
      trials,
    );
    if (proof !== undefined) return proof;
  }
  const proofs: Proof[] = [];
  for (const other of schemes) {
    if (other.name === scheme.name) continue;
    const proof = await firstProof(request, [{ scheme: other, keys: keysFor(other, secrets) }], trials);
    if (proof !== undefined) proofs.push(proof);
  }
  const [first] = proofs;
  if (first === undefined) return undefined;
  return {
    ...first,
    findings: [
      otherSenderFinding(
        scheme,
        proofs.map((proof) => proof.scheme),
        true,
      ),
    ],
  };
}

/** Two mistakes at once, the most usual ones of each part. */
function* twoChanges(request: Searched): Generator<Attempt> {
  const changedKeys = secretVariants(request.scheme, request.secrets).slice(0, MAX_PAIRED / 2);
  // Kept in memory at once: only small ones.
  const changedBodies =
    request.body.length > MAX_PAIRED_BYTES ? [] : [...firstOf(bodies(request), MAX_PAIRED)];
  const heads = [
    ...firstOf(urls(request), MAX_PAIRED / 2),
    ...firstOf(headerVariants(request.head, request.scheme), MAX_PAIRED),
  ];
  const rules = ruleVariants(request.scheme).slice(0, MAX_PAIRED);
  for (const { value: head, findings } of heads) yield { head, findings, keys: changedKeys };
  for (const { value: body, findings } of changedBodies) yield { body, findings, keys: changedKeys };
  for (const { value: scheme, findings } of rules) yield { scheme, findings, keys: changedKeys };
  for (const { value: head, findings } of heads.slice(0, MAX_PAIRED / 4))
    for (const changed of changedBodies)
      yield { head, body: changed.value, findings: [...findings, ...changed.findings] };
}

function* firstOf<T>(values: Iterable<T>, count: number): Generator<T> {
  let left = count;
  for (const value of values) {
    if (left-- <= 0) return;
    yield value;
  }
}
