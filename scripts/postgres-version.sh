#!/usr/bin/env bash
# Runs COMMAND with a private server of one version of PostgreSQL, as scripts/with-postgres.sh does with that of this system.
#
#   scripts/postgres-version.sh VERSION COMMAND [ARG...]
#
# VERSION is one that a Debian has: it is unpacked below $TMPDIR (or /tmp) and stays there; nothing of it is installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() { printf 'postgres-version: %s\n' "$*" >&2; exit 1; }

(($# > 1)) || { echo "usage: $0 VERSION COMMAND [ARG...]" >&2; exit 2; }
[[ -z ${TEST_DATABASE_URL:-} ]] || die 'TEST_DATABASE_URL names another server: unset it'
readonly VERSION=$1
case $VERSION in
  13) suite=bullseye ;;
  15) suite=bookworm ;;
  17) suite=trixie ;;
  18) suite=forky ;;
  *) die "no Debian has PostgreSQL $VERSION; take 13, 15, 17 or 18" ;;
esac

unpack() { # FOLDER
  local root=$1/root loader program
  scripts/unpack-debian.sh "$suite" "$root" "postgresql-$VERSION"
  loader=$(find "$root/usr/lib" "$root/usr/lib64" -name 'ld-linux*.so.*' | head -n 1)
  # The programs start each other, so each of them has to find its own Debian's loader and libraries.
  for program in "$root/usr/lib/postgresql/$VERSION/bin"/*; do
    if [[ $(head -c 4 "$program") == $'\x7fELF' ]]; then
      patchelf --set-interpreter "$loader" --force-rpath --set-rpath "$(dirname "$(find "$root/usr/lib" -name libpq.so.5)")" "$program"
    fi
  done
  touch "$1/whole"
}

scripts/apt.sh patchelf
# Its user is another one, and may not be let into the folder of this project.
folder=${TMPDIR:-/tmp}/sales-order-postgres-$VERSION.$EUID
mkdir -p "$folder"
[[ -O $folder && ! -L $folder ]] || die "$folder belongs to somebody else"
chmod 755 "$folder"
umask 022
(
  flock 9
  [[ -e $folder/whole ]] || unpack "$folder"
) 9<"$folder"
POSTGRES_BINDIR=$folder/root/usr/lib/postgresql/$VERSION/bin exec scripts/with-postgres.sh "${@:2}"
