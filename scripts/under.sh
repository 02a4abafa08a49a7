#!/bin/sh
# Runs a command under another Node, from its npm package: sh scripts/under.sh 24 npx tap test/bin/zag-ps.test.ts
# The package lies in .tap, where also other users can start it, as some tests have to.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 1 ] || {
  echo 'under: which major version of Node, and what to run? sh scripts/under.sh 24 npx tap' >&2
  exit 2
}
version=$1
shift

package=$(node -p "'node-' + process.platform + '-' + process.arch")
folder=$PWD/.tap/node-$version
[ -x "$folder/node_modules/$package/bin/node" ] ||
  npm install --silent --prefix "$folder" --no-save --no-package-lock "$package@$version"
PATH=$folder/node_modules/$package/bin:$PATH
export PATH
exec "$@"
