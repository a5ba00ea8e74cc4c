import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVerifier } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { fileTarget, isRotationError, type RotationError, rotate, vendors } from '@countersign/rotation';
import { anchorBrowser } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';

const OLD = 'oldSECRETold0123456789abcdefOLDOLD';
const NEW = 'newSECRETnew0123456789abcdefNEWNEW';

let directory: string;
let file: string;
const closings: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rotation-'));
  file = join(directory, 'set.json');
  writeFileSync(file, JSON.stringify({ current: OLD }));
});

afterEach(async () => {
  for (const close of closings.splice(0)) await close();
  rmSync(directory, { recursive: true });
});

/** A vendor that responds every call with this secret. */
async function vendorReturning(secret: string) {
  const server = createServer((request, response) => {
    request.resume();
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ secret }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closings.push(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as AddressInfo;
  return vendors.anchorBrowser({ webhookId: 'wh_1', apiKey: 'k123', baseUrl: `http://127.0.0.1:${port}` });
}

function stored(): { current?: unknown; rotating?: unknown } {
  return JSON.parse(readFileSync(file, 'utf8'));
}

async function failureOf(rotation: Promise<unknown>): Promise<RotationError> {
  const error: unknown = await rotation.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return isRotationError(error) ? error : expect.fail(`It was not refused: ${error}`);
}

it('a secret that no receiver could read from the file is refused, and the file stays readable', async () => {
  const vendor = await vendorReturning('A'.repeat(70_000));
  const error = await failureOf(rotate({ vendor, target: fileTarget(file) }));
  expect(error).toMatchObject({
    code: 'ERR_ROTATION_SECRET_INVALID',
    secretState: 'changed-and-lost',
    message: expect.stringMatching(/bytes, but file .* can contain only 65536/),
  });
  expect(error.message).not.toContain('AAAA');
  await using verifier = createVerifier({ scheme: anchorBrowser(), secrets: fileSecrets(file) });
  await verifier.ready();
  const { headers, body } = sign(anchorBrowser(), { secret: OLD, body: '{"id":"e1"}' });
  expect((await verifier.verify({ headers, body })).key.role).toBe('current');
});

it('a vendor that returns the old secret leaves no announcement behind', async () => {
  const vendor = await vendorReturning(OLD);
  const error = await failureOf(rotate({ vendor, target: fileTarget(file) }));
  expect(error).toMatchObject({ code: 'ERR_ROTATION_ANSWER_INVALID', secretState: 'unchanged' });
  expect(stored()).toMatchObject({ current: OLD });
  expect(stored().rotating).toBeUndefined();
});

it('a target that does not return what was written is refused before the vendor is called', async () => {
  let calls = 0;
  const vendor = await vendorReturning(NEW);
  const countCalls: typeof vendor.rotate = (options) => {
    calls++;
    return vendor.rotate(options);
  };
  const counting = { ...vendor, rotate: countCalls };
  const target = fileTarget(file);
  const broken = {
    ...target,
    read: async () => (stored().rotating === undefined ? target.read() : { current: 'short' }),
  };
  const error = await failureOf(rotate({ vendor: counting, target: broken }));
  expect(error).toMatchObject({ code: 'ERR_ROTATION_TARGET_UNWRITABLE', secretState: 'unchanged' });
  expect(calls).toBe(0);
});
