#!/usr/bin/env bash
# Unpacks packages of another Debian than this one, with everything they depend on. It installs nothing and needs no root.
#
#   scripts/unpack-debian.sh SUITE FOLDER PACKAGE…
#
# SUITE is such as trixie. FOLDER is written anew, and is there only once it is whole. Programs in it run with its own loader and
# libraries: `ld-linux*.so.*` below FOLDER.
set -euo pipefail

die() { printf 'unpack-debian: %s\n' "$*" >&2; exit 1; }

(($# >= 3)) || { echo "usage: $0 SUITE FOLDER PACKAGE…" >&2; exit 2; }
readonly SUITE=$1 KEYS=/usr/share/keyrings/debian-archive-keyring.gpg
[[ -e $KEYS ]] || die "this system has no keys of Debian ($KEYS)"

mkdir -p "$(dirname "$2")"
folder=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
new=$folder.new
rm -rf "$new" "$folder"
trap 'rm -rf "$new"' EXIT
mkdir -p "$new"/{root,state/lists/partial,cache/archives/partial}
# Lists of its own, as of a system with nothing installed: the system's stay as they are.
: >"$new/status"
echo "deb [signed-by=$KEYS] http://deb.debian.org/debian $SUITE main" >"$new/sources.list"
apt=(apt-get -qy --no-install-recommends --download-only -o Dir::Etc::sourcelist="$new/sources.list"
  -o Dir::Etc::sourceparts=/dev/null -o Dir::State="$new/state" -o Dir::State::status="$new/status"
  -o Dir::Cache="$new/cache" -o APT::Sandbox::User= -o Debug::NoLocking=1)
{ "${apt[@]}" update && "${apt[@]}" install "${@:3}"; } >&2 || die "apt-get could not download ${*:3}; its reason stands above"
# Where /lib is a link to /usr/lib, packages may have files in either.
mkdir -p "$new"/root/usr/{lib,lib64}
ln -s usr/lib "$new/root/lib"
ln -s usr/lib64 "$new/root/lib64"
for deb in "$new"/cache/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$new/root" --keep-directory-symlink --no-same-owner --exclude='./dev/*'
done
mv "$new/root" "$folder"
