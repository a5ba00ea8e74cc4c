// Handles the jobs of the queue. Every queue may deliver a job twice, so the worker recognizes each job by its id.
import pg from 'pg';
import { DatabaseGate } from './database-gate.ts';
import { handleOnce, prepareTables } from './handle-once.ts';
import { chosenQueue } from './queues.ts';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, connectionTimeoutMillis: 5000 });
// Without a listener, a database that restarts would end this process.
pool.on('error', (error) => console.error(error.message));
await prepareTables(pool);
// No column is unique: only handleOnce() makes sure that each event is there once.
await pool.query('CREATE TABLE IF NOT EXISTS events (id text NOT NULL, event jsonb NOT NULL)');

const closing = new AbortController();
const gate = new DatabaseGate(pool, closing.signal);
const consumer = await (await chosenQueue()).openConsumer(
  async (job) => {
    const event = job.event as { id: string };
    const isNew = await gate.run(() => handleOnce(pool, job.id, (transaction) => work(transaction, event)));
    console.log(isNew ? `handled ${event.id}` : `skipped ${event.id}: it was handled before`);
  },
  () => gate.untilUp(),
);
console.log('waiting for jobs');

/** Your work. What it writes through `transaction` happens exactly once. */
async function work(transaction: pg.PoolClient, event: { id: string }): Promise<void> {
  await transaction.query('INSERT INTO events (id, event) VALUES ($1, $2)', [event.id, event]);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    closing.abort();
    void consumer.close().then(() => pool.end());
  });
}
