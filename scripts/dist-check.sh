#!/usr/bin/env bash
# Builds the committed state's release twice, in two clones at different paths and at the same time, and fails where their files differ.
#
#   scripts/dist-check.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mkdir -p "${CARGO_TARGET_DIR:-target}"
folder=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)/dist-check
rm -rf "$folder"
unset CARGO_TARGET_DIR SOURCE_DATE_EPOCH
scripts/image-packages.sh "$folder/packages"
builds=()
for clone in "$folder"/one "$folder"/another/deeper; do
  git clone --quiet --no-hardlinks . "$clone"
  IMAGE_PACKAGES=$folder/packages make --no-print-directory -C "$clone" dist &
  builds+=($!)
done
failed=0
# For both, also where one failed: the other would go on by itself.
for build in "${builds[@]}"; do wait "$build" || failed=1; done
((failed == 0))
diff "$folder"/{one,another/deeper}/target/dist/SHA256SUMS && echo 'both builds gave the same files'
