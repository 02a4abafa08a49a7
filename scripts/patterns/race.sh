#!/bin/sh
# Race: several try the same, the first that succeeds wins, the others are cancelled.
# One that fails at once must not win, so it is the first success that is waited for.
# shellcheck disable=SC2016 # what is in single quotes is for the sessions
set -eu
tag=race-$$
clean() {
  zag cancel -q --tag "$tag" --grace 1s
  zag gc -q --force --older-than 0 --tag "$tag"
}
trap 'clean >/dev/null 2>&1 || true' EXIT
trap 'exit 1' HUP INT TERM

ids=$(
  zag spawn -p sh --tag "$tag" 'exit 1'
  zag spawn -p sh --tag "$tag" 'sleep 0.2; echo "the answer"'
  zag spawn -p sh --tag "$tag" --name "$tag-slow" 'sleep 1000; echo "late"'
)
# It ends with 1 when all are over and none of them has won.
winner=$(printf '%s\n' "$ids" |
  zag watch - --on session_ended --filter success=true --once -- \
    echo '{session_id}')
echo "the winner says: $(zag output "$winner")"
zag cancel --tag "$tag" --grace 1s >/dev/null
echo "the slow one is $(zag status "$tag-slow")"

[ "$(zag output "$winner")" = 'the answer' ]
[ "$(zag status "$tag-slow")" = cancelled ]
[ -z "$(zag ps -q --tag "$tag" --state queued,running,idle,limited)" ]
