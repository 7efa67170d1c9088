-- What a user has put together and not ordered yet. A basket goes when it becomes an order.
-- Versions come from a sequence: a basket made anew never looks like the one that was there before.
CREATE SEQUENCE baskets_version_seq AS bigint;

CREATE TABLE baskets (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  owner text NOT NULL UNIQUE,
  version bigint NOT NULL DEFAULT nextval('baskets_version_seq')
);

-- By URN: two datasets of the same label are two.
CREATE TABLE basket_datasets (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  basket_id bigint NOT NULL REFERENCES baskets ON DELETE CASCADE,
  dataset_urn text NOT NULL,
  dataset_label text NOT NULL,
  file_filter jsonb,
  process jsonb,
  totals jsonb NOT NULL,
  UNIQUE (basket_id, dataset_urn),
  CHECK (file_filter IS NULL OR process IS NULL)
);

CREATE TABLE basket_items (
  dataset_id bigint NOT NULL REFERENCES basket_datasets ON DELETE CASCADE,
  selected_at timestamptz NOT NULL,
  -- As the user asked for it, and as what it is searched.
  request jsonb NOT NULL,
  selection jsonb NOT NULL,
  totals jsonb NOT NULL,
  PRIMARY KEY (dataset_id, selected_at)
);

-- The page of the client's application that shows the order, for the mails about it.
ALTER TABLE orders ADD COLUMN on_success_url text;

-- References cost no download quota; they are few among the files.
CREATE INDEX product_files_references ON product_files (product_id) WHERE reference;
