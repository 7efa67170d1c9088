-- Download quotas. The number of files that a user has begun to download never falls, so it is kept by itself. Which files they were matters only
-- as long as they can be asked for once more: those rows go with the order's files.

-- Users who were given limits or have downloaded; they need not be in `users`, a token is enough.
CREATE TABLE quotas (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  email text NOT NULL UNIQUE,
  -- Null: as the tenant's settings say. -1: no limit.
  max_quota bigint CHECK (max_quota >= -1),
  rate_limit bigint CHECK (rate_limit >= -1),
  current_quota bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 80);

-- No foreign keys: an archive counts a hundred thousand files at once.
CREATE TABLE counted_files (
  order_id bigint NOT NULL,
  file_id bigint NOT NULL,
  quota_id bigint NOT NULL,
  PRIMARY KEY (order_id, file_id, quota_id)
);

-- Downloads under way. One that has not moved for a while (its process died, its client is gone) holds no place any more.
CREATE TABLE downloads (
  id uuid PRIMARY KEY,
  quota_id bigint NOT NULL REFERENCES quotas,
  moved_at timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE INDEX downloads_quota_idx ON downloads (quota_id);
