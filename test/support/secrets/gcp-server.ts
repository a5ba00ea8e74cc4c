import { protos, SecretManagerServiceClient } from '@google-cloud/secret-manager';
import {
  credentials,
  type handleUnaryCall,
  type MethodDefinition,
  Server,
  ServerCredentials,
  status,
} from '@grpc/grpc-js';
import { OAuth2Client } from 'google-auth-library';
import { startSource } from './faulty-source.ts';
import { GcpStore, nameOf, Refusal } from './gcp-store.ts';

export { SECRET } from './gcp-store.ts';

/** Google Cloud Secret Manager on the loopback address. */
export interface GcpServer {
  readonly store: GcpStore;
  /** The real client. */
  readonly client: SecretManagerServiceClient;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
const SERVICE = '/google.cloud.secretmanager.v1.SecretManagerService';
const {
  AccessSecretVersionRequest,
  AccessSecretVersionResponse,
  ListSecretVersionsRequest,
  ListSecretVersionsResponse,
  SecretVersion,
} = protos.google.cloud.secretmanager.v1;

/** Spoken to by gRPC, as the client does by default. */
export async function startGrpcServer(): Promise<GcpServer> {
  const store = new GcpStore();
  const server = new Server();
  server.addService(
    {
      listSecretVersions: methodOf(
        'ListSecretVersions',
        ListSecretVersionsRequest,
        ListSecretVersionsResponse,
      ),
      accessSecretVersion: methodOf(
        'AccessSecretVersion',
        AccessSecretVersionRequest,
        AccessSecretVersionResponse,
      ),
    },
    {
      listSecretVersions: answering(store, ({ parent, pageToken }: { parent: string; pageToken: string }) => {
        const { page, ...rest } = store.list(parent, pageToken);
        const versions = page.map((version) => ({
          name: nameOf(version),
          state: SecretVersion.State[version.state],
          createTime: { seconds: Math.floor(version.createdAt.getTime() / 1000) },
        }));
        return { ...rest, versions };
      }),
      accessSecretVersion: answering(store, ({ name }: { name: string }) => {
        const version = store.access(name);
        return { name: nameOf(version), payload: { data: version.data } };
      }),
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${HOST}:0`, ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const client = new SecretManagerServiceClient({
    apiEndpoint: HOST,
    port,
    sslCreds: credentials.createInsecure(),
    authClient: authClient(),
  });
  return {
    store,
    client,
    async close() {
      await client.close();
      server.forceShutdown();
    },
  };
}

interface MessageType {
  decode(bytes: Uint8Array): object;
  fromObject(value: object): object;
  encode(message: object): { finish(): Uint8Array };
}

function methodOf(
  name: string,
  request: unknown,
  response: unknown,
): MethodDefinition<object, object | string> {
  const [asked, answered] = [request as MessageType, response as MessageType];
  return {
    path: `${SERVICE}/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: (value) => Buffer.from(asked.encode(value).finish()),
    requestDeserialize: (bytes) => asked.decode(bytes),
    responseSerialize: (value) =>
      typeof value === 'string'
        ? Buffer.from(value)
        : Buffer.from(answered.encode(answered.fromObject(value)).finish()),
    responseDeserialize: (bytes) => answered.decode(bytes),
  };
}

function answering(
  store: GcpStore,
  answer: (request: never) => object,
): handleUnaryCall<object, object | string> {
  return ({ request }, callback) => {
    if (store.fault === 'hanging') return;
    if (store.fault === 'garbage') return callback(null, `<html>${store.shown()}</html>`);
    try {
      callback(null, answer(request as never));
    } catch (error) {
      const { code, message } = error instanceof Refusal ? error : { code: status.UNKNOWN, message: '' };
      callback({ code, details: message });
    }
  };
}

/** Spoken to by REST, as the client does with `fallback`. */
export async function startRestServer(): Promise<GcpServer> {
  const store = new GcpStore();
  const source = await startSource(({ request, answer }) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://google');
    if (store.fault === 'hanging') return;
    if (store.fault === 'garbage') return answer(200, `<html>${store.shown()}</html>`);
    if (request.headers.authorization !== 'Bearer test')
      return answer(401, refusal(401, 'UNAUTHENTICATED', ''));
    const path = pathname.slice('/v1/'.length);
    try {
      if (path.endsWith(':access')) {
        const version = store.access(path.slice(0, -':access'.length));
        const data = Buffer.from(version.data).toString('base64');
        return answer(200, { name: nameOf(version), payload: { data } });
      }
      const parent = path.replace(/\/versions$/, '');
      const { page, ...rest } = store.list(parent, searchParams.get('pageToken') ?? '');
      const versions = page.map((version) => ({
        name: nameOf(version),
        state: version.state,
        createTime: version.createdAt.toISOString(),
      }));
      answer(200, { ...rest, versions });
    } catch (error) {
      const { http, code, message } = error as Refusal;
      answer(http, refusal(http, status[code] ?? '', message));
    }
  });
  const client = new SecretManagerServiceClient({
    fallback: true,
    protocol: 'http',
    apiEndpoint: HOST,
    port: source.port,
    authClient: authClient(),
  });
  return {
    store,
    client,
    async close() {
      await client.close();
      await source.close();
    },
  };
}

function refusal(code: number, name: string, message: string): object {
  return { error: { code, message, status: name } };
}

/** Credentials of its own, or the client would ask the machine for some. */
function authClient(): OAuth2Client {
  const client = new OAuth2Client();
  client.setCredentials({ access_token: 'test' });
  return client;
}
