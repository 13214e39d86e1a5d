#!/usr/bin/env bash
# Runs COMMAND with a PostgreSQL server of its own and exports the server's address as TEST_DATABASE_URL.
#
#   scripts/with-postgres.sh COMMAND [ARG...]
#
# The server is new, private to this run and gone afterwards: its own directory, password and port, so any number of
# runs can go side by side and none touches a server of the system. POSTGRES_SHARED_BUFFERS is the memory for its pages,
# POSTGRES_BINDIR the folder of the server's programs (otherwise the newest of this system).
# Where TEST_DATABASE_URL is set already, COMMAND simply runs against that one. The exit code is COMMAND's.
set -euo pipefail

readonly OLDEST=13

say() { printf 'with-postgres: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

(($# > 0)) || { echo "usage: $0 COMMAND [ARG...]" >&2; exit 2; }
[[ -z ${TEST_DATABASE_URL:-} ]] || exec "$@"

# PGHOST, PGPORT, PGSSLMODE and their like would lead the server's tools, and the tests' driver, to some other server.
unset "${!PG@}"

# ---- the server's programs

is_server() { # BINDIR
  local program version
  for program in initdb postgres pg_ctl pg_isready; do [[ -x $1/$program ]] || return 1; done
  version=$("$1/postgres" --version) && [[ $version =~ \)\ ([0-9]+) ]] && ((BASH_REMATCH[1] >= OLDEST))
}

find_server() { # prints BINDIR, or nothing
  local dir dirs=()
  if [[ -n ${POSTGRES_BINDIR:-} ]]; then
    ! is_server "$POSTGRES_BINDIR" || echo "$POSTGRES_BINDIR"
    return
  fi
  ! dir=$(pg_config --bindir 2>/dev/null) || dirs+=("$dir")
  # Debian, then Red Hat: one directory for each version, newest first.
  mapfile -t -O "${#dirs[@]}" dirs < <(printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin | sort -rV)
  ! dir=$(command -v postgres) || dirs+=("${dir%/*}")
  for dir in "${dirs[@]}"; do
    if is_server "$dir"; then
      echo "$dir"
      return
    fi
  done
}

bin=$(find_server)
[[ -n $bin || -z ${POSTGRES_BINDIR:-} ]] || die "POSTGRES_BINDIR has no server of version $OLDEST or newer: $POSTGRES_BINDIR"
if [[ -z $bin ]]; then
  "$(dirname "${BASH_SOURCE[0]}")/apt.sh" postgresql ||
    die "PostgreSQL $OLDEST or newer is missing. Install its server (Debian, Ubuntu: 'apt-get install postgresql';" \
      "others: package 'postgresql-server'), or set TEST_DATABASE_URL to a server's URL."
  bin=$(find_server)
  [[ -n $bin ]] || die "package 'postgresql' is installed, but no server of version $OLDEST or newer was found"
fi

# ---- the user it runs as: PostgreSQL refuses to be run by root

as_user=()
owner=$EUID
if ((EUID == 0)); then
  user=nobody
  ! id -u postgres >/dev/null 2>&1 || user=postgres
  owner=$(id -u "$user"):$(id -g "$user")
  if command -v setpriv >/dev/null; then
    as_user=(setpriv --reuid "${owner%:*}" --regid "${owner#*:}" --clear-groups --)
  elif command -v runuser >/dev/null; then
    as_user=(runuser -u "$user" --)
  else
    # su takes one string for a shell; "$0" "$@" hands it the words unharmed.
    # shellcheck disable=SC2016
    as_user=(su "$user" -s /bin/sh -c 'exec "$0" "$@"' --)
  fi
fi

# A terminal's Ctrl-C is for COMMAND and for this script, not for the server that both still need: it gets a session
# of its own. And should this script be killed outright, the kernel takes the server down with it.
detached=() until_parent_dies=()
! command -v setsid >/dev/null || detached+=(setsid)
! setpriv --pdeathsig INT true 2>/dev/null || until_parent_dies=(setpriv --pdeathsig INT --)

# ---- its directory

base='' server='' child=''

new_directory() { # PARENT: creates `base` there, if the server's user can reach it and a socket's name (107 bytes) fits
  base=$(mktemp -d "$1/sales-order-pg.XXXXXX") || return 1
  chown "$owner" "$base"
  "${as_user[@]}" test -w "$base" && ((${#base} < 80)) && return
  rm -rf "$base"
  base=''
  return 1
}

# shellcheck disable=SC2317 # called by trap
clean_up() {
  local code=$?
  trap '' INT TERM HUP
  set +e
  if [[ -n $child ]] && kill -TERM -- "-$child" 2>/dev/null; then
    say 'stopping what COMMAND left running'
    for _ in {1..50}; do
      kill -0 -- "-$child" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL -- "-$child" 2>/dev/null
  fi
  if [[ -n $server ]]; then
    if ! kill -0 "$server" 2>/dev/null; then
      say 'the server went down on its own; the end of its log:'
      tail -n 50 "$base/log" >&2
    fi
    # Nothing of it is kept, so there is nothing to write back first.
    (cd "$base" && "${as_user[@]}" "$bin/pg_ctl" stop -D "$base/data" -m immediate -t 30) >/dev/null 2>&1 ||
      kill -KILL "$server" 2>/dev/null
    wait "$server" 2>/dev/null
  fi
  [[ -z $base ]] || rm -rf "$base"
  exit "$code"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

new_directory "${TMPDIR:-/tmp}" || new_directory /tmp || die "no usable directory in ${TMPDIR:-/tmp}"

# ---- its data

# A password even on this machine's own address: whoever may talk to PostgreSQL as its superuser may run programs.
# It is compared in the clear, which is no loss within one machine; the default exchange would cost an unoptimised
# client some 4096 hashes for each of the many connections that tests open.
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf '%s\n' "$password" >"$base/password"
chown "$owner" "$base/password"
chmod 600 "$base/password"

# Letters beyond ASCII have upper and lower case here as they do in production.
locale=C
! locale -a 2>/dev/null | grep -qix 'C\.utf-\?8' || locale=C.UTF-8

(cd "$base" && "${as_user[@]}" "$bin/initdb" -D "$base/data" --username=postgres --pwfile="$base/password" \
  --auth=password --encoding=UTF8 --locale="$locale" --no-sync) >"$base/log" 2>&1 ||
  { cat "$base/log" >&2; die 'initdb failed'; }

# ---- start

settings=(
  -c listen_addresses=127.0.0.1
  -c "unix_socket_directories=$base"
  -c max_connections=300
  -c shared_buffers="${POSTGRES_SHARED_BUFFERS:-256MB}"
  # Tests that kill the service in mid-flight ask what had reached the disk: the server must not cheat about it.
  -c fsync=on
  -c synchronous_commit=on
)

start() { # PORT: is it up?
  local deadline=$((SECONDS + 60))
  : >"$base/log"
  chown "$owner" "$base/log"
  # exec, so that $server is the server itself.
  (cd "$base" && exec "${detached[@]}" "${as_user[@]}" "${until_parent_dies[@]}" \
    "$bin/postgres" -D "$base/data" -p "$1" "${settings[@]}") </dev/null >"$base/log" 2>&1 &
  server=$!
  # Asked through its own socket: on a port, the answer could be another server's.
  until "$bin/pg_isready" -q -h "$base" -p "$1" -U postgres; do
    if ! kill -0 "$server" 2>/dev/null; then
      server=''
      return 1
    fi
    if ((SECONDS > deadline)); then
      cat "$base/log" >&2
      die 'the server was not ready within 60 seconds'
    fi
    sleep 0.1
  done
}

is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Below the range from which systems give outgoing connections their ports. A port that is free now may be taken a
# moment later, so a server that could not get it tries another.
for ((attempt = 1; ; attempt++)); do
  port=$((15000 + (RANDOM * 32768 + RANDOM) % 17000))
  ! is_taken "$port" || continue
  ! start "$port" || break
  if ! grep -q 'could not bind' "$base/log" || ((attempt >= 20)); then
    cat "$base/log" >&2
    die 'the server did not start'
  fi
done

export TEST_DATABASE_URL="postgres://postgres:$password@127.0.0.1:$port/postgres"
say "PostgreSQL $("$bin/postgres" --version | grep -o '[0-9][0-9.]*' | head -n 1) on 127.0.0.1:$port"

# ---- the command

code=0
if [[ -t 0 ]]; then
  # At a terminal COMMAND keeps the terminal, and Ctrl-C reaches all of it.
  "$@" || code=$?
else
  # Elsewhere a signal reaches this script alone. COMMAND gets a process group of its own, so that it can be stopped
  # with everything it started.
  set -m
  "$@" <&0 &
  child=$!
  set +m
  wait "$child" || code=$?
fi
exit "$code"
