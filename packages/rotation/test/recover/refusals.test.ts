import { isRecoveryError, RecoveryError, recover, recoverable } from '@countersign/rotation';
import {
  type RecoverableSender,
  simulateGithub,
  simulateResend,
  simulateStripe,
  simulateSvix,
} from '@countersign-internal/simulator';
import { Webhook } from 'svix';
import { describe, expect, it } from 'vitest';
import { openScene, outage, type Scene, verdict } from '../support/recovery.ts';
import { type SenderName, vendorFor } from '../support/recovery-access.ts';

const signWith = (secret: string, id: string, at: Date, body: string) =>
  new Webhook(secret).sign(id, at, body);

async function failureOf(scene: Scene, change: Record<string, string> = {}): Promise<RecoveryError> {
  const access = { ...scene.access, access: { ...scene.access.access, ...change } };
  const error = await recover({ ...scene.options(), vendor: vendorFor(access) }).catch(
    (thrown: unknown) => thrown,
  );
  if (!isRecoveryError(error)) expect.fail(String(error));
  expect(error).toBeInstanceOf(RecoveryError);
  for (const value of [...Object.values(access.access), scene.sender.secret]) {
    if (value.length > 20) expect(JSON.stringify([error.message, error])).not.toContain(value);
  }
  return error;
}

type Start = (options: { receiverUrl: string }) => Promise<RecoverableSender>;

describe('a sender that refuses', { timeout: 60_000 }, () => {
  it.each<[string, SenderName, Start, object]>([
    [
      'GitHub without rights',
      'github',
      (options) => simulateGithub({ ...options, grants: 'none' }),
      {
        code: 'ERR_RECOVERY_FORBIDDEN',
        permission: 'repository_hooks=read',
        requestId: 'C0FF:EE',
        status: 403,
      },
    ],
    [
      'Stripe without rights',
      'stripe',
      (options) => simulateStripe({ ...options, lacks: 'rak_event_read' }),
      {
        code: 'ERR_RECOVERY_FORBIDDEN',
        permission: 'rak_event_read',
        vendorCode: 'more_permissions_required',
        requestId: 'req_simulated',
      },
    ],
    [
      'Svix without rights',
      'svix',
      (options) => simulateSvix({ ...options, signWith, isRestricted: true }),
      {
        code: 'ERR_RECOVERY_FORBIDDEN',
        vendorCode: 'permission_denied',
        permission: expect.stringMatching(/environment/),
      },
    ],
    [
      'Resend without rights',
      'resend',
      (options) => simulateResend({ ...options, signWith, isRestricted: true }),
      {
        code: 'ERR_RECOVERY_FORBIDDEN',
        vendorCode: 'restricted_api_key',
        permission: 'an API key with full access',
      },
    ],
  ])('%s: the error names the permission', async (_, name, start, expected) => {
    const scene = await openScene(name, start);
    const error = await failureOf(scene);
    expect(error).toMatchObject(expected);
    expect(error.message).toMatch(/Give the credentials this permission: /);
  });

  it('names the permission to redeliver, if the token may only read', async () => {
    const scene = await openScene('github', (options) => simulateGithub({ ...options, grants: 'read' }));
    await outage(scene, { before: 0, during: 2, after: 0 });
    expect(await failureOf(scene)).toMatchObject({
      code: 'ERR_RECOVERY_FORBIDDEN',
      permission: 'repository_hooks=write',
      progress: { missed: 2, resent: 0, calls: 2 },
    });
  });

  it.each<[SenderName, Record<string, string>, string]>([
    ['github', { token: 'ghp_wrong' }, 'ERR_RECOVERY_UNAUTHORIZED'],
    ['github', { hookId: '1' }, 'ERR_RECOVERY_NOT_FOUND'],
    ['stripe', { apiKey: 'rk_wrong' }, 'ERR_RECOVERY_UNAUTHORIZED'],
    ['stripe', { endpointId: 'we_other' }, 'ERR_RECOVERY_NOT_FOUND'],
    ['svix', { apiKey: 'testsk_wrong' }, 'ERR_RECOVERY_UNAUTHORIZED'],
    ['svix', { appId: 'app_other' }, 'ERR_RECOVERY_NOT_FOUND'],
    ['resend', { apiKey: 're_wrong' }, 'ERR_RECOVERY_FORBIDDEN'],
    ['resend', { webhookId: 'other' }, 'ERR_RECOVERY_NOT_FOUND'],
  ])('%s with %o: %s', async (name, change, code) => {
    expect((await failureOf(await openScene(name), change)).code).toBe(code);
  });

  it('is unreachable', async () => {
    const scene = await openScene('github');
    await scene.sender.close();
    const error = await failureOf(scene);
    expect(error).toMatchObject({ code: 'ERR_RECOVERY_VENDOR_UNREACHABLE' });
    expect(error.message).toMatch(/ECONNREFUSED/);
  });

  it('responds with something else', async () => {
    const scene = await openScene('github');
    const vendor = recoverable.github({
      ...({ ...scene.access.access, baseUrl: scene.access.baseUrl } as never as Parameters<
        typeof recoverable.github
      >[0]),
      fetch: async () => new Response('<html>'),
    });
    await expect(recover({ ...scene.options(), vendor })).rejects.toMatchObject({
      code: 'ERR_RECOVERY_ANSWER_INVALID',
    });
  });
});

