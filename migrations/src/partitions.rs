//! Tables of PostgreSQL that have a partition for each day, so that what is too old is dropped as a whole.

/// A table whose rows have a time `at`, in microseconds, and a running number `id`.
pub struct PartitionedByDay {
    /// Its name.
    pub table: &'static str,
    /// Its columns beside `id`; `at` is one of them.
    pub columns: &'static str,
    /// The statements that create its indexes.
    pub indexes: &'static [&'static str],
    /// The advisory lock of whoever tends it.
    pub lock: i64,
}

impl PartitionedByDay {
    /// Creates the table and `tend_<table>`. What the service's user may do with tables is little, so the function is its owner's: it
    /// makes the partitions of the day and of three more, and drops those that end before a time. It waits for nobody for long: whoever
    /// writes rows would wait behind it, and it is called again an hour later.
    pub fn create(&self, schema: &str) -> Vec<String> {
        let Self { table, columns, indexes, lock } = self;
        let suffix = table.len() + 2;
        let create = format!(
            "CREATE TABLE {table} (id bigserial NOT NULL, {columns}, PRIMARY KEY (at, id))
             PARTITION BY RANGE (at)"
        );
        let default = format!("CREATE TABLE {table}_default PARTITION OF {table} DEFAULT");
        let tend = format!(
            "CREATE FUNCTION {schema}.tend_{table}(now_micros bigint, keep_after_micros bigint) RETURNS void
             LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp SET lock_timeout = '1s' AS $$
             DECLARE
                day_micros CONSTANT bigint := 86400000000;
                day bigint;
                partition text;
             BEGIN
                PERFORM pg_advisory_xact_lock({lock});
                FOR day IN SELECT generate_series(now_micros / day_micros, now_micros / day_micros + 3) LOOP
                    partition := '{table}_' || day;
                    IF to_regclass(partition) IS NULL AND NOT EXISTS (
                        SELECT FROM {table}_default WHERE at >= day * day_micros AND at < (day + 1) * day_micros
                    ) THEN
                        EXECUTE format('CREATE TABLE %I PARTITION OF {table} FOR VALUES FROM (%s) TO (%s)',
                            partition, day * day_micros, (day + 1) * day_micros);
                    END IF;
                END LOOP;
                FOR partition IN
                    SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
                    WHERE inhparent = '{table}'::regclass AND relname ~ '^{table}_[0-9]+$'
                        AND (substr(relname, {suffix})::bigint + 1) * day_micros <= keep_after_micros
                LOOP
                    EXECUTE format('DROP TABLE %I', partition);
                END LOOP;
                DELETE FROM {table}_default WHERE at < keep_after_micros;
             END $$"
        );
        let indexes = indexes.iter().map(|index| (*index).to_owned());
        [create].into_iter().chain(indexes).chain([default, tend]).collect()
    }
}
