import type { JournalEndpoints, RotationLock } from '../journal.ts';
import type { Settings } from '../rotate-options.ts';
import type { Survey } from '../run/survey.ts';
import type { ReplaceVendor } from '../vendor.ts';

/** The state in which both endpoints exist and the target has both secrets. */
export interface BothDeliver {
  readonly settings: Settings<ReplaceVendor>;
  readonly lock: RotationLock;
  readonly found: Survey;
  /** The key that is replaced, and its position among the `current` ones. */
  readonly replaces: string;
  readonly place: number;
  /** The new key. */
  readonly keyId: string;
  readonly endpoints: JournalEndpoints & { readonly made: string };
  /** When the target got both secrets, in milliseconds since the epoch. */
  readonly storedAt: number;
}
