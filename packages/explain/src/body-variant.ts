import type { CauseCode } from './cause.ts';
import type { Variant } from './trials.ts';

/** Another body, and the mistake that made the given one of it. */
export type BodyVariant = Variant<Uint8Array>;

/**
 * Makes a variant of a body.
 *
 * @param how Says in a few words what was done, as evidence.
 */
export function bodyVariant(
  value: Uint8Array | string,
  code: CauseCode,
  message: string,
  how: string,
): BodyVariant {
  return {
    value: typeof value === 'string' ? Buffer.from(value, 'utf8') : value,
    findings: [{ code, message, evidence: { variant: how } }],
  };
}
