import type { WebhookResponse } from '@countersign/core';

export function toResponse({ status, headers, body }: WebhookResponse): Response {
  return new Response([204, 205, 304].includes(status) ? null : body, { status, headers });
}
