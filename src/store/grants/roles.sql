-- Roles of the Sales Order API for PostgreSQL 13 or newer. A superuser runs this in the database of the service:
--   set -o pipefail
--   sales-order-api migrate grants --database-url postgres://HOST/DATABASE {flags} | psql -v ON_ERROR_STOP=1 -h HOST -d DATABASE
-- Rights are for: {uses}.
-- Run it before the first `migrate up`, and again after each one: tables that are not there yet are passed over.
-- The roles have no password until one is given. In psql, where no history and no log shows it: \password {runtime}

BEGIN;

-- A change of owner waits for whoever reads the table, and all others would wait behind it. Run it again when it fails so.
SET LOCAL lock_timeout = '2s';

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
  IF (SELECT rolsuper FROM pg_roles WHERE rolname = {'migration'}) THEN
    NULL;
  ELSIF current_setting('server_version_num')::int < 150000 THEN
    RAISE WARNING 'PostgreSQL % lets superusers alone make one of the functions: let a superuser run "migrate up", and this afterwards',
      current_setting('server_version');
  ELSIF has_parameter_privilege({'migration'}, 'sales_order.totals', 'SET') THEN
    NULL;
  ELSIF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    -- All databases of the server share this table, and of two who grant at once one would fail.
    EXECUTE 'LOCK TABLE pg_parameter_acl IN SHARE ROW EXCLUSIVE MODE';
    EXECUTE format('GRANT SET ON PARAMETER sales_order.totals TO %I', {'migration'});
  ELSE
    RAISE WARNING 'role % may not set sales_order.totals, so "migrate up" will fail: let a superuser run this', {'migration'};
  END IF;
END $setting$;

-- Nobody else makes tables beside those of the service.
REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {runtime}, {reporting};
GRANT USAGE ON SCHEMA {schema} TO {runtime}, {reporting};
GRANT USAGE, CREATE ON SCHEMA {schema} TO {migration};

-- The migration role owns the tables with their partitions, the views and the functions. What it owns already is not locked.
-- Functions that run with its rights are for the runtime role alone; everybody could call them otherwise.
DO $owner$
DECLARE
  named regclass;
  part regclass;
  called regprocedure;
  is_right boolean;
  is_definer boolean;
  migration CONSTANT oid := (SELECT oid FROM pg_roles WHERE rolname = {'migration'});
BEGIN
  FOR named IN SELECT to_regclass(format('%I.%I', {'schema'}, relation)) FROM unnest(ARRAY[
    {relations}
  ]) AS relation LOOP
    CONTINUE WHEN named IS NULL;
    FOR part IN SELECT oid FROM pg_class WHERE relowner <> migration
      AND (oid = named OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = named)) LOOP
      EXECUTE format('ALTER TABLE %s OWNER TO %I', part, {'migration'});
    END LOOP;
  END LOOP;
  FOR called, is_right, is_definer IN SELECT oid, proowner = migration, prosecdef
    FROM pg_proc WHERE pronamespace = format('%I', {'schema'})::regnamespace AND proname = ANY (ARRAY[
    {functions}
  ]) LOOP
    IF NOT is_right THEN
      EXECUTE format('ALTER FUNCTION %s OWNER TO %I', called, {'migration'});
    END IF;
    IF is_definer THEN
      EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, %I CASCADE', called, {'reporting'});
    END IF;
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', called, {'runtime'});
  END LOOP;
END $owner$;

-- The runtime role: {uses}.
-- Where no right stands beside a table, it has none; partitions are reached through their table. What it granted on to others
-- goes with its own rights.
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
      EXECUTE format('REVOKE ALL ON %s FROM %I CASCADE', part, {'runtime'});
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
      EXECUTE format('REVOKE ALL ON SEQUENCE %s FROM %I CASCADE', counter, {'runtime'});
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
      EXECUTE format('REVOKE ALL ON %s FROM %I CASCADE', part, {'reporting'});
    END LOOP;
    IF rights <> '' THEN
      EXECUTE format('GRANT %s ON %I.%I TO %I', rights, {'schema'}, relation, {'reporting'});
    END IF;
  END LOOP;
END $reporting$;

-- What gives more rights than these, and is not for this to take away.
DO $beyond$
DECLARE
  role_name text;
  what text;
BEGIN
  FOR role_name, what IN SELECT rolname, unnest(array_remove(ARRAY[
      CASE WHEN rolsuper THEN 'is a superuser, whom no right limits' END,
      CASE WHEN rolcreaterole THEN 'may make roles and grant them (CREATEROLE)' END,
      CASE WHEN rolbypassrls THEN 'passes by policies of rows (BYPASSRLS)' END,
      CASE WHEN rolreplication THEN 'may copy the whole database (REPLICATION)' END,
      CASE WHEN NOT rolcanlogin THEN 'cannot log in (NOLOGIN)' END], NULL))
    FROM pg_roles WHERE rolname IN ({'runtime'}, {'migration'}, {'reporting'})
    UNION SELECT member.rolname::name, format('is a member of role %I and has its rights', granted.rolname)
      FROM pg_auth_members JOIN pg_roles AS member ON member.oid = pg_auth_members.member
      JOIN pg_roles AS granted ON granted.oid = roleid
      WHERE member.rolname IN ({'runtime'}, {'migration'}, {'reporting'}) LOOP
    RAISE WARNING 'role % %', quote_ident(role_name), what;
  END LOOP;
  FOR role_name, what IN WITH named AS (
      SELECT pg_class.* FROM unnest(ARRAY[
        {relations}
      ]) AS relation JOIN pg_class ON pg_class.oid = to_regclass(format('%I.%I', {'schema'}, relation))
    ), entry AS (
      SELECT oid::regclass AS part, relowner AS owner, acl.* FROM named CROSS JOIN LATERAL aclexplode(relacl) AS acl
      UNION ALL SELECT named.oid::regclass, relowner, acl.* FROM named
        JOIN pg_attribute ON attrelid = named.oid AND NOT attisdropped CROSS JOIN LATERAL aclexplode(attacl) AS acl
    )
    SELECT DISTINCT coalesce(quote_ident(rolname), 'PUBLIC'), format('has %s ON %s, granted by %I', privilege_type, part, pg_get_userbyid(grantor))
    FROM entry LEFT JOIN pg_roles ON pg_roles.oid = grantee
    WHERE grantee = 0 OR grantor <> owner AND rolname IN ({'runtime'}, {'reporting'}) LOOP
    RAISE WARNING '% %; revoke it where it is not wanted', role_name, what;
  END LOOP;
END $beyond$;

COMMIT;
