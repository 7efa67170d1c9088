-- A dataset counts the files that its order shows: of a run with a process its outputs, or one row until they are there, no longer the inputs.
-- Orders whose files were given back keep what was counted: nothing is left to count.
UPDATE order_datasets d SET files_count = s.files, files_size = s.bytes
FROM (
  SELECT order_id, dataset_urn, sum(files_total) AS files, sum(bytes_total) AS bytes FROM sub_orders_now
  WHERE (order_id, dataset_urn) IN (SELECT order_id, dataset_urn FROM sub_orders WHERE process IS NOT NULL)
  GROUP BY order_id, dataset_urn) s
WHERE d.order_id = s.order_id AND d.dataset_urn = s.dataset_urn;
