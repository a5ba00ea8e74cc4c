export { providerError } from '../secrets/provider-error.ts';
export { parseSecretJson, parseSecretText, type SecretLocation } from '../secrets/secret-text.ts';
export { type EnvSecretsOptions, envSecrets } from './env-secrets.ts';
export { type FileSecretsOptions, fileSecrets } from './file-secrets.ts';
export { type ReadBodyOptions, readBody } from './read-body.ts';
export { createNodeReceiver, type NodeReceiver } from './receiver.ts';
export { sendResponse } from './send-response.ts';
export { settleAbandonedResponse as settleUnended, settleByResponse } from './settle.ts';
