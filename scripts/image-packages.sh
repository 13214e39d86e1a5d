#!/usr/bin/env bash
# Downloads the packages of this system's Debian or Ubuntu whose files scripts/image.sh takes. It installs nothing and needs no root.
#
#   scripts/image-packages.sh FOLDER
#
# FOLDER is written anew, and is there only once it is whole.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() { printf 'image-packages: %s\n' "$*" >&2; exit 1; }

(($# == 1)) || { echo "usage: $0 FOLDER" >&2; exit 2; }
command -v apt-get >/dev/null || die "this system has no apt-get"

# What a Rust binary links, the name of the system for scanners, and what the Debian package of the service asks for besides.
packages=(base-files libc6 libgcc-s1)
mapfile -t -O 3 packages < <(sed -n 's/^depends = "$auto, \(.*\)"$/\1/p' Cargo.toml | sed 's/, /\n/g')
((${#packages[@]} > 3)) || die "Cargo.toml names no package"

mkdir -p "$1"
folder=$(cd "$1" && pwd) new=$folder.new
rm -rf "$new" "$folder"
trap 'rm -rf "$new"' EXIT
mkdir -p "$new"/{debs,state/lists/partial,cache/archives/partial}
# Package lists of its own: the system's may be old or gone, and stay as they are.
apt=(apt-get -q -o Dir::State="$new/state" -o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache="$new/cache" -o APT::Sandbox::User=)
{ "${apt[@]}" update && (cd "$new/debs" && "${apt[@]}" download "${packages[@]}"); } >&2 ||
  die "apt-get could not download ${packages[*]}; its reason stands above"
mv "$new/debs" "$folder"
