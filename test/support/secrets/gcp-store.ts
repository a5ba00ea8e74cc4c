import type { SourceFault } from '@countersign/testing';
import { status } from '@grpc/grpc-js';

export interface GcpVersion {
  readonly number: number;
  data: Uint8Array;
  state: 'ENABLED' | 'DISABLED' | 'DESTROYED';
  readonly createdAt: Date;
}

export const SECRET = 'projects/acme/secrets/polyai';
const PAGE = 3;

/** The response of the service if the function returns nothing. */
export class Refusal extends Error {
  readonly code: number;
  readonly http: number;

  constructor(code: number, http: number, message: string) {
    super(message);
    this.code = code;
    this.http = http;
  }
}

/** One secret at Google Cloud Secret Manager, apart from how the service is spoken to. */
export class GcpStore {
  /** Oldest first. */
  readonly versions: GcpVersion[] = [];
  /** The names that were asked for. */
  readonly asked: string[] = [];
  /** How many of the newest versions lists don't show yet. */
  lag = 0;
  /** When what is added next is dated. */
  now = new Date('2030-01-01T00:00:00Z');
  fault: SourceFault | undefined;
  /** Lists the oldest first. */
  isReversed = false;
  /** Called when a list is made. */
  onList: (() => void) | undefined;

  /** Adds a version, as AddSecretVersion does. */
  put(data: string | Uint8Array): GcpVersion {
    const number = this.versions.length + 1;
    const version: GcpVersion = { number, data: Buffer.from(data), state: 'ENABLED', createdAt: this.now };
    this.versions.push(version);
    return version;
  }

  /** The newest first, in pages. */
  list(parent: string, token: string): { page: GcpVersion[]; nextPageToken: string; totalSize: number } {
    this.#check(parent);
    const shown = this.versions.slice(0, this.versions.length - this.lag);
    if (!this.isReversed) shown.reverse();
    const start = Number(token || 0);
    const nextPageToken = start + PAGE >= shown.length ? '' : String(start + PAGE);
    const page = shown.slice(start, start + PAGE).map((version) => ({ ...version }));
    this.onList?.();
    return { page, nextPageToken, totalSize: shown.length };
  }

  access(name: string): GcpVersion {
    this.#check(name);
    const version = this.versions.find((one) => nameOf(one) === name);
    if (version === undefined) throw notFound(name);
    if (version.state === 'ENABLED') return version;
    const message = `Secret Version [${name}] is in ${version.state} state.`;
    throw new Refusal(status.FAILED_PRECONDITION, 400, message);
  }

  /** The newest secret, for faults that say too much. */
  shown(): string {
    return Buffer.from(this.versions.at(-1)?.data ?? []).toString();
  }

  #check(name: string): void {
    this.asked.push(name);
    if (this.fault === 'missing' || !`${name}/`.startsWith(`${SECRET}/`)) throw notFound(name);
    if (this.fault === 'broken') throw new Refusal(status.INTERNAL, 500, `internal: ${this.shown()}`);
    if (this.fault === 'forbidden') {
      const message = `Permission 'secretmanager.versions.access' denied for resource '${name}' (or it may not exist).`;
      throw new Refusal(status.PERMISSION_DENIED, 403, message);
    }
  }
}

export function nameOf({ number }: GcpVersion): string {
  return `${SECRET}/versions/${number}`;
}

function notFound(name: string): Refusal {
  return new Refusal(status.NOT_FOUND, 404, `Secret [${name}] not found or has no versions.`);
}
