// Rotates one secret and has missed deliveries sent again. A CronJob or a systemd timer starts it; see ../README.md.
import { readFile } from 'node:fs/promises';
import {
  fileJournal,
  fileTarget,
  isRecoveryError,
  isRotationError,
  recover,
  recoverable,
  rotate,
  vendors,
} from '@countersign/rotation';
import { openLock } from './lock.ts';

/** Another run is at work: nothing failed. A scheduler that restarts failed runs must not start this one again. */
const LOCKED = 75;

async function main(): Promise<number> {
  const { lock, close } = await openLock(setting('ROTATION_LOCK', ''));
  try {
    const report = await rotate({
      vendor: vendors.polyai({
        endpointId: setting('POLYAI_ENDPOINT_ID'),
        apiKey: await secretSetting('POLYAI_API_KEY'),
        ...optional('baseUrl', 'POLYAI_URL'),
      }),
      target: fileTarget(setting('SECRETS_FILE')),
      journal: fileJournal(setting('JOURNAL_FILE'), lock === undefined ? {} : { lock }),
      pollSeconds: Number(setting('POLL_SECONDS', '30')),
      onStep: ({ step, message }) => console.log(`${step}: ${message}`),
    });
    console.log(report.message);
    await recoverFromGithub();
    return 0;
  } finally {
    await close();
  }
}

/** GitHub never retries: what failed since the last run is sent again. */
async function recoverFromGithub(): Promise<void> {
  const repository = setting('GITHUB_REPOSITORY', '');
  if (repository === '') return;
  const [owner = '', repo = ''] = repository.split('/');
  const report = await recover({
    vendor: recoverable.github({
      owner,
      repo,
      hookId: setting('GITHUB_HOOK_ID'),
      token: await secretSetting('GITHUB_TOKEN'),
      ...optional('baseUrl', 'GITHUB_URL'),
    }),
    since: new Date(Date.now() - 2 * 86_400_000),
    journal: `${setting('JOURNAL_FILE')}.recovery`,
  });
  console.log(report.message);
}

function setting(name: string, fallback?: string): string {
  const value = process.env[name] ?? fallback;
  if (value === undefined) throw new Error(`${name} is not set.`);
  return value;
}

/** A credential: from a file (`NAME_FILE`, as systemd and Kubernetes mount it), or from the environment. */
async function secretSetting(name: string): Promise<string> {
  const path = process.env[`${name}_FILE`];
  return path === undefined ? setting(name) : (await readFile(path, 'utf8')).trim();
}

function optional<K extends string>(key: K, name: string): Partial<Record<K, string>> {
  const value = process.env[name];
  return value === undefined ? {} : ({ [key]: value } as Record<K, string>);
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const isOurs = isRotationError(error) || isRecoveryError(error);
    console.error(isOurs ? `${error.code}: ${error.message}` : error);
    process.exitCode = isOurs && error.code.endsWith('_LOCKED') ? LOCKED : 1;
  },
);
