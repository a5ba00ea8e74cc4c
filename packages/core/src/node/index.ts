// For users in Node: secrets from files and from the environment, and the body of a request.
export { type EnvSecretsOptions, envSecrets } from './env-secrets.ts';
export { type FileSecretsOptions, fileSecrets } from './file-secrets.ts';
export { type ReadBodyOptions, readBody } from './incoming.ts';
