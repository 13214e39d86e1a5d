#!/usr/bin/env bash
# Builds everything that is released, into the build directory's dist/: the binary in a .tar.gz, the Debian package, the container image, the
# list of what the binary is made of (CycloneDX), and the SHA-256 of each. The pages must be there already: `make dist` builds them.
#
#   scripts/dist.sh [BINARY]
#
# With BINARY nothing is compiled. The same commit, tools and packages give the same files, wherever they are built; IMAGE_PACKAGES names a
# folder that scripts/image-packages.sh made before, so that two builds take the same packages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

say() { printf 'dist: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

for tool in auditable deb cyclonedx; do
  command -v "cargo-$tool" >/dev/null || cargo install --locked "cargo-$tool"
done
command -v umoci >/dev/null || scripts/apt.sh umoci
mkdir -p "${CARGO_TARGET_DIR:-target}"
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd) cargo=${CARGO_HOME:-$HOME/.cargo}
dist=$target/dist
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

# Where it is built is not in what is built: not in messages of Rust, and not in those of C.
places=("$cargo=/cargo" "$PWD=/build" "$target=/build/target")
rust=("$(rustc --print sysroot)/lib/rustlib/src/rust=/rustc/$(rustc -vV | sed -n 's/^commit-hash: //p')")
flags=() c_flags=()
for place in "${places[@]}" "${rust[@]}"; do flags+=("--remap-path-prefix=$place"); done
for place in "${places[@]}"; do c_flags+=("-ffile-prefix-map=$place"); done
if (($# == 0)); then
  CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && echo "${flags[*]}") CFLAGS="${c_flags[*]}" CXXFLAGS="${c_flags[*]}" \
    cargo auditable build --locked --release
elif [[ ! $1 -ef $target/release/sales-order-api ]]; then
  # Where cargo-deb looks for it.
  install -D "$1" "$target/release/sales-order-api"
fi
binary=$target/release/sales-order-api

# What it asks of a system: this C library or a newer one, and nothing that Rust does not link anyway.
glibc=$(objdump -T "$binary" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
grep -qF "glibc ${glibc#GLIBC_} " docs/install.md || die "it needs ${glibc/_/ }, and docs/install.md says something else"
strangers=$(ldd "$binary" | grep -vE '^\s*(linux-vdso|libc|libm|libgcc_s|/lib[^ ]*/ld-linux)[-.]' || true)
[[ -z $strangers ]] || die "it links more than glibc and libgcc: $strangers"
for place in "${places[@]%=*}"; do
  (($# > 0)) || ! grep -qaF "$place/" "$binary" || die "the binary tells that it was built with $place"
done

version=$("$binary" --version | cut -d ' ' -f 2)
name=sales-order-api-$version-$(dpkg --print-architecture)
rm -rf "$dist"
mkdir -p "$dist"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/$name"
cp "$binary" README.md CHANGELOG.md config/default.toml config/production.example.toml "$work/$name"
chmod -R u=rwX,go=rX "$work"
tar --format=gnu --sort=name --mtime="@$SOURCE_DATE_EPOCH" --numeric-owner --owner=0 --group=0 -C "$work" -cf - "$name" |
  gzip -n -9 >"$dist/$name.tar.gz"

cargo deb --quiet --locked --no-build --output "$dist/"
[[ $(dpkg-deb --field "$dist"/*.deb Version) == "$version"-* ]] || die "the Debian package has another version than $version"

packages=${IMAGE_PACKAGES:-$target/image-packages}
# Anew, for the updates of the distribution.
[[ -n ${IMAGE_PACKAGES:-} ]] || scripts/image-packages.sh "$packages"
scripts/image.sh "$binary" "$packages" "$dist" >/dev/null

# It writes a file beside the manifest of each package of the workspace.
trap 'rm -rf "$work" ./*.cdx.json migrations/*.cdx.json' EXIT
cargo cyclonedx --quiet --quiet --format json --spec-version 1.5 --no-build-deps
sed "s|path+file://$PWD|path+file:///build|g" sales-order-api.cdx.json >"$dist/sales-order-api-$version.cdx.json"

(cd "$dist" && sha256sum -- * >"$work/SHA256SUMS" && mv "$work/SHA256SUMS" . && chmod 644 SHA256SUMS)
say "needs ${glibc/_/ }; in $dist:"
cat "$dist/SHA256SUMS"
