-- What @countersign/postgres remembers about webhook deliveries: one row each. May run again at any time.

-- Columns are in the order of their alignment, so that rows contain no padding.
CREATE TABLE IF NOT EXISTS "countersign_replay" (
  -- After this time, the row counts as absent.
  expires_at timestamptz NOT NULL,
  -- End of the lease, or when the claim was released. Null: committed.
  lease_until timestamptz,
  -- Hours since 1970, rounded up from the expires_at of the claim: when the row may be removed, if it has expired. The index is on
  -- this and not on expires_at because a commit doesn't change it: an update of no indexed column needs no new index entries.
  sweep_hour integer NOT NULL,
  -- Rises with every claim. Null: committed.
  fencing_token integer,
  -- The holder of the claim. Null: released or committed.
  owner uuid,
  -- SHA-256 of the replay key.
  key bytea PRIMARY KEY
);

CREATE INDEX IF NOT EXISTS "countersign_replay_sweep" ON "countersign_replay" (sweep_hour);
