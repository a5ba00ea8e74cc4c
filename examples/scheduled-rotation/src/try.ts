// Runs main.ts as a scheduler does, once, against a simulated PolyAI on this machine. Nothing of this is deployed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { simulateSender } from '@countersign-internal/simulator';

const folder = await mkdtemp(join(tmpdir(), 'countersign-scheduled-rotation-'));
const sender = await simulateSender({ vendor: 'polyai', receiverUrl: 'http://127.0.0.1:9/' });
const secretsFile = join(folder, 'polyai.json');
try {
  await writeFile(secretsFile, JSON.stringify({ current: sender.secrets().endpoint }), { mode: 0o600 });
  const rotation = spawn(
    process.execPath,
    [...process.execArgv, fileURLToPath(new URL('main.ts', import.meta.url))],
    {
      stdio: 'inherit',
      env: {
        ...process.env,
        POLYAI_ENDPOINT_ID: sender.endpointId,
        POLYAI_API_KEY: sender.credentials.apiKey,
        POLYAI_URL: sender.apiUrl,
        SECRETS_FILE: secretsFile,
        JOURNAL_FILE: join(folder, 'journal'),
        POLL_SECONDS: '0.5',
      },
    },
  );
  [process.exitCode] = await once(rotation, 'close');
  const { current } = JSON.parse(await readFile(secretsFile, 'utf8'));
  const now = (typeof current === 'string' ? current : current.secret) === sender.secrets().endpoint;
  console.log(`The file ${now ? 'has' : 'does not have'} the secret with which PolyAI signs now.`);
} finally {
  await sender.close();
  await rm(folder, { recursive: true, force: true });
}
