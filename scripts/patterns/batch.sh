#!/bin/sh
# Batch from a Makefile: as many sessions as there are parts, two at a time (batch.mk).
# make knows what is done already, zag what failed; a later make asks for new parts.
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

echo 'a "late" one' >>parts.txt
make -s -f "$makefile" TAG="$tag" summary.txt >/dev/null
tail -n 1 summary.txt
[ "$(tail -n 1 summary.txt)" = 'read a "late" one' ]
[ "$(wc -l <summary.txt)" -eq 6 ]
[ "$(zag ps --all -q --tag "$tag" | wc -l)" -eq 6 ]
