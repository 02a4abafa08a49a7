#!/bin/sh
# Counts, measures and searches this repository, all at once, and merges what came of it into one report.
# Run it with `npm run demo`. It uses the programs in dist/bin, or those of an installed zag: sh scripts/demo.sh /usr/local/bin.
# It has a home of its own, and leaves nothing behind.
set -eu
cd "$(dirname "$0")/.."
bin=${1:-$PWD/dist/bin}

missing=
for tool in awk dirname find grep mktemp node sort wc xargs; do
  command -v "$tool" >/dev/null || missing="$missing $tool"
done
[ -x "$bin/zag" ] || missing="$missing $bin/zag (dist/bin is made by npm ci)"
if [ "$missing" ]; then
  echo "demo: cannot run without:$missing" >&2
  exit 127
fi

PATH="$bin:$PATH"
ZAG_HOME=$(mktemp -d)
export PATH ZAG_HOME

leave() {
  zag cancel --all --grace 1s >"$ZAG_HOME/cancelled" 2>&1 || true # exit 3 if there is no session yet
  rm -rf "$ZAG_HOME"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Three steps in the background. Each prompt is a shell script; with -p claude it would be a request in words.
for step in lines functions marks; do
  zag spawn -p sh --tag demo --name "$step" --file-prompt "scripts/demo/$step.sh"
done

# Wait for all of them, look at what each came to, and hand the three results to a fourth step.
zag wait --tag demo --timeout 2m
zag collect --tag demo && echo
zag pipe -p sh --tag demo --name report --file-prompt scripts/demo/report.sh
