import { globalAgent } from 'node:https';
import { createVerifier, isWebhookError } from '@countersign/core';
import { awsSns } from '@countersign/schemes/x509';
import { manualClock } from '@countersign/testing';
import MessageValidator from 'sns-validator';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Certified, rootAuthority } from '../support/remote/authority.ts';
import { type Origin, startOrigin } from '../support/remote/origin.ts';
import { confirmation, notification, type SnsFields, signSns, TOPIC } from '../support/remote/sns-sender.ts';

const NOW = Date.UTC(2030, 0, 1);
let origin: Origin;
let genuine: Certified;

beforeAll(async () => {
  const authority = await rootAuthority({ cn: 'Amazon RSA 2048 M01' });
  genuine = await authority.issue({ cn: 'sns.amazonaws.com', notAfter: NOW + 86_400_000 });
  origin = await startOrigin(['localhost']);
  origin.serve(`https://localhost:${origin.port}/x.pem`, genuine.pem);
  globalAgent.options.ca = origin.ca;
});
afterAll(async () => {
  delete globalAgent.options.ca;
  globalAgent.destroy();
  await origin[Symbol.asyncDispose]();
});

/** Both outcomes. The URL of the certificate is not signed, so the library gets one that it can reach. */
async function both(fields: object) {
  const reachable = { ...fields, SigningCertURL: `https://localhost:${origin.port}/x.pem` };
  const theirs = await new Promise<boolean>((resolve) => {
    new MessageValidator(/^localhost:[0-9]+$/).validate(reachable, (error) => resolve(error === null));
  });
  const scheme = awsSns({ topicArns: [TOPIC] });
  const clock = manualClock(NOW);
  await using verifier = createVerifier({ scheme, secrets: genuine.pem.trim(), clock, replay: false });
  let ours = true;
  try {
    await verifier.verify({ headers: {}, body: Buffer.from(JSON.stringify(fields)) });
  } catch (error) {
    if (!isWebhookError(error)) throw error;
    ours = false;
  }
  return { theirs, ours };
}

const made = (fields: SnsFields): SnsFields => JSON.parse(signSns(fields, genuine.key).toString());

describe('sns-validator and we say the same', () => {
  test.each(['1', '2'])(
    'of messages with SignatureVersion %s, and of every change',
    async (SignatureVersion) => {
      for (const sent of [notification(NOW, { SignatureVersion }), confirmation(NOW, { SignatureVersion })]) {
        const fields = made(sent);
        expect(await both(fields)).toEqual({ theirs: true, ours: true });
        const names = [
          'Message',
          'MessageId',
          'Timestamp',
          'TopicArn',
          'Type',
          'Signature',
          'Subject',
          'Token',
        ];
        for (const name of names.filter((each) => each in fields)) {
          const { [name]: _, ...without } = fields;
          expect(await both(without), `without ${name}`).toEqual({ theirs: false, ours: false });
          const changed = { ...fields, [name]: `x${fields[name]}` };
          expect(await both(changed), `another ${name}`).toEqual({ theirs: false, ours: false });
        }
        const other = { ...fields, SignatureVersion: SignatureVersion === '1' ? '2' : '1' };
        expect(await both(other)).toEqual({ theirs: false, ours: false });
      }
    },
  );

  test('except a signature with text after it, which it accepts', async () => {
    const fields = made(notification(NOW));
    expect(await both({ ...fields, Signature: `${fields.Signature}x` })).toEqual({
      theirs: true,
      ours: false,
    });
  });

  test('except a message of another topic and an old one: it accepts both', async () => {
    const TopicArn = 'arn:aws:sns:eu-central-1:999999999999:orders';
    expect(await both(made(notification(NOW, { TopicArn })))).toEqual({ theirs: true, ours: false });
    expect(await both(made(notification(NOW - 86_400_000)))).toEqual({ theirs: true, ours: false });
  });
});
