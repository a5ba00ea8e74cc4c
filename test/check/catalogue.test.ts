import { appendFileSync } from 'node:fs';
import { createVerifier, memoryReplayStore } from '@countersign/core';
import { webhookHandler } from '@countersign/fetch';
import { generateSigningKeys } from '@countersign/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { ROWS } from '../../packages/cli/src/check/rows/index.ts';
import { CATALOGUE } from '../support/catalogue.ts';
import { serve } from '../support/mounts/fetch.ts';
import { PUBLIC_URL } from './receivers/ours.ts';
import { checked, faultsOf, type JsonReport, withFolder } from './run-check.ts';

// Every sender by its default, against a receiver of this project: whatever a row reports here is a false alarm.

const LISTED = CATALOGUE.filter(
  (listed, at) => CATALOGUE.findIndex(({ factory }) => factory === listed.factory) === at,
);
const isShared = ({ scheme }: (typeof LISTED)[number]) => !('publicKey' in scheme.definition.secret);

/** Rows that wait or send much, and do not depend on the sender. */
const SLOW = ['flood', 'slow-body', 'oversized', 'expect-continue', 'late-runs'];

const figures = { senders: 0, rows: 0, falseAlarms: 0 };

async function check(
  { factory, scheme }: (typeof LISTED)[number],
  only: readonly string[] | undefined,
): Promise<JsonReport> {
  const [keys, old] = [generateSigningKeys(scheme), generateSigningKeys(scheme)];
  return withFolder(async (folder) => {
    const ran = `${folder}/ran`;
    await using verifier = createVerifier({
      scheme,
      secrets: { current: keys.secret, previous: old.secret },
      publicUrl: PUBLIC_URL,
      replay: memoryReplayStore(),
      observe: () => undefined,
    });
    const handler = webhookHandler(verifier, () => appendFileSync(ran, 'run\n'));
    const receiver = await serve((request) =>
      new URL(request.url).pathname === '/hooks'
        ? handler(request)
        : new Response('not found', { status: 404 }),
    );
    try {
      const rows = only?.flatMap((name) => ['--only', name]) ?? [];
      const report = await checked(factory, receiver.port, {
        ...{ secret: keys.signingSecret, previous: old.signingSecret, ran },
        more: rows,
      });
      figures.senders += 1;
      figures.rows += report.rows.length;
      figures.falseAlarms += report.summary.fault;
      return report;
    } finally {
      await receiver.close();
    }
  });
}

describe('senders with a shared secret', () => {
  const quick = ROWS.map(({ name }) => name).filter((name) => !SLOW.includes(name));

  test.concurrent.each(LISTED.filter(isShared).map((listed) => [listed.factory, listed] as const))(
    '%s: no false alarm',
    async (_name, listed) => {
      const report = await check(listed, quick);
      expect(faultsOf(report)).toEqual({});
      expect(
        report.rows
          .filter(({ verdict }) => verdict === 'not judged')
          .map(({ name, seen }) => `${name}: ${seen}`),
      ).toEqual(
        // Without a body with which the handler fails.
        FAILURES,
      );
      // A row that did not concern a sender by mistake would show nothing.
      expect(report.rows.map(({ name }) => name)).toEqual(expect.arrayContaining(EVERYWHERE));
    },
  );
});

const FAILURES = ['failure-answer', 'failure-retry'].map(
  (name) => `${name}: pass --fail-body with a body with which the handler fails`,
);
const EVERYWHERE = [
  'genuine',
  'other-secret',
  'unsigned',
  'empty-signature',
  'previous-secret',
  'distinct',
  'leak-secret',
];

describe('senders that sign with a private key', () => {
  test.concurrent.each(
    LISTED.filter((listed) => !isShared(listed)).map((listed) => [listed.factory, listed] as const),
  )('%s: what can be judged is judged, and the rest says why not', async (_name, listed) => {
    const report = await check(listed, undefined);
    expect(faultsOf(report)).toEqual({});
    const judged = report.rows.filter(({ verdict }) => verdict === 'ok').map(({ name }) => name);
    expect(judged).toEqual(
      expect.arrayContaining([
        'other-secret',
        'unsigned',
        'empty-signature',
        'short-signature',
        'other-methods',
      ]),
    );
    const genuine = report.rows.find(({ name }) => name === 'genuine');
    expect(genuine).toMatchObject({ verdict: 'not judged', seen: expect.stringContaining('private key') });
  });
});

afterAll(() => {
  process.stdout.write(
    `\ncountersign check, the whole catalogue: ${figures.senders} checks, ${figures.rows} rows, ${figures.falseAlarms} false alarms\n`,
  );
});
