#!/bin/sh
# A step of the demo. A row a folder: folder, lines of its longest function, where that begins.
find bin lib scripts -name '*.ts' | sort | xargs node scripts/demo/functions.mjs
