import { createVerifier, logWebhooks } from '@countersign/core';
import { envSecrets } from '@countersign/core/node';
import { healthHandler, webhook } from '@countersign/express';
import { migrate, postgresReplayStore } from '@countersign/postgres';
import { shopify } from '@countersign/schemes';
import express from 'express';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, connectionTimeoutMillis: 5000 });
// Without a listener, a database that restarts would end this process.
pool.on('error', (error) => console.error(error.message));

await migrate(pool);
// No column is unique: only the replay store makes sure that each order is there once.
await pool.query('CREATE TABLE IF NOT EXISTS orders (number bigint NOT NULL, total numeric NOT NULL)');

const store = postgresReplayStore({ pool });
const verifier = createVerifier({
  scheme: shopify(),
  secrets: envSecrets('SHOPIFY_CLIENT_SECRET'),
  endpoint: 'orders',
  replay: store,
  // The sender never learns why it was refused: your log says it.
  observe: logWebhooks(console),
});
await verifier.ready();

const app = express();

app.post('/hooks/orders', webhook(verifier, { claim: 'manual' }), async (req, res) => {
  const order = req.webhook.json<{ id: number; total_price: string }>();
  // One transaction writes the order and the fact that its delivery was handled. A crash leaves both or neither. If the same order is
  // being handled, or the database is down, run() throws, and Express responds with 503: the sender retries.
  const { state } = await store.run(req.webhook, (transaction) =>
    transaction.query('INSERT INTO orders (number, total) VALUES ($1, $2)', [order.id, order.total_price]),
  );
  console.log(`order ${order.id}: ${state === 'duplicate' ? 'it was there already' : 'inserted'}`);
  res.sendStatus(state === 'duplicate' ? 200 : 204);
});

// For probes and operators: from this machine, or with the token.
app.get('/health', healthHandler({ orders: verifier }, { token: process.env.HEALTH_TOKEN }));

const server = app.listen(Number(process.env.PORT ?? 3000), (error) => {
  if (error) throw error;
  const address = server.address();
  console.log(`listening on port ${typeof address === 'object' ? address?.port : address}`);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // First the server, so that deliveries at work end; then the verifier; then the pool that its replay store uses.
  process.once(signal, () => server.close(() => void verifier.close().then(() => pool.end())));
}