describe('the webhook of', { timeout: 60_000 }, () => {
  it.each(['organization', 'app'] as const)('a GitHub %s is recovered too', async (level) => {
    const scene = await openScene('github', (options) => simulateGithub({ ...options, level }));
    await outage(scene, { before: 1, during: 3, after: 1 });
    const { token = '' } = scene.access.access;
    const baseUrl = scene.access.baseUrl;
    const vendor =
      level === 'app'
        ? recoverable.github({ app: true, token: async () => token, baseUrl })
        : recoverable.github({ org: 'acme', hookId: '412345678', token, baseUrl });
    expect(await recover({ ...scene.options(), vendor })).toMatchObject({ outcome: 'recovered', resent: 3 });
    await scene.sender.idle();
    expect(verdict(scene)).toEqual({ lost: [], twice: [] });
  });
});

describe('Stripe', { timeout: 60_000 }, () => {
  it('hands over what another endpoint has missed, and it counts as a duplicate', async () => {
    const scene = await openScene('stripe', (options) =>
      simulateStripe({ ...options, otherEndpointIsDown: true }),
    );
    await outage(scene, { before: 4, during: 3, after: 0 });
    expect(await recover(scene.options())).toMatchObject({ missed: 7, resent: 7 });
    expect(verdict(scene)).toEqual({ lost: [], twice: [] });
  });

  it('takes a function for the receiver', async () => {
    const scene = await openScene('stripe');
    await outage(scene, { before: 0, during: 2, after: 0 });
    let handled = 0;
    const to = (request: Parameters<typeof scene.application.handle>[0]) =>
      scene.application.handle(request, () => {
        handled++;
      });
    expect(await recover({ ...scene.options(), to })).toMatchObject({ resent: 2 });
    expect(handled).toBe(2);
  });

  it('does not hand over an event that is rendered in another version than the endpoint gets', async () => {
    const scene = await openScene('stripe', (options) =>
      simulateStripe({ ...options, endpointVersion: '2020-08-27' }),
    );
    await outage(scene, { before: 0, during: 1, after: 0 });
    const report = await recover(scene.options());
    expect(report).toMatchObject({ outcome: 'incomplete', resent: 0 });
    expect(report.failed[0]?.reason).toMatch(
      /stripe events resend evt_\w+ --webhook-endpoint=we_1NxSimulated/,
    );
  });

  it('is refused by the receiver if the secret is another: the check of the signature stays as it is', async () => {
    const scene = await openScene('stripe');
    await outage(scene, { before: 0, during: 6, after: 0 });
    const vendor = vendorFor({ ...scene.access, secret: 'whsec_another_secret_of_the_right_length' });
    await expect(recover({ ...scene.options(), vendor })).rejects.toMatchObject({
      code: 'ERR_RECOVERY_RECEIVER_FAILED',
      message: expect.stringMatching(/Your receiver responds with 401/),
    });
    expect(verdict(scene).lost).toHaveLength(6);
  });

  it('signs with the current secret of a set, and says if there is none', async () => {
    const scene = await openScene('stripe');
    await outage(scene, { before: 0, during: 1, after: 0 });
    const provider = (current: string, notAfter?: string) => ({
      name: 'a store',
      load: () => ({ current: [{ secret: current, ...(notAfter === undefined ? {} : { notAfter }) }] }),
    });
    const options = { ...scene.access.access, baseUrl: scene.access.baseUrl } as unknown as {
      endpointId: string;
      apiKey: string;
      baseUrl: string;
    };
    const over = recoverable.stripe({
      ...options,
      secrets: provider(scene.sender.secret, '2026-01-01T00:00:00Z'),
    });
    await expect(recover({ ...scene.options(), vendor: over })).rejects.toMatchObject({
      code: 'ERR_RECOVERY_SECRET_UNAVAILABLE',
    });
    const vendor = recoverable.stripe({ ...options, secrets: provider(scene.sender.secret) });
    expect(await recover({ ...scene.options(), vendor })).toMatchObject({ resent: 1 });
  });

  it.each(['http://example.com/hooks', 'ftp://127.0.0.1/', 'nonsense', 'https://user:secret@example.com/'])(
    'sends to no address such as %s',
    async (to) => {
      const scene = await openScene('stripe');
      await expect(recover({ ...scene.options(), to })).rejects.toThrow(
        /"to" must be the URL of your receiver/,
      );
    },
  );
});

describe('an option', () => {
  const vendor = recoverable.github({ org: 'acme', hookId: 1, token: 'x' });
  it.each<[object, RegExp]>([
    [{ since: 'yesterday' }, /"since" must be a date/],
    [{ since: '2026-12-01T10:00:00' }, /with a time zone/],
    [{ since: new Date(1), until: new Date(0) }, /"since" must be before "until"/],
    [{ to: 'https://example.com' }, /github sends its deliveries itself/],
    [{ rememberSeconds: Number.NaN }, /"rememberSeconds" must be a number/],
    [{ jurnal: 'x' }, /Did you mean "journal"\?/],
    [{ vendor: {} }, /"vendor" must be a webhook whose deliveries can be recovered/],
  ])('%o is refused', async (change, message) => {
    await expect(
      recover({ vendor, since: new Date(0), journal: 'unused.recovery', ...change } as never),
    ).rejects.toThrow(message);
  });

  it.each([
    [{ token: 'x' }, /needs "owner", "repo" and "hookId"/],
    [{ org: 'acme/..', hookId: 1, token: 'x' }, /"org"/],
    [{ org: 'acme', hookId: 1.5, token: 'x' }, /"hookId" of recoverable.github\(\) must be the number/],
    [{ org: 'acme', hookId: 1, token: undefined }, /"token".*It is not set/],
  ])('of GitHub, %o, is refused', (options, message) => {
    expect(() => recoverable.github(options as never)).toThrow(message);
  });
});
