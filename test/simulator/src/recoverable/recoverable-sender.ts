import type { RecoverableApiFaults } from './api.ts';
import type { RecoverableEvent } from './deliveries.ts';

/** Options of every simulation in this folder. */
export interface RecoverableSenderOptions {
  /** Where events are sent: an `http:` URL. */
  readonly receiverUrl: string;
  /** The waits before the vendor's own retries, in milliseconds, shortened at will. Default: no retry. */
  readonly retriesAfterMs?: readonly number[];
}

/** A vendor's account with one webhook, whose API lists deliveries. It runs in this process. */
export interface RecoverableSender {
  /** Where the API listens, without a trailing slash. */
  readonly apiUrl: string;
  readonly api: RecoverableApiFaults;
  /** The ids and credentials with which `recoverable` is called. */
  readonly access: Readonly<Record<string, string>>;
  /** The signing secret. */
  readonly secret: string;
  /** What no document of the vendor says, and what the simulation does instead. */
  readonly assumptions: readonly string[];
  /** Sends a new event that is dated so; resolves after the first attempt. */
  emit(createdAt?: Date): Promise<void>;
  /** Sends every event once more, as a person does in the vendor's dashboard. */
  repeatAll(): void;
  events(): readonly RecoverableEvent[];
  /** Resolves when no attempt is under way and none is to come. */
  idle(): Promise<void>;
  close(): Promise<void>;
}
