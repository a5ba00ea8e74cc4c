import { parseJson, readLimitedText } from '../limited-text.ts';
import { pause } from '../pause.ts';
import { nameOfError } from '../rotation-error.ts';
import { fieldAt } from '../vendors/error-details.ts';
import type { FleetSettings } from './fleet-options.ts';
import type { FleetKeyHealth, FleetSource } from './fleet-types.ts';

/** What one instance said, or why nothing is known. */
export type Asked =
  | {
      readonly name: string;
      readonly timeMs: number;
      readonly keys: readonly ReadKey[];
    }
  | { readonly name: string; readonly why: string };

interface ReadKey {
  readonly id: string;
  readonly role: string;
  readonly matches: number;
  readonly lastMatchMs: number | undefined;
  readonly countedSinceMs: number | undefined;
}

/** A report that differs by more than this from the time at which it was sent was not made for this request. */
const MAX_AGE_MS = 300_000;
const MAX_BYTES = 4 * 1024 * 1024;

/** Asks one instance. Never throws: an instance that can't be asked is unknown. */
export async function askInstance(
  source: FleetSource,
  position: number,
  settings: FleetSettings,
): Promise<Asked> {
  const name = typeof source === 'string' ? source : `instance ${position + 1}`;
  let loaded: Loaded;
  try {
    loaded = await inTime((signal) => load(source, settings, signal), settings);
  } catch (error) {
    return { name, why: error instanceof Unreadable ? error.message : `it can't be asked (${whyOf(error)})` };
  }
  const stale = staleness(loaded, settings);
  return stale === undefined
    ? readHealth(loaded, name, settings)
    : { name: nameOf(loaded.health, name), why: stale };
}

/** What a source said. */
interface Loaded {
  readonly health: unknown;
  /** Of the response, if the source is a URL. */
  readonly headers?: Headers;
}

class Unreadable extends Error {}

async function load(source: FleetSource, settings: FleetSettings, signal: AbortSignal): Promise<Loaded> {
  if (typeof source === 'function') return { health: await source() };
  if (typeof source !== 'string') return { health: source };
  const response = await settings.fetch(source, {
    headers: settings.headers,
    // A redirect would send the token to another host.
    redirect: 'manual',
    signal,
  });
  const text = await readLimitedText(response, MAX_BYTES, () => new Unreadable('its response is too large'));
  const parsed = parseJson(text);
  // 503 is the status of an instance that is not ready; its report says more.
  const isReport = response.ok || (response.status === 503 && parsed !== undefined);
  if (!isReport) throw new Unreadable(`it responded with the status ${response.status}`);
  return { health: parsed, headers: response.headers };
}

/**
 * Why a report may be one that was kept: by a cache, a proxy or a file. A server stamps a response with the clock that the report
 * has its time from, so these two agree however wrong that clock is. Without that stamp, there is only the clock of this machine.
 */
function staleness({ health, headers }: Loaded, { clock }: FleetSettings): string | undefined {
  const ageMs = Number(headers?.get('age') ?? 0) * 1000;
  if (!(ageMs <= MAX_AGE_MS))
    return `its response comes from a cache, which has kept it for ${ageMs / 1000} s`;
  const timeMs = timeOf(fieldAt(health, ['time']));
  if (timeMs === undefined) return undefined;
  const stampMs = timeOf(headers?.get('date') ?? undefined);
  const offMs = (stampMs ?? clock.now()) - timeMs;
  if (Math.abs(offMs) <= MAX_AGE_MS) return undefined;
  const by = stampMs === undefined ? 'the clock of this machine' : 'the date of its response';
  const how = offMs > 0 ? 'older' : 'newer';
  return `its report is ${Math.round(Math.abs(offMs) / 1000)} s ${how} than ${by}, so it may have been kept`;
}

async function inTime<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { clock, timeoutMs, signal }: FleetSettings,
): Promise<T> {
  const done = new AbortController();
  const ends = signal === undefined ? done.signal : AbortSignal.any([done.signal, signal]);
  const isOver = pause(clock, timeoutMs, ends).then((isLate) => {
    throw new Unreadable(isLate ? 'it did not respond in time' : 'the asking was aborted');
  });
  isOver.catch(() => undefined);
  try {
    return await Promise.race([work(done.signal), isOver]);
  } finally {
    done.abort();
  }
}

/** A report of a health handler, or the health of one verifier. */
function readHealth(
  { health, headers }: Loaded,
  fallback: string,
  { verifier, clock }: FleetSettings,
): Asked {
  const name = nameOf(health, fallback);
  const verifiers = fieldAt(health, ['verifiers']);
  const isReport = verifiers !== null && typeof verifiers === 'object';
  const chosen = isReport ? choose(verifiers, verifier) : health;
  if (typeof chosen === 'string') return { name, why: chosen };
  const keys = readKeys(fieldAt(chosen, ['secrets', 'keys']));
  if (keys === undefined) return { name, why: 'its response is not the health of a verifier' };
  if (fieldAt(chosen, ['state']) === 'disabled') return { name, why: 'its endpoint is disabled' };
  if (keys.length === 0) return { name, why: 'it has no keys, so it is not ready' };
  // Health of a verifier that comes over HTTP may be of any time.
  const isOfNow = !isReport && headers === undefined;
  const timeMs = isOfNow ? clock.now() : timeOf(fieldAt(health, ['time']));
  if (timeMs === undefined) return { name, why: 'its report has no time' };
  return { name, timeMs, keys };
}

function nameOf(health: unknown, fallback: string): string {
  const given = fieldAt(health, ['instance']);
  return typeof given === 'string' && given !== '' ? given : fallback;
}

/** The verifier of this name or endpoint, or a sentence that says why there is none. */
function choose(verifiers: object, wanted: string | undefined): unknown {
  const entries = Object.entries(verifiers);
  if (wanted === undefined) {
    if (entries.length === 1) return entries[0]?.[1];
    const names = entries.map(([name]) => name).join(', ');
    return `it has ${entries.length} verifiers (${names}); choose one with "verifier"`;
  }
  const byName = entries.find(([name]) => name === wanted);
  const byEndpoint = entries.filter(([, one]) => fieldAt(one, ['endpoint']) === wanted);
  if (byName !== undefined) return byName[1];
  return byEndpoint.length === 1 ? byEndpoint[0]?.[1] : `it has no verifier "${wanted}"`;
}

function readKeys(keys: unknown): readonly ReadKey[] | undefined {
  if (!Array.isArray(keys)) return undefined;
  const read = keys.map(readKey);
  return read.every((key) => key !== undefined) ? read : undefined;
}

function readKey(key: Partial<FleetKeyHealth> | null): ReadKey | undefined {
  if (typeof key?.id !== 'string' || typeof key.role !== 'string') return undefined;
  const { id, role, matches = 0, lastMatchAt, countedSince } = key;
  if (typeof matches !== 'number' || !Number.isSafeInteger(matches) || matches < 0) return undefined;
  const lastMatchMs = timeOf(lastMatchAt);
  // A count without a time says that it was used, and not when.
  if (matches > 0 && lastMatchMs === undefined) return undefined;
  return { id, role, matches, lastMatchMs, countedSinceMs: timeOf(countedSince) };
}

function timeOf(value: unknown): number | undefined {
  const ms =
    value instanceof Date ? value.getTime() : typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

function whyOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return nameOfError(cause);
}
