-- Makes of the orders that are there (ids from 1 on, none missing) so many times as many: `psql -v copies=99 -v days=10`. Each copy
-- comes so many days after the one before, the last one ends where the first one did. Triggers do not run: rebuild the totals
-- after it. Indexes are built at the end, which is many times faster than row by row.
\set ON_ERROR_STOP on
SET session_replication_role = replica;
SET maintenance_work_mem = '1GB';
SET synchronous_commit = off;
SELECT max(id) AS orders, :copies::bigint AS copies, :days * 86400000000::bigint AS span FROM sales_orders \gset
UPDATE sales_orders SET created_at = created_at - :copies * :span, updated_at = updated_at - :copies * :span;
UPDATE sales_order_events SET created_at = created_at - :copies * :span;
UPDATE sales_order_acknowledgements SET created_at = created_at - :copies * :span;

CREATE TEMP TABLE indexes AS
    SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
    WHERE NOT indisprimary AND indrelid IN ('sales_orders'::regclass, 'sales_order_lines'::regclass, 'sales_order_events'::regclass);
SELECT format('DROP INDEX %s', name) FROM indexes \gexec

-- Every column that is not computed, so that a new one need not be named here.
CREATE FUNCTION pg_temp.copies(source regclass, own_id text, id text, changed jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT format(
        'INSERT INTO %1$s (%2$s) OVERRIDING SYSTEM VALUE SELECT %3$s FROM generate_series(1, current_setting(''copy.s'')::bigint) AS k
            CROSS JOIN LATERAL (SELECT * FROM %1$s ORDER BY %4$s) AS r', source,
        string_agg(quote_ident(attname), ', ' ORDER BY attnum),
        string_agg(coalesce(changed ->> attname, 'r.' || quote_ident(attname)), ', ' ORDER BY attnum), id)
    FROM pg_attribute WHERE attrelid = source AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attname <> own_id
$$;
SELECT set_config('copy.s', :'copies', false), set_config('copy.orders', :'orders', false), set_config('copy.span', :'span', false) \g /dev/null
SELECT pg_temp.copies(source::regclass, own_id, id, changed::jsonb || jsonb_build_object(
        'order_id', 'r.order_id + k * current_setting(''copy.orders'')::bigint',
        'created_at', 'r.created_at + k * current_setting(''copy.span'')::bigint',
        'updated_at', 'r.updated_at + k * current_setting(''copy.span'')::bigint'))
    FROM (VALUES
        ('sales_orders', '', 'id', '{"id": "r.id + k * current_setting(''copy.orders'')::bigint",
            "idempotency_key": "r.idempotency_key || '':'' || k"}'),
        ('sales_order_lines', '', 'order_id, line_no', '{}'),
        ('sales_order_events', 'position', 'position', '{}'),
        ('sales_order_acknowledgements', '', 'order_id', '{}')) AS tables (source, own_id, id, changed) \gexec
SELECT setval(pg_get_serial_sequence('sales_orders', 'id'), max(id)) FROM sales_orders \g /dev/null
SELECT definition FROM indexes \gexec
