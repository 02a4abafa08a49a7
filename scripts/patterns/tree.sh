#!/bin/sh
# Tree: sessions start sessions, and --parent goes from each to those that it started.
# So the whole tree can be waited for; zag ps --tree draws it too, and zag cancel of its top ends all of it.
# shellcheck disable=SC2016 # what is in single quotes is for the sessions
set -eu
tag=tree-$$
clean() {
  zag cancel -q --tag "$tag" --grace 1s
  zag gc -q --force --older-than 0 --tag "$tag"
}
trap 'clean >/dev/null 2>&1 || true' EXIT
trap 'exit 1' HUP INT TERM

# Each starts two below itself, until it is deep enough.
TREE='
  [ "$DEPTH" -gt 0 ] || exit 0
  for side in left right; do
    zag spawn --tag "$TAG" --name "$side" --env "DEPTH=$((DEPTH - 1))" \
      --env "TAG=$TAG" --env "TREE=$TREE" "$TREE"
  done | zag wait -
'
zag exec -p sh --tag "$tag" --name "$tag" --timeout 1m \
  --env "TAG=$tag" --env "TREE=$TREE" --env DEPTH=2 "$TREE" >/dev/null

# draw <id> <indent>: a session and all below it.
draw() {
  echo "$2$(zag ps show "$1" | sed -n 's/^name=//p')"
  for child in $(zag ps --all -q --parent "$1"); do
    draw "$child" "$2  "
  done
}
drawing=$(draw "$(zag ps --all -q --name "$tag")" '')
echo "$drawing"
[ "$(echo "$drawing" | wc -l)" -eq 7 ]
[ "$(zag status --tag "$tag" | grep -c completed)" -eq 7 ]
