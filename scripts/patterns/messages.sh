#!/bin/sh
# Messages: one agent lives on and is asked by others while they work.
# Each gets its own answer; whoever sent a message stands in the log of who got it.
# shellcheck disable=SC2016 # what is in single quotes is for the sessions
set -eu
tag=messages-$$
clean() {
  zag cancel -q --tag "$tag" --grace 1s
  zag gc -q --force --older-than 0 --tag "$tag"
}
trap 'clean >/dev/null 2>&1 || true' EXIT
trap 'exit 1' HUP INT TERM

oracle=$(zag spawn -p sh -I --tag "$tag" --env 'SECRET=forty-two')
# For sh a message is a script, so it is sent --raw: without that it says who
# sends it and how to reply, which is what an agent that reads wants to know.
asker=$(zag spawn -p sh --tag "$tag" --timeout 1m --env "TO=$oracle" '
  answer=$(zag input --raw --timeout 1m --session "$TO" "echo \"\$SECRET\"")
  zag input --raw -b --session "$TO" "echo you are welcome"
  echo "I was told: $answer"
')
zag wait "$asker" >/dev/null
zag output "$asker"
# It ends when it has done what was sent before.
zag input -b --end --session "$oracle" >/dev/null
zag wait "$oracle" >/dev/null

[ "$(zag output "$asker")" = 'I was told: forty-two' ]
[ "$(zag events "$oracle" --type user_message | grep -c "$asker")" = 2 ]
zag events "$oracle" --type assistant_message | grep -q 'you are welcome'
