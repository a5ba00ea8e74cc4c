import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecretSetInput } from '@countersign/core';
import type { App } from './contract.ts';
import type { Task } from './tasks.ts';

export interface Roles {
  readonly current: string;
  readonly previous?: string | { readonly secret: string; readonly notAfter: string };
  readonly next?: string;
}

type Where = Pick<
  App,
  'secretsPath' | 'secretVariable' | 'loadSecrets' | 'loadSecretsOf' | 'onSecretsChanged'
>;

/** The place where an app has its secrets, and how operators change them. */
export interface SecretsOfApp extends Where {
  put(roles: Roles): Promise<void>;
  /** Whether the app must be started again to see a change. */
  readonly needsRestart: boolean;
  remove(): Promise<void>;
}

/** The customers. The first one is whose secret is rotated. */
export const TENANTS = ['acme', 'umbrella'] as const;

/** Makes the place that a task describes, in a folder of its own. */
export async function secretsOfApp({ source, name }: Task, folder: string): Promise<SecretsOfApp> {
  const secretsPath = join(folder, source === 'directory' ? 'secrets' : 'secrets.json');
  const secretVariable = `AGENTS_${name.toUpperCase().replaceAll('-', '_')}`;
  let set: SecretSetInput | undefined;
  const listeners: ((tenant: string) => void)[] = [];
  const putInDatabase = (roles: Roles) => {
    set = roles;
    for (const listener of listeners) listener(TENANTS[0]);
  };
  if (source === 'directory') await mkdir(secretsPath);

  const put: Readonly<Record<typeof source, (roles: Roles) => Promise<void> | void>> = {
    async file(roles) {
      await writeFile(`${secretsPath}.new`, JSON.stringify(roles));
      await rename(`${secretsPath}.new`, secretsPath);
    },
    async directory(roles) {
      for (const role of ['current', 'previous', 'next'] as const) {
        const path = join(secretsPath, role);
        const secret = textOf(roles[role]);
        if (secret === undefined) await rm(path, { force: true });
        else await writeFile(path, secret);
      }
    },
    environment({ current, previous, next }) {
      for (const [suffix, value] of [
        ['', current],
        ['_PREVIOUS', textOf(previous)],
        ['_NEXT', next],
      ] as const) {
        if (value === undefined) delete process.env[secretVariable + suffix];
        else process.env[secretVariable + suffix] = value;
      }
    },
    function: putInDatabase,
    tenants: putInDatabase,
  };
  return {
    secretsPath,
    secretVariable,
    async loadSecrets() {
      if (set === undefined) throw new Error('The database has no secrets.');
      return set;
    },
    async loadSecretsOf(tenant) {
      if (tenant === TENANTS[0]) return set;
      return tenant === TENANTS[1] ? { current: strangerOf(tenant) } : undefined;
    },
    onSecretsChanged: (listener) => void listeners.push(listener),
    put: async (roles) => put[source](roles),
    needsRestart: source === 'environment',
    async remove() {
      for (const suffix of ['', '_PREVIOUS', '_NEXT']) delete process.env[secretVariable + suffix];
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The secret of another customer. */
export function strangerOf(tenant: string): string {
  return `whsec_of_${tenant}_0123456789abcdef`;
}

function textOf(secret: Roles['previous']): string | undefined {
  return typeof secret === 'object' ? secret.secret : secret;
}
