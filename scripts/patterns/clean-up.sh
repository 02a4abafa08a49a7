#!/bin/sh
# Clean-up from cron: what is over goes, what is at work stays. A line for crontab:
#   30 4 * * * /usr/local/bin/zag gc --quiet --force --older-than 7d
set -eu
tag=clean-up-$$
clean() {
  zag cancel -q --tag "$tag" --grace 1s
  zag gc -q --force --older-than 0 --tag "$tag"
}
trap 'clean >/dev/null 2>&1 || true' EXIT
trap 'exit 1' HUP INT TERM

old=$(zag spawn -p sh --tag "$tag" 'echo over')
work=$(zag spawn -p sh --tag "$tag" 'sleep 1000')
zag wait "$old" >/dev/null

# Without --force it only says what it would do.
zag gc --tag "$tag" --older-than 0
zag output "$old" >/dev/null
zag gc --tag "$tag" --older-than 0 --force --quiet >/dev/null

echo "at work: $(zag status "$work")"
[ "$(zag ps --all -q --tag "$tag")" = "$work" ]
if zag status "$old" 2>/dev/null; then exit 1; fi
