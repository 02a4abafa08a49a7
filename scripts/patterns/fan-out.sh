#!/bin/sh
# Fan-out and gather: one session for each part, all at once; then one that merges.
# A part that fails is told of in its place, and the others count all the same.
# shellcheck disable=SC2016 # what is in single quotes is for the sessions
set -eu
tag=fan-out-$$
clean() {
  zag cancel -q --tag "$tag" --grace 1s
  zag gc -q --force --older-than 0 --tag "$tag"
}
trap 'clean >/dev/null 2>&1 || true' EXIT
trap 'exit 1' HUP INT TERM

for part in api docs web broken; do
  # What the script gets to know comes in a variable: it is never part of it.
  zag spawn -p sh --tag "$tag" --name "$tag-$part" --env "PART=$part" '
    [ "$PART" != broken ] && echo "$PART: 3 remarks"
  ' >/dev/null
done

zag wait --tag "$tag" --timeout 1m >/dev/null || echo 'not all completed'
merged=$(zag pipe -p sh --tag "$tag" --state completed --as-tag "$tag" -- '
  sort "$ZAG_CONTEXT_DIR"/*.txt
')
echo "$merged"
[ "$merged" = "api: 3 remarks
docs: 3 remarks
web: 3 remarks" ]
[ "$(zag status "$tag-broken")" = failed ]
