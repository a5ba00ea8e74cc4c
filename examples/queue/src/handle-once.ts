import type pg from 'pg';

/** The ids of the jobs that were handled. Remove rows that are older than the sender's retries and the queue's retention together. */
export async function prepareTables(pool: pg.Pool): Promise<void> {
  await pool.query(
    'CREATE TABLE IF NOT EXISTS handled_jobs (id text PRIMARY KEY, handled_at timestamptz NOT NULL DEFAULT now())',
  );
}

/**
 * Runs `work` once for each id. The id and the writes of `work` are one transaction: a crash leaves both or neither. A second run of
 * the same job waits at the INSERT until the first one has ended, then writes nothing.
 *
 * @returns Whether this call did the work.
 */
export async function handleOnce(
  pool: pg.Pool,
  id: string,
  work: (transaction: pg.PoolClient) => Promise<void>,
): Promise<boolean> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // Without a listener, a connection that breaks here would end the process. The query or the ROLLBACK fails too.
  const onError = () => undefined;
  client.on('error', onError);
  try {
    await client.query('BEGIN');
    const { rowCount } = await client.query(
      'INSERT INTO handled_jobs (id) VALUES ($1) ON CONFLICT DO NOTHING',
      [id],
    );
    if (rowCount === 1) await work(client);
    await client.query('COMMIT');
    return rowCount === 1;
  } catch (error) {
    // A connection that can't be rolled back must not return to the pool.
    await client.query('ROLLBACK').catch((rollbackError: Error) => {
      broken = rollbackError;
    });
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}
