#!/bin/sh
# Coordinator: a session that decides by itself what to start, and gathers it.
# What it starts are its children; its own result is what it hands in with kill self.
# shellcheck disable=SC2016 # what is in single quotes is for the sessions
set -eu
tag=coordinator-$$
clean() {
  zag cancel -q --tag "$tag" --grace 1s
  zag gc -q --force --older-than 0 --tag "$tag"
}
trap 'clean >/dev/null 2>&1 || true' EXIT
trap 'exit 1' HUP INT TERM

report=$(zag exec -p sh --tag "$tag" --name "$tag" --env "TAG=$tag" '
  # A child has the provider of its parent, unless it is told otherwise.
  for part in north south; do
    zag spawn --tag "$TAG" --env "PART=$part" "echo the \$PART is quiet"
  done >/dev/null
  me=$ZAG_SESSION_ID
  zag wait --parent "$me" >/dev/null || zag log --level warn "one failed"
  zag ps kill self "$(zag output --parent "$me" | sort)"
  echo "this is not reached"
')
echo "$report"
[ "$report" = "the north is quiet
the south is quiet" ]
[ "$(zag status --parent "$tag" | grep -c completed)" = 2 ]
