import { expect, test, vi } from 'vitest';
import { loadNest } from '../../support/mounts/nest-majors.ts';
import { readGuidePage } from './support/guide-page.ts';
import { nestModules } from './support/nest-modules.ts';
import { evaluate, runPageCode } from './support/run-page-code.ts';
import { SENDERS, type Sender } from './support/senders.ts';

// "Your tests" of each guide shows a test of a receiver. Here it runs against the receiver of the page's second step.

const PAGES: Readonly<Record<string, Sender>> = {
  stripe: SENDERS.stripe,
  svix: SENDERS.svix,
  octokit: SENDERS.github,
  'slack-bolt': SENDERS.slack,
  shopify: SENDERS.shopify,
  twilio: SENDERS.twilio,
  paddle: SENDERS.paddle,
  polar: SENDERS.polar,
  'hand-written': SENDERS.acme,
  'nestjs-raw-body': SENDERS.stripe,
};

const nest = await loadNest(12);
nest.common.Logger.overrideLogger(false);

test.each(Object.entries(PAGES))('the test of docs/migrate/%s.md passes', async (name, sender) => {
  for (const method of ['debug', 'info', 'warn', 'error'] as const)
    vi.spyOn(console, method).mockImplementation(() => undefined);
  for (const [variable, value] of Object.entries(sender.env)) vi.stubEnv(variable, value);
  const { files } = readGuidePage(name);
  let handled = 0;
  const save = async () => {
    handled += 1;
  };
  const receiver = await runPageCode(files.get('in-its-place.ts') ?? '', save, nestModules(nest));
  try {
    vi.stubEnv('RECEIVER_URL', `http://127.0.0.1:${receiver.port}${sender.path}`);
    const tests: (() => Promise<void>)[] = [];
    const vitest = { expect, test: (_: string, run: () => Promise<void>) => tests.push(run) };
    await evaluate(files.get('receiver.test.ts') ?? '', {}, { vitest });
    expect(tests.length).toBeGreaterThan(0);
    for (const run of tests) await run();
    expect(handled).toBe(1);
  } finally {
    await receiver.close();
    vi.unstubAllEnvs();
  }
});
