-- Roles of the Sales Order API for PostgreSQL 13 or newer. A superuser runs this in the database of the service:
--   sales-order-api migrate grants | psql -v ON_ERROR_STOP=1 -d DATABASE
-- Run it before the first `migrate up`, and again after each one: tables that are not there yet are passed over.
-- The roles have no password until one is given: ALTER ROLE "Run""x" PASSWORD '…';

BEGIN;

DO $roles$
DECLARE
  named text;
BEGIN
  FOREACH named IN ARRAY ARRAY['Run"x', 'Mi''g', 'Ré p:x'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = named) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', named);
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), named);
  END LOOP;
END $roles$;

-- Searches need it, and making it takes more rights than the tables do.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- One function of the totals has a setting of its own, which else only a superuser may write into a function. On PostgreSQL
-- 13 and 14 nobody else may: there a superuser applies the migrations, and runs this afterwards.
DO $setting$
BEGIN
  IF current_setting('server_version_num')::int >= 150000 AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    EXECUTE format('GRANT SET ON PARAMETER sales_order.totals TO %I', 'Mi''g');
  END IF;
END $setting$;

-- Nobody else makes tables beside those of the service.
REVOKE CREATE ON SCHEMA "public" FROM PUBLIC, "Run""x", "Ré p:x";
GRANT USAGE ON SCHEMA "public" TO "Run""x", "Ré p:x";
GRANT USAGE, CREATE ON SCHEMA "public" TO "Mi'g";

-- The migration role owns the tables with their partitions, the views and the functions.
DO $owner$
DECLARE
  named regclass;
  part regclass;
  called regprocedure;
BEGIN
  FOR named IN SELECT to_regclass(format('%I.%I', 'public', relation)) FROM unnest(ARRAY[
    'seaql_migrations',
    'clients',
    'client_audit_log',
    'sealing_keys',
    'client_secrets',
    'client_public_keys',
    'client_addresses',
    'person_sessions',
    'event_consumers',
    'webhook_endpoints',
    'webhook_secrets',
    'webhook_signing_keys',
    'webhook_parked',
    'webhook_replays',
    'webhook_attempts',
    'api_requests',
    'sales_orders',
    'sales_order_lines',
    'sales_order_receipts',
    'sales_order_events',
    'sales_order_acknowledgements',
    'sales_order_shipments',
    'sales_order_shipment_lines',
    'sales_order_requests',
    'sales_order_request_receipts',
    'sales_order_signed_texts',
    'sales_order_search_folding',
    'sales_order_totals',
    'sales_order_totals_base',
    'sales_order_totals_delta',
    'sales_order_totals_by_period',
    'reporting_sales_orders',
    'reporting_sales_order_lines',
    'reporting_sales_order_events'
  ]) AS relation LOOP
    CONTINUE WHEN named IS NULL;
    EXECUTE format('ALTER TABLE %s OWNER TO %I', named, 'Mi''g');
    FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = named LOOP
      EXECUTE format('ALTER TABLE %s OWNER TO %I', part, 'Mi''g');
    END LOOP;
  END LOOP;
  FOR called IN SELECT oid FROM pg_proc WHERE pronamespace = format('%I', 'public')::regnamespace AND proname = ANY (ARRAY[
    'add_to_sales_order_totals',
    'begin_to_append',
    'empty_sales_order_totals',
    'end_of_feed',
    'hold_references',
    'hold_signed_texts',
    'keep_sales_order_totals',
    'merge_sales_order_totals',
    'move_in_sales_order_totals',
    'order_of_reference',
    'order_of_signed_text',
    'orders_are_stored_side_by_side',
    'refuse_client_audit_log_change',
    'take_from_sales_order_totals',
    'tend_api_requests',
    'tend_webhook_attempts'
  ]) LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO %I', called, 'Mi''g');
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', called, 'Run"x');
  END LOOP;
END $owner$;

-- The runtime role: serving.
-- Where no right stands beside a table, it has none; partitions are reached through their table.
DO $runtime$
DECLARE
  relation text;
  rights text;
  part regclass;
  counter regclass;
