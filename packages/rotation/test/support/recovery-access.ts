import { type RecoveryVendor, recoverable } from '@countersign/rotation';

/** A sender from which deliveries can be recovered. */
export type SenderName = 'github' | 'stripe' | 'svix' | 'resend';
export const SENDERS: readonly SenderName[] = ['github', 'stripe', 'svix', 'resend'];

/** What a child process needs to call the account. */
export interface SenderAccess {
  readonly name: SenderName;
  readonly baseUrl: string;
  readonly access: Readonly<Record<string, string>>;
  readonly secret: string;
}

/** The package's side of a simulated account. */
export function vendorFor({ name, baseUrl, access, secret }: SenderAccess): RecoveryVendor {
  const isApp = name === 'github' && access.hookId === undefined;
  const options: never = { ...access, baseUrl, ...(isApp ? { app: true } : {}) } as never;
  if (name === 'stripe') return recoverable.stripe({ ...(options as object), secrets: secret } as never);
  return recoverable[name](options);
}
