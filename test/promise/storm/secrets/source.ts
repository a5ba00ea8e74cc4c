import type { FileFault, ServerFault } from '../faults/fault-plan.ts';

/** The place from which receivers load the secrets of one endpoint, as the operator sees it. */
export interface SecretSource {
  readonly place: { readonly file: string } | { readonly url: string };
  publish(text: string): Promise<void>;
  /** Something goes wrong, until the returned function puts right what was published last. */
  fail(fault: FileFault | ServerFault): Promise<() => Promise<void>>;
}
