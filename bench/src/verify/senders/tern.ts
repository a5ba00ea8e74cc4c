import { type WebhookPlatform, WebhookVerificationService } from '@hookflo/tern';
import type { Make } from '../group.ts';

/** It takes a web `Request`, which is used up by reading it: making one is part of what it costs. */
export function tern(platform: WebhookPlatform): Make {
  return (secrets, { headers, body }) => {
    const verify = async (secret: string) => {
      const request = new Request('http://localhost/', {
        method: 'POST',
        headers,
        body: new Uint8Array(body),
      });
      const { isValid } = await WebhookVerificationService.verifyWithPlatformConfig(
        request,
        platform,
        secret,
      );
      return isValid;
    };
    return async () => {
      for (const secret of secrets) if (await verify(secret)) return true;
      return false;
    };
  };
}
