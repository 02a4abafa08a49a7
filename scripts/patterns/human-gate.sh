#!/bin/sh
# Human gate: what comes after it is queued until a person says yes, for days if need be.
# The gate is a session that lives on; its end opens it, and cancelling it is a no.
# shellcheck disable=SC2016 # what is in single quotes is for the sessions
set -eu
tag=human-gate-$$
clean() {
  zag cancel -q --tag "$tag" --grace 1s
  zag gc -q --force --older-than 0 --tag "$tag"
}
trap 'clean >/dev/null 2>&1 || true' EXIT
trap 'exit 1' HUP INT TERM

# gate <name>: a session that does nothing but wait for messages.
gate() {
  zag spawn -p sh -I --tag "$tag" --name "$tag-$1" --description 'may it?'
}
after() {
  zag spawn -p sh --tag "$tag" --depends-on "$1" --inject-context \
    'cat "$ZAG_CONTEXT_DIR"/*; echo "it is out"'
}
gate=$(gate release)
release=$(after "$gate")
other=$(gate other)
never=$(after "$other")
echo "before: $(zag status "$release")"
[ "$(zag status "$release")" = queued ]

# In another terminal, later: a person looks, and answers in one way or other.
zag input --session "$tag-release" --end 'echo "yes, says Ann"' >/dev/null
zag cancel "$tag-other" --reason 'not on a Friday' >/dev/null

zag wait "$release" >/dev/null
zag output "$release"
[ "$(zag output "$release" | tail -n 1)" = 'it is out' ]
zag wait "$never" >/dev/null || echo "the other: $(zag status "$never")"
[ "$(zag status "$never")" = failed ]
