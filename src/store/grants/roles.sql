-- Roles of the Sales Order API for PostgreSQL 13 or newer. A superuser runs this in the database of the service:
--   sales-order-api migrate grants | psql -v ON_ERROR_STOP=1 -d DATABASE
-- Run it before the first `migrate up`, and again after each one: tables that are not there yet are passed over.
-- The roles have no password until one is given: ALTER ROLE {runtime} PASSWORD '…';

BEGIN;

DO $roles$
DECLARE
  named text;
BEGIN
  FOREACH named IN ARRAY ARRAY[{'runtime'}, {'migration'}, {'reporting'}] LOOP
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
    EXECUTE format('GRANT SET ON PARAMETER sales_order.totals TO %I', {'migration'});
  END IF;
END $setting$;

-- Nobody else makes tables beside those of the service.
REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {runtime}, {reporting};
GRANT USAGE ON SCHEMA {schema} TO {runtime}, {reporting};
GRANT USAGE, CREATE ON SCHEMA {schema} TO {migration};

-- The migration role owns the tables with their partitions, the views and the functions.
DO $owner$
DECLARE
  named regclass;
  part regclass;
  called regprocedure;
BEGIN
  FOR named IN SELECT to_regclass(format('%I.%I', {'schema'}, relation)) FROM unnest(ARRAY[
    {relations}
  ]) AS relation LOOP
    CONTINUE WHEN named IS NULL;
    EXECUTE format('ALTER TABLE %s OWNER TO %I', named, {'migration'});
    FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = named LOOP
      EXECUTE format('ALTER TABLE %s OWNER TO %I', part, {'migration'});
    END LOOP;
  END LOOP;
  FOR called IN SELECT oid FROM pg_proc WHERE pronamespace = format('%I', {'schema'})::regnamespace AND proname = ANY (ARRAY[
    {functions}
  ]) LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO %I', called, {'migration'});
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', called, {'runtime'});
  END LOOP;
END $owner$;

-- The runtime role: {uses}.
-- Where no right stands beside a table, it has none; partitions are reached through their table.
DO $runtime$
DECLARE
  relation text;
  rights text;
  part regclass;
  counter regclass;
BEGIN
  FOR relation, rights IN VALUES
    {runtime_rights}
  LOOP
    CONTINUE WHEN to_regclass(format('%I.%I', {'schema'}, relation)) IS NULL;
    FOR part IN SELECT to_regclass(format('%I.%I', {'schema'}, relation))
      UNION ALL SELECT inhrelid::regclass FROM pg_inherits
      WHERE inhparent = to_regclass(format('%I.%I', {'schema'}, relation)) LOOP
      EXECUTE format('REVOKE ALL ON %s FROM %I', part, {'runtime'});
    END LOOP;
    IF rights <> '' THEN
      EXECUTE format('GRANT %s ON %I.%I TO %I', rights, {'schema'}, relation, {'runtime'});
    END IF;
    -- Columns whose default is the next number of a sequence; identity columns need no right to theirs. Of events it is
    -- read which positions were given out.
    FOR counter, rights IN SELECT pg_depend.objid, CASE
        WHEN relation = 'sales_order_events' THEN 'SELECT'
        WHEN deptype = 'a' AND rights LIKE '%INSERT%' THEN 'USAGE'
        ELSE '' END
      FROM pg_depend JOIN pg_class ON pg_class.oid = objid AND relkind = 'S'
      WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i')
        AND refobjid = to_regclass(format('%I.%I', {'schema'}, relation)) LOOP
      EXECUTE format('REVOKE ALL ON SEQUENCE %s FROM %I', counter, {'runtime'});
      IF rights <> '' THEN
        EXECUTE format('GRANT %s ON SEQUENCE %s TO %I', rights, counter, {'runtime'});
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
    {reporting_rights}
  LOOP
    CONTINUE WHEN to_regclass(format('%I.%I', {'schema'}, relation)) IS NULL;
    FOR part IN SELECT to_regclass(format('%I.%I', {'schema'}, relation))
      UNION ALL SELECT inhrelid::regclass FROM pg_inherits
      WHERE inhparent = to_regclass(format('%I.%I', {'schema'}, relation)) LOOP
      EXECUTE format('REVOKE ALL ON %s FROM %I', part, {'reporting'});
    END LOOP;
    IF rights <> '' THEN
      EXECUTE format('GRANT %s ON %I.%I TO %I', rights, {'schema'}, relation, {'reporting'});
    END IF;
  END LOOP;
END $reporting$;

COMMIT;
