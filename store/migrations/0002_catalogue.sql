-- The catalogue of one tenant: what can be ordered. Expectation: 1 million products, 10 million files, some thousand datasets.
-- What a search or a summary needs of a product lies in its own row (datasets, totals by kind of file), so that both are one scan
-- of `products` and never touch the files.

CREATE TABLE datasets (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  urn text NOT NULL UNIQUE,
  -- Two datasets may share a label; the URN tells them apart.
  label text NOT NULL,
  description text,
  model text NOT NULL DEFAULT '',
  public boolean NOT NULL DEFAULT true,
  groups text[] NOT NULL DEFAULT '{}'
);

CREATE TABLE products (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  urn text NOT NULL UNIQUE,
  virtual_urn text NOT NULL GENERATED ALWAYS AS (CASE WHEN last THEN regexp_replace(urn, ':V[0-9]+$', ':LAST') ELSE '' END) STORED,
  provider_id text NOT NULL,
  version integer NOT NULL,
  -- The highest version of its kind in the catalogue.
  last boolean NOT NULL,
  label text NOT NULL,
  model text NOT NULL DEFAULT '',
  tags text[] NOT NULL DEFAULT '{}',
  -- Elements are datasets.id; products_of_dataset keeps them from dangling.
  dataset_ids integer[] NOT NULL,
  -- {"name": [values]}: always a list. Dates are UTC with six digits of a second, so that their order is that of their texts.
  properties jsonb NOT NULL DEFAULT '{}',
  -- Every text of the product between unit separators (U+001F), for values that are asked without a field.
  search_text text NOT NULL,
  -- Totals by kind of file: RAWDATA, QUICKLOOK_SD, QUICKLOOK_MD, QUICKLOOK_HD.
  type_files integer[] NOT NULL,
  type_bytes bigint[] NOT NULL,
  -- Of all that was imported; the same hash means that an import has nothing to write.
  content_hash text NOT NULL,
  -- Where an import found it; a scan removes what vanished below its own source.
  source text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);

CREATE INDEX products_provider_id ON products (provider_id text_pattern_ops);
CREATE INDEX products_virtual_urn ON products (virtual_urn) WHERE last;
CREATE INDEX products_properties ON products USING gin (properties jsonb_path_ops);
CREATE INDEX products_tags ON products USING gin (tags);
CREATE INDEX products_dataset_ids ON products USING gin (dataset_ids);

CREATE FUNCTION forbid_dataset_in_use() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM products WHERE dataset_ids @> ARRAY[OLD.id]) THEN
    RAISE foreign_key_violation USING MESSAGE = format('Cannot delete dataset ''%s'': it has products', OLD.urn);
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER products_of_dataset BEFORE DELETE ON datasets FOR EACH ROW EXECUTE FUNCTION forbid_dataset_in_use();

CREATE TABLE product_files (
  product_id bigint NOT NULL REFERENCES products ON DELETE CASCADE,
  position integer NOT NULL,
  type text NOT NULL CHECK (type IN ('RAWDATA', 'QUICKLOOK_SD', 'QUICKLOOK_MD', 'QUICKLOOK_HD')),
  filename text NOT NULL,
  uri text NOT NULL,
  mime_type text NOT NULL,
  size bigint,
  checksum text,
  algorithm text,
  reference boolean NOT NULL DEFAULT false,
  -- When a scanned file last changed: the same time and size mean that its checksum still holds.
  modified timestamptz,
  PRIMARY KEY (product_id, position)
);

-- Parts of footprints in degrees; a footprint that crosses the antimeridian has a part on either side.
CREATE TABLE footprints (
  product_id bigint NOT NULL REFERENCES products ON DELETE CASCADE,
  area polygon NOT NULL,
  holes polygon[] NOT NULL DEFAULT '{}'
);

CREATE INDEX footprints_area ON footprints USING gist (area);
CREATE INDEX footprints_product ON footprints (product_id);

-- The names that queries may use. A name has a row for each type that imports brought.
CREATE TABLE attributes (
  name text NOT NULL,
  type text NOT NULL CHECK (type IN ('string', 'integer', 'double', 'boolean', 'date')),
  PRIMARY KEY (name, type)
);
