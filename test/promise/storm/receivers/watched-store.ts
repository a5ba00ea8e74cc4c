import { setTimeout as sleep } from 'node:timers/promises';
import type { ReplayStore } from '@countersign/core';
import { attemptOf } from '../plan.ts';
import { machineTime } from '../settings.ts';
import { currentAttempt } from './attempt.ts';
import type { LedgerLink } from './ledger-link.ts';

/** Clients write what they are asked a little later. */
const SENT_MS = 10;
const WORK_MS = 300;
const JUMP_MS = 1000;

/**
 * A store that reports each call and its result to the ledger, and changes neither. If the plan has the client leave while the
 * claim is asked, the question waits until the client has left: a store that is slow.
 */
export function watchedStore(store: ReplayStore, ledger: LedgerLink, seed: number): ReplayStore {
  return {
    async claim(key, options) {
      const attempt = currentAttempt();
      const { isStopped } = waitsInClaim(attempt, seed)
        ? await ledger.ask({ did: 'wait', attempt })
        : { isStopped: false };
      try {
        const answer = store.claim(key, options);
        if (isStopped) await Promise.race([answer.catch(() => undefined), sleep(SENT_MS)]);
        ledger.tell({ did: 'ask', attempt, key });
        if (isStopped) workUntilStopped();
        const result = await answer;
        const outcome =
          result.state === 'claimed'
            ? { state: result.state, owner: result.token.owner }
            : { state: result.state };
        ledger.tell({ did: 'claim', attempt, key, ...outcome });
        return result;
      } catch (error) {
        ledger.tell({ did: 'claim', attempt, key, state: 'failed' });
        throw error;
      }
    },
    renew: (key, token, ...rest) => told('renew', key, token.owner, store.renew(key, token, ...rest)),
    commit: (key, token, ...rest) => told('commit', key, token.owner, store.commit(key, token, ...rest)),
    release: (key, token, ...rest) => told('release', key, token.owner, store.release(key, token, ...rest)),
    forget: (key) => store.forget(key),
    ...(store.partitionOf === undefined ? {} : { partitionOf: store.partitionOf.bind(store) }),
    ...(store.health === undefined ? {} : { health: store.health.bind(store) }),
  };

  async function told(
    did: 'renew' | 'commit' | 'release',
    key: string,
    owner: string,
    answer: Promise<boolean>,
  ): Promise<boolean> {
    let kept: boolean | undefined;
    try {
      kept = await answer;
      return kept;
    } finally {
      ledger.tell({ did, key, owner, kept });
    }
  }
}

/**
 * A process that is stopped in the middle of its work hears, when it goes on, the response of its store before any timer: one
 * that was stopped while it waited runs its timers first.
 */
function workUntilStopped(): void {
  const end = machineTime() + WORK_MS;
  for (let last = machineTime(); last < end; ) {
    const now = machineTime();
    if (now - last > JUMP_MS) return;
    last = now;
  }
}

function waitsInClaim(attempt: string, seed: number): boolean {
  const [sequence, number] = attempt.split('.').map(Number);
  if (sequence === undefined || number === undefined || !(sequence > 0)) return false;
  const { client } = attemptOf(seed, sequence, number);
  return (
    client.does === 'leave a stopped receiver' ||
    (client.does === 'leave' && client.moment === 'in the claim')
  );
}
