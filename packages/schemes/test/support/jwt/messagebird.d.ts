declare module 'messagebird/lib/webhook-signature-jwt' {
  import type { KeyObject } from 'node:crypto';
  export function verify(url: string, payload: Buffer, jwt: string, secret: KeyObject): Promise<boolean>;
}
