#!/bin/sh
# Batch from a Makefile: as many sessions as there are parts, two at a time (batch.mk).
# make knows what is done already, zag what failed; the second make does nothing.
set -eu
tag=batch-$$
dir=$(mktemp -d)
clean() {
  rm -rf "$dir"
  zag cancel -q --tag "$tag" --grace 1s
  zag gc -q --force --older-than 0 --tag "$tag"
}
trap 'clean >/dev/null 2>&1 || true' EXIT
trap 'exit 1' HUP INT TERM

makefile=$(cd "$(dirname "$0")" && pwd)/batch.mk
cd "$dir"
printf '%s\n' api docs tests tools web >parts.txt
make -s -f "$makefile" TAG="$tag" summary.txt >/dev/null
cat summary.txt
[ "$(cat summary.txt)" = "read api
read docs
read tests
read tools
read web" ]
make -q -f "$makefile" TAG="$tag" summary.txt
[ "$(zag ps --all -q --tag "$tag" | wc -l)" -eq 5 ]
