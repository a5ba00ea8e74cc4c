import { randomUUID } from 'node:crypto';
import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { type FaultySource, startSource } from './faulty-source.ts';

interface AwsVersion {
  readonly id: string;
  /** None: made by the start of a rotation, and not filled yet. */
  value?: string | Uint8Array;
  readonly labels: Set<string>;
  /** Seconds since the epoch. */
  readonly createdAt: number;
}

/** AWS Secrets Manager as far as one secret's value and its labels go: the JSON protocol, on the loopback address. */
export interface AwsServer extends FaultySource {
  /** The real client. */
  readonly client: SecretsManager;
  /** Oldest first. */
  readonly versions: AwsVersion[];
  /** What every version made from now on is dated, in seconds since the epoch. */
  now: number;
  /** Called after each response, with the call and what it asked for. */
  onCall: ((call: string, label: string | undefined) => void) | undefined;
  /** Makes this the current value, as PutSecretValue does. */
  put(value: string | Uint8Array): AwsVersion;
  /** Moves a label as UpdateSecretVersionStage does: AWSPREVIOUS follows AWSCURRENT. */
  move(label: string, to: AwsVersion): void;
  /** Starts a rotation as RotateSecret does: a version without a value has the label AWSPENDING. */
  startRotation(): AwsVersion;
  /** The value that has this label. */
  valueOf(label: string): string | Uint8Array | undefined;
  /** What the next calls of this kind are refused with. */
  refuse(call: 'GetSecretValue' | 'PutSecretValue', type: string, times: number): void;
}

export const SECRET_ID = 'webhooks/anchor';
const ARN = `arn:aws:secretsmanager:eu-central-1:123456789012:secret:${SECRET_ID}-AbCdEf`;

export async function startAwsServer(first?: string): Promise<AwsServer> {
  const versions: AwsVersion[] = [];
  const refusals: { call: string; type: string }[] = [];
  const labelled = (label: string) => versions.find(({ labels }) => labels.has(label));

  const source = await startSource(({ request, text, answer }, fault) => {
    const call = String(request.headers['x-amz-target']).replace('secretsmanager.', '');
    const input = JSON.parse(text);
    const refuse = (type: string, message: string, status = 400): void =>
      answer(status, { __type: type, message });
    const refused = refusals.findIndex((one) => one.call === call);
    if (refused !== -1) {
      const [{ type = '' } = {}] = refusals.splice(refused, 1);
      // As the service does it, which names what it was given.
      return refuse(type, `Value '${input.SecretString}' failed to satisfy constraint`);
    }
    if (fault === 'forbidden') {
      return refuse(
        'AccessDeniedException',
        `User: arn:aws:iam::123456789012:user/receiver is not authorized to perform: secretsmanager:GetSecretValue on resource: ${SECRET_ID}`,
      );
    }
    if (fault === 'broken') return refuse('InternalServiceError', `at ${labelled('AWSCURRENT')?.value}`, 500);
    if (fault === 'garbage') return answer(200, `<html>${labelled('AWSCURRENT')?.value}</html>`);
    if (input.SecretId !== SECRET_ID || fault === 'missing') {
      return refuse('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    }
    if (call === 'PutSecretValue') {
      const { id, labels } = server.put(input.SecretString);
      return answer(200, { ARN, Name: SECRET_ID, VersionId: id, VersionStages: [...labels] });
    }
    const label = input.VersionStage ?? 'AWSCURRENT';
    const found = labelled(label);
    if (found?.value === undefined) {
      return refuse(
        'ResourceNotFoundException',
        `Secrets Manager can't find the specified secret value for staging label: ${label}`,
      );
    }
    const { id, value, labels, createdAt } = found;
    answer(200, {
      ARN,
      Name: SECRET_ID,
      VersionId: id,
      ...(typeof value === 'string'
        ? { SecretString: value }
        : { SecretBinary: Buffer.from(value).toString('base64') }),
      VersionStages: [...labels],
      CreatedDate: createdAt,
    });
    server.onCall?.(call, label);
  });

  const client = new SecretsManager({
    region: 'eu-central-1',
    endpoint: source.url,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });

  const server: AwsServer = Object.assign(source, {
    client,
    versions,
    now: 1_900_000_000,
    onCall: undefined,
    put(value: string | Uint8Array) {
      const version = { id: randomUUID(), value, labels: new Set<string>(), createdAt: server.now };
      versions.push(version);
      server.move('AWSCURRENT', version);
      return version;
    },
    move(label: string, to: AwsVersion) {
      const from = labelled(label);
      if (from === to) return;
      from?.labels.delete(label);
      to.labels.add(label);
      if (label === 'AWSCURRENT' && from !== undefined) server.move('AWSPREVIOUS', from);
      if (label === 'AWSCURRENT') to.labels.delete('AWSPREVIOUS');
    },
    startRotation() {
      const version = { id: randomUUID(), labels: new Set<string>(), createdAt: server.now };
      versions.push(version);
      server.move('AWSPENDING', version);
      return version;
    },
    valueOf: (label: string) => labelled(label)?.value,
    refuse(call: string, type: string, times: number) {
      for (let count = 0; count < times; count++) refusals.push({ call, type });
    },
    close: closeWith(source, client),
  });
  if (first !== undefined) server.put(first);
  return server;
}

function closeWith({ close }: FaultySource, client: SecretsManager): () => Promise<void> {
  return () => {
    client.destroy();
    return close();
  };
}
