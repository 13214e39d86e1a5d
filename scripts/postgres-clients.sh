# shellcheck shell=bash
# Sourced: sets `pgbench` and `psql` to PostgreSQL's programs of the newest version there is; needs `die`.

newest() { # NAME
  local path
  while read -r path; do
    [[ ! -x $path ]] || { echo "$path"; return; }
  done < <(command -v "$1"; printf '%s\n' /usr/lib/postgresql/*/bin/"$1" /usr/pgsql-*/bin/"$1" | sort -rV)
}
pgbench=$(newest pgbench) psql=$(newest psql)
[[ -n $pgbench && -n $psql ]] || die "pgbench or psql is missing (Debian, Ubuntu: package 'postgresql-contrib' or 'postgresql')"