BEGIN
  FOR relation, rights IN VALUES
    ('seaql_migrations', 'SELECT'),
    ('clients', 'SELECT'),
    ('client_audit_log', 'SELECT, INSERT'),
    ('sealing_keys', 'SELECT'),
    ('client_secrets', 'SELECT, UPDATE'),
    ('client_public_keys', 'SELECT, UPDATE'),
    ('client_addresses', 'SELECT, INSERT, UPDATE, DELETE'),
    ('person_sessions', ''),
    ('event_consumers', 'SELECT, INSERT, UPDATE, DELETE'),
    ('webhook_endpoints', 'SELECT, INSERT, UPDATE, DELETE'),
    ('webhook_secrets', 'SELECT, INSERT, UPDATE, DELETE'),
    ('webhook_signing_keys', 'SELECT, INSERT, UPDATE'),
    ('webhook_parked', 'SELECT, INSERT, UPDATE, DELETE'),
    ('webhook_replays', 'SELECT, INSERT, UPDATE, DELETE'),
    ('webhook_attempts', 'SELECT, INSERT'),
    ('api_requests', 'SELECT, INSERT'),
    ('sales_orders', 'SELECT, INSERT, UPDATE'),
    ('sales_order_lines', 'SELECT, INSERT, UPDATE'),
    ('sales_order_receipts', 'SELECT, INSERT'),
    ('sales_order_events', 'SELECT, INSERT'),
    ('sales_order_acknowledgements', 'SELECT, INSERT'),
    ('sales_order_shipments', 'SELECT, INSERT, UPDATE'),
    ('sales_order_shipment_lines', 'SELECT, INSERT'),
    ('sales_order_requests', 'SELECT, INSERT, UPDATE'),
    ('sales_order_request_receipts', 'SELECT, INSERT'),
    ('sales_order_signed_texts', 'SELECT, INSERT, DELETE'),
    ('sales_order_search_folding', ''),
    ('sales_order_totals', 'SELECT'),
    ('sales_order_totals_base', 'SELECT, INSERT, UPDATE, DELETE'),
    ('sales_order_totals_delta', 'SELECT, INSERT, DELETE'),
    ('sales_order_totals_by_period', 'SELECT, INSERT, UPDATE, DELETE'),
    ('reporting_sales_orders', ''),
    ('reporting_sales_order_lines', ''),
    ('reporting_sales_order_events', '')
  LOOP
    CONTINUE WHEN to_regclass(format('%I.%I', 'public', relation)) IS NULL;
    FOR part IN SELECT to_regclass(format('%I.%I', 'public', relation))
      UNION ALL SELECT inhrelid::regclass FROM pg_inherits
      WHERE inhparent = to_regclass(format('%I.%I', 'public', relation)) LOOP
      EXECUTE format('REVOKE ALL ON %s FROM %I', part, 'Run"x');
    END LOOP;
    IF rights <> '' THEN
      EXECUTE format('GRANT %s ON %I.%I TO %I', rights, 'public', relation, 'Run"x');
    END IF;
    -- Columns whose default is the next number of a sequence; identity columns need no right to theirs. Of events it is
    -- read which positions were given out.
    FOR counter, rights IN SELECT pg_depend.objid, CASE
        WHEN relation = 'sales_order_events' THEN 'SELECT'
        WHEN deptype = 'a' AND rights LIKE '%INSERT%' THEN 'USAGE'
        ELSE '' END
      FROM pg_depend JOIN pg_class ON pg_class.oid = objid AND relkind = 'S'
      WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i')
        AND refobjid = to_regclass(format('%I.%I', 'public', relation)) LOOP
      EXECUTE format('REVOKE ALL ON SEQUENCE %s FROM %I', counter, 'Run"x');
      IF rights <> '' THEN
        EXECUTE format('GRANT %s ON SEQUENCE %s TO %I', rights, counter, 'Run"x');
      END IF;
    END LOOP;
  END LOOP;
END $runtime$;

-- The reporting role: reads what is named. No address, note or payload, nobody who did something, and nothing that proves
-- or signs.
DO $reporting$
DECLARE
  relation text;
  rights text;
  part regclass;
BEGIN
  FOR relation, rights IN VALUES
    ('seaql_migrations', ''),
    ('clients', ''),
    ('client_audit_log', ''),
    ('sealing_keys', ''),
    ('client_secrets', ''),
    ('client_public_keys', ''),
    ('client_addresses', ''),
    ('person_sessions', ''),
    ('event_consumers', ''),
    ('webhook_endpoints', ''),
    ('webhook_secrets', ''),
    ('webhook_signing_keys', ''),
    ('webhook_parked', ''),
    ('webhook_replays', ''),
    ('webhook_attempts', ''),
    ('api_requests', ''),
    ('sales_orders', ''),
    ('sales_order_lines', ''),
    ('sales_order_receipts', ''),
    ('sales_order_events', ''),
    ('sales_order_acknowledgements', 'SELECT (order_id, system, external_number, created_at)'),
    ('sales_order_shipments', 'SELECT'),
    ('sales_order_shipment_lines', 'SELECT'),
    ('sales_order_requests', 'SELECT (id, order_id, client_id, kind, state, reason, requested_at, answer_reason, answered_at)'),
    ('sales_order_request_receipts', ''),
    ('sales_order_signed_texts', ''),
    ('sales_order_search_folding', ''),
    ('sales_order_totals', 'SELECT'),
    ('sales_order_totals_base', ''),
    ('sales_order_totals_delta', ''),
    ('sales_order_totals_by_period', 'SELECT'),
    ('reporting_sales_orders', 'SELECT (order_id, order_number, client_id, client_name, status, version, customer_code, site_code, sales_name, partner_reference, requested_delivery_date, currency, line_count, total_quantity, total_amount, unpriced_lines, priced_amount, created_at, updated_at)'),
    ('reporting_sales_order_lines', 'SELECT (order_id, order_number, line_no, product_code, product_name, quantity, unit, currency, unit_price, line_amount, reference, confirmed_quantity, back_ordered_quantity, rejected_quantity, cancelled_quantity, shipped_quantity, promised_on, answer_reason)'),
    ('reporting_sales_order_events', 'SELECT (position, order_id, order_number, sequence, kind, created_at)')
  LOOP
    CONTINUE WHEN to_regclass(format('%I.%I', 'public', relation)) IS NULL;
    FOR part IN SELECT to_regclass(format('%I.%I', 'public', relation))
      UNION ALL SELECT inhrelid::regclass FROM pg_inherits
      WHERE inhparent = to_regclass(format('%I.%I', 'public', relation)) LOOP
      EXECUTE format('REVOKE ALL ON %s FROM %I', part, 'Ré p:x');
    END LOOP;
    IF rights <> '' THEN
      EXECUTE format('GRANT %s ON %I.%I TO %I', rights, 'public', relation, 'Ré p:x');
    END IF;
  END LOOP;
END $reporting$;

COMMIT;
