#!/bin/sh
# Sequence: each step starts when the one before it is completed, and gets its result.
# A step that fails stops the rest, all the way down; nobody has to stay and watch.
# shellcheck disable=SC2016 # what is in single quotes is for the sessions
set -eu
tag=sequence-$$
clean() {
  zag cancel -q --tag "$tag" --grace 1s
  zag gc -q --force --older-than 0 --tag "$tag"
}
trap 'clean >/dev/null 2>&1 || true' EXIT
trap 'exit 1' HUP INT TERM

# step <after> <script>: prints the id of the new session.
step() {
  zag spawn -p sh --tag "$tag" --depends-on "$1" --inject-context "$2"
}

plan=$(zag spawn -p sh --tag "$tag" 'echo "a fence, red"')
build=$(step "$plan" 'echo "built: $(cat "$ZAG_CONTEXT_DIR"/*)"')
check=$(step "$build" 'cat "$ZAG_CONTEXT_DIR"/*; echo "checked"')
broken=$(step "$plan" 'exit 1')
never=$(step "$broken" 'echo "this is not reached"')

zag wait "$check" >/dev/null
zag output "$check"
[ "$(zag output "$check")" = "built: a fence, red
checked" ]
zag wait "$never" >/dev/null || echo "the rest: $(zag status "$never")"
[ "$(zag status "$never")" = failed ]
