#!/bin/sh
# Event-driven chain: whatever is written gets a review as soon as it is there.
# The watcher does not know how many there will be; one that fails gets no review.
# shellcheck disable=SC2016 # what is in single quotes is for the sessions
set -eu
tag=chain-$$
clean() {
  zag cancel -q --tag "$tag" --grace 1s
  zag gc -q --force --older-than 0 --tag "$tag"
}
trap 'clean >/dev/null 2>&1 || true' EXIT
trap 'exit 1' HUP INT TERM

for text in first second ''; do
  zag spawn -p sh --tag "$tag" --tag "$tag-draft" --env "TEXT=$text" \
    '[ "$TEXT" ] && sleep 0.2 && echo "the $TEXT draft"' >/dev/null
done
# The command gets its words as they are: no shell sees what an event says.
zag watch --tag "$tag-draft" --on session_ended --filter success=true \
  --until-done -- zag pipe -q -b -p sh --as-tag "$tag" \
  --as-tag "$tag-review" '{session_id}' -- \
  'sed "s/^/reviewed: /" "$ZAG_CONTEXT_DIR"/*' >/dev/null
zag wait --tag "$tag-review" >/dev/null

reviews=$(zag output --tag "$tag-review" | sort)
echo "$reviews"
[ "$reviews" = "reviewed: the first draft
reviewed: the second draft" ]
