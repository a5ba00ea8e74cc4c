import { CountersignReplay, type DurableObjectNamespaceLike } from '@countersign/durable-object';
import Database from 'better-sqlite3';

/** Objects in this process, on storage that is SQLite too: if the time can be moved, and calls be put in any order. */
export interface LocalObjects {
  readonly namespace: DurableObjectNamespaceLike;
  readonly alarms: ReadonlyMap<string, number>;
  /** Whether storage refuses to set an alarm. */
  refusesAlarms: boolean;
  /** Runs the alarms that are due. */
  ring(now: number): Promise<void>;
  rows(): number;
}

export function localObjects(): LocalObjects {
  const objects = new Map<string, { object: CountersignReplay; database: Database.Database }>();
  const alarms = new Map<string, number>();
  const get = (name: string): CountersignReplay => {
    const known = objects.get(name);
    if (known !== undefined) return known.object;
    const database = new Database(':memory:');
    const object = new CountersignReplay({
      storage: {
        sql: {
          exec(query, ...bindings) {
            const statement = database.prepare(query);
            const values = bindings.map((value) =>
              value instanceof ArrayBuffer ? Buffer.from(value) : value,
            );
            const rows = statement.reader ? statement.all(...values) : [];
            if (!statement.reader) statement.run(...values);
            return { toArray: () => rows as Record<string, unknown>[] };
          },
        },
        getAlarm: async () => alarms.get(name) ?? null,
        async setAlarm(at) {
          if (local.refusesAlarms) throw new Error('internal error; reference = 1');
          alarms.set(name, at);
        },
      },
    });
    objects.set(name, { object, database });
    return object;
  };
  const local: LocalObjects = {
    alarms,
    refusesAlarms: false,
    namespace: {
      idFromName: (name: string) => name,
      get: (name: string) => ({
        fetch: async (url, init) => get(name).fetch(new Request(url, init)),
      }),
    },
    async ring(now) {
      for (const [name, at] of [...alarms]) {
        if (at > now) continue;
        alarms.delete(name);
        await get(name).alarm();
      }
    },
    rows: () =>
      [...objects.values()].reduce(
        (sum, { database }) =>
          sum + (database.prepare('SELECT count(*) AS n FROM countersign_replay').get() as { n: number }).n,
        0,
      ),
  };
  return local;
}
