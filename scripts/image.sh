#!/usr/bin/env bash
# Builds the container image of a binary, without a daemon, and prints its path: an OCI layout in a tar.
#
#   scripts/image.sh BINARY PACKAGES FOLDER
#
# PACKAGES is what scripts/image-packages.sh made; the image comes into FOLDER. The same binary, packages and SOURCE_DATE_EPOCH (by default
# the time of the commit) give the same image, byte for byte.
set -euo pipefail
from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

die() { printf 'image: %s\n' "$*" >&2; exit 1; }
absolute() { [[ $1 == /* ]] && echo "$1" || echo "$from/$1"; }

(($# == 3)) || { echo "usage: $0 BINARY PACKAGES FOLDER" >&2; exit 2; }
binary=$(absolute "$1") packages=$(absolute "$2") folder=$(absolute "$3")
command -v umoci >/dev/null || die "umoci is missing; 'apt-get install umoci' brings it"

# The commit is unknown where this is no clone.
revision=$(git rev-parse HEAD 2>/dev/null || true)
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || true)}
[[ -n $epoch ]] || die "this is no clone of the repository: set SOURCE_DATE_EPOCH"
created=$(date --utc --date="@$epoch" +%Y-%m-%dT%H:%M:%SZ)
version=$("$binary" --version | cut -d ' ' -f 2)
architecture=$(dpkg --print-architecture)
of_manifest() { sed -n "s/^$1 = \"\(.*\)\"$/\1/p" Cargo.toml | head -n 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
debs=$work/debs root=$work/root layout=$work/layout
mkdir -p "$debs" "$root"/{data,etc/ssl/certs,usr/bin,var/lib/dpkg/status.d}

install -m 755 "$binary" "$root/usr/bin/sales-order-api"
for package in "$packages"/*.deb; do
  dpkg-deb --extract "$package" "$debs"
  # Where scanners look for packages in an image that has no dpkg.
  dpkg-deb --field "$package" >"$root/var/lib/dpkg/status.d/$(dpkg-deb --field "$package" Package)"
done

# The libraries that the binary links, and its loader, where it looks for them.
mapfile -t libraries < <(ldd "$binary" | grep -o '/[^ ]*')
for library in "${libraries[@]}"; do
  [[ -e $debs$library ]] || die "$binary links $library, which is in none of the packages"
done
(
  cd "$debs"
  cp --parents --dereference "${libraries[@]#/}" "$root"
  cp --parents --recursive --no-dereference etc/os-release usr/lib/os-release usr/share/zoneinfo usr/share/common-licenses "$root"
  cp --parents --dereference usr/share/doc/*/copyright "$root"
)
cat "$debs"/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
printf '%s\n' 'root:x:0:0:root:/root:/sbin/nologin' 'sales-order-api:x:65532:65532::/data:/sbin/nologin' >"$root/etc/passwd"
printf '%s\n' 'root:x:0:' 'sales-order-api:x:65532:' >"$root/etc/group"

# Nobody's umask, clock, name or order of a folder gets in.
chmod -R u=rwX,go=rX "$root"
same=(--format=gnu --sort=name --mtime="@$epoch" --numeric-owner)
tar "${same[@]}" --owner=0 --group=0 --exclude=./data -C "$root" -cf "$work/layer.tar" .
tar "${same[@]}" --owner=65532 --group=65532 --mode=700 -C "$root" -rf "$work/layer.tar" ./data

umoci init --layout "$layout"
umoci new --image "$layout:$version"
umoci raw add-layer --image "$layout:$version" --history.created "$created" --history.created_by scripts/image.sh "$work/layer.tar"
described=(
  org.opencontainers.image.title=sales-order-api
  org.opencontainers.image.description="$(of_manifest description)"
  org.opencontainers.image.version="$version"
  org.opencontainers.image.revision="$revision"
  org.opencontainers.image.created="$created"
  org.opencontainers.image.licenses="$(of_manifest license)"
)
told=()
for label in "${described[@]}"; do told+=(--config.label "$label" --manifest.annotation "$label"); done
# The folder of the data is the default one, `data/`, from here. SQLite needs a place for temporary files, and there is no /tmp.
umoci config --image "$layout:$version" --no-history --created "$created" --os linux --architecture "$architecture" "${told[@]}" \
  --config.user 65532:65532 --config.workingdir / --config.volume /data --config.exposedports 8080/tcp --config.stopsignal SIGTERM \
  --config.env PATH=/usr/bin --config.env SALES_ORDER_HTTP__LISTEN=0.0.0.0:8080 --config.env SALES_ORDER_LOG__FORMAT=json \
  --config.env SQLITE_TMPDIR=/data \
  --config.entrypoint /usr/bin/sales-order-api --config.cmd serve
umoci gc --layout "$layout"

mkdir -p "$folder"
image=$folder/sales-order-api-$version-$architecture.oci.tar
chmod -R u=rwX,go=rX "$layout"
tar "${same[@]}" --owner=0 --group=0 -C "$layout" -cf "$image" blobs index.json oci-layout
printf '%s\n' "$image"
