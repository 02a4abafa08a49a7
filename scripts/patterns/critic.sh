#!/bin/sh
# Generator and critic: one writes, another gives a score, until it is high enough.
# Each draft is written with the one before it at hand; after five rounds it is given up.
# shellcheck disable=SC2016 # what is in single quotes is for the sessions
set -eu
tag=critic-$$
clean() {
  zag cancel -q --tag "$tag" --grace 1s
  zag gc -q --force --older-than 0 --tag "$tag"
}
trap 'clean >/dev/null 2>&1 || true' EXIT
trap 'exit 1' HUP INT TERM

draft=$(zag spawn -p sh --tag "$tag" --timeout 1m 'echo "once upon a time"')
for round in 1 2 3 4 5; do
  zag wait "$draft" >/dev/null
  score=$(zag exec -p sh --tag "$tag" --timeout 1m --context "$draft" '
    grep -c . "$ZAG_CONTEXT_DIR"/*
  ')
  # What a critic says is text: only a number is taken for a score.
  case $score in '' | *[!0-9]*) echo "no score: $score" >&2 && exit 1 ;; esac
  echo "round $round: $score of 3"
  [ "$score" -lt 3 ] || break
  draft=$(zag spawn -p sh --tag "$tag" --timeout 1m --context "$draft" '
    cat "$ZAG_CONTEXT_DIR"/*; echo "and then"
  ')
done
zag output "$draft"
[ "$score" -ge 3 ]
