import { createVerifier, type DefinedScheme, type Verifier, type VerifierOptions } from '@countersign/core';
import { webhook } from '@countersign/express';
import express from 'express';
import { serve } from './receiver.ts';

/** One instance of a service: a receiver that also reports its health. */
export interface Instance {
  readonly url: string;
  readonly healthUrl: string;
  readonly verifiers: Readonly<Record<string, Verifier>>;
  /** Stops reporting, or begins again. */
  isSilent: boolean;
  close(): Promise<void>;
}

/**
 * Starts an instance with a verifier for each endpoint.
 *
 * @param token What its health handler asks for.
 */
export async function startInstance(
  name: string,
  endpoints: Readonly<Record<string, { scheme: DefinedScheme; secrets: VerifierOptions['secrets'] }>>,
  token?: string,
): Promise<Instance> {
  const verifiers = Object.fromEntries(
    Object.entries(endpoints).map(([endpoint, options]) => [
      endpoint,
      createVerifier({ ...options, endpoint, observe: () => undefined }),
    ]),
  );
  await Promise.all(Object.values(verifiers).map((verifier) => verifier.ready()));
  const app = express();
  const { url, close } = await serve(app);
  const instance: Instance = {
    ...{ url, healthUrl: `${url}/health`, verifiers, isSilent: false },
    async close() {
      await close();
      await Promise.all(Object.values(verifiers).map((verifier) => verifier.close()));
    },
  };
  for (const [endpoint, verifier] of Object.entries(verifiers))
    app.post(`/${endpoint}`, webhook(verifier), (_request, response) => void response.sendStatus(204));
  app.get('/health', (request, response) => {
    if (instance.isSilent) return void request.socket.destroy();
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`)
      return void response.sendStatus(401);
    const healths = Object.fromEntries(
      Object.entries(verifiers).map(([each, verifier]) => [each, verifier.health()]),
    );
    return void response.json({ state: 'ready', instance: name, time: new Date(), verifiers: healths });
  });
  return instance;
}
