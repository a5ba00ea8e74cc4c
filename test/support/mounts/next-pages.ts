import { webhook } from '@countersign/express';
import type { AdapterSetup } from '@countersign/testing';
import type { Request, Response } from 'express';
import { perform } from './express.ts';

/** The Express adapter in an API route of Next.js' Pages Router, as the README of its package says. */
export function pagesHandler(setup: AdapterSetup): (req: Request, res: Response) => Promise<void> {
  const receive = webhook(setup.verifier, setup.options);
  return async (req, res) => {
    await receive(req, res, (error) => {
      if (error !== undefined) throw error;
    });
    if (req.webhook === undefined) return;
    const action = await setup.handler({ webhook: req.webhook, body: req.body });
    await new Promise<void>((resolve, reject) => {
      const done = (error?: unknown) => (error === undefined ? resolve() : reject(error as Error));
      Promise.resolve(perform(action, res, done)).then(() => resolve(), reject);
    });
  };
}
