import { type SecretProvider, secretsGone } from '@countersign/core';
import { parseSecretJson, parseSecretText, providerError } from '@countersign/core/extend';

/** A secret of our configuration service: text, or a set as JSON. */
export function configService(url: string, token: string): SecretProvider {
  const location = {
    name: `The secret at ${url}`,
    whenEmpty: 'Store the secret that the sender shows.',
    whenNoJson: 'Store a set as JSON: { "current": "…", "previous": "…" }.',
  };
  return {
    name: `configuration service ${url}`,
    inTurn: true,
    async load({ signal }) {
      const response = await fetch(url, { signal, headers: { authorization: `Bearer ${token}` } });
      if (response.status === 404) return secretsGone(`There is no secret at ${url}. Store one there.`);
      if (response.status === 401 || response.status === 403)
        throw providerError(`${url} refuses the token (${response.status}). Check what it may read.`);
      if (response.status === 429)
        throw providerError(`${url} has had too many calls (429).`, {
          retryAfterSeconds: Number(response.headers.get('retry-after')) || 30,
        });
      if (!response.ok) throw providerError(`${url} failed with ${response.status}. Try again later.`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      // '{' begins a set.
      if (bytes[0] === 0x7b) return parseSecretJson(bytes, location);
      return { current: parseSecretText(bytes, location) };
    },
  };
}
