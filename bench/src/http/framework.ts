import type { RequestListener } from 'node:http';
import type { Verifier } from '@countersign/core';
import type { Check } from './by-hand.ts';
import type { Work } from './work.ts';

/** One framework as the benchmark needs it: an app for a check of the raw body, and an app behind the adapter. */
export interface Framework {
  checked(check: Check): RequestListener | Promise<RequestListener>;
  /** `work` is what the handler does before it responds. */
  adapted(verifier: Verifier, work: Work): RequestListener | Promise<RequestListener>;
}
