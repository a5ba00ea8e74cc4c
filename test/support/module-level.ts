import { createVerifier, memoryReplayStore } from '@countersign/core';
import { envSecrets, fileSecrets } from '@countersign/core/node';
import { webhook } from '@countersign/express';
import { webhookHandler } from '@countersign/fetch';
import { github } from '@countersign/schemes';

// A module of an application, with its verifiers. Prints what they keep open: nothing.

// Where the output goes is open before and after.
const before = process.getActiveResourcesInfo();
const scheme = github();
const load = async () => ({ current: 'a-signing-secret-of-32-characters' });
for (const secrets of [
  'a-signing-secret-of-32-characters',
  load,
  envSecrets('NOT_SET'),
  fileSecrets('/none'),
]) {
  const verifier = createVerifier({ scheme, secrets, replay: memoryReplayStore() });
  webhook(verifier);
  webhookHandler(verifier, () => 204);
}
await new Promise((resolve) => setImmediate(resolve));
const opened = process.getActiveResourcesInfo().filter((name) => !before.includes(name));
console.log(JSON.stringify(opened));
