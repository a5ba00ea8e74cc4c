-- What @countersign/mysql remembers about webhook deliveries: one row each. May run again at any time.

CREATE TABLE IF NOT EXISTS `countersign_replay` (
  -- SHA-256 of the replay key.
  `key` binary(32) NOT NULL PRIMARY KEY,
  -- The holder of the claim. Null: released or committed.
  owner binary(16) NULL,
  -- Rises with every claim. Null: committed.
  fencing_token int unsigned NULL,
  -- End of the lease, or when the claim was released, in UTC. Null: committed.
  lease_until datetime(6) NULL,
  -- After this time, the row counts as absent. In UTC.
  expires_at datetime(6) NOT NULL,
  -- Hours since 1970, rounded up from the expires_at of the claim: when the row may be removed, if it has expired. The index is on
  -- this and not on expires_at because a commit doesn't change it.
  sweep_hour int NOT NULL,
  KEY countersign_sweep (sweep_hour)
) ENGINE = InnoDB;
