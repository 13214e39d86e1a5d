-- One order with three lines, its event and its receipt in one statement and one transaction: what the service is compared with.
\set customer random(1, 1000000000)
WITH o AS (
    INSERT INTO sales_orders (client_id, idempotency_key, request_digest, customer_code, site_code, sales_name, address,
        currency, status, version, total_quantity, total_amount, created_at, updated_at, line_count, unpriced_lines,
        priced_amount, search_text)
    SELECT 'load', 'key:' || gen_random_uuid(), decode(repeat('ab', 32), 'hex'), 'C-' || :customer, 'SITE-001', 'John Doe',
        'Jl. Sudirman No. 1, Jakarta', 'IDR', 'RECEIVED', 1, 12, 15000060000, t, t, 3, 0, 15000060000,
        E'\x01c-' || :customer || E'\x02site-001\x03john doe\x04jl. sudirman no. 1, jakarta'
    FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) AS now (t)
    RETURNING id, created_at
), l AS (
    INSERT INTO sales_order_lines (order_id, line_no, product_code, quantity, unit_price)
    SELECT o.id, n, 'P-' || n, 2 * n, 1250005000 FROM o, generate_series(1, 3) AS n
), r AS (
    INSERT INTO sales_order_receipts (order_id, signature_form, string_to_sign, signature, key_fingerprint, body_sha256)
    SELECT o.id, 'documented', 'load|1795441036', decode(repeat('ab', 256), 'hex'),
        'SHA256:0000000000000000000000000000000000000000000', decode(repeat('ab', 32), 'hex') FROM o
)
INSERT INTO sales_order_events (order_id, sequence, kind, actor, payload, created_at)
SELECT o.id, 1, 'CREATED', 'load', '{}', o.created_at FROM o;
