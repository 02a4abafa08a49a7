#!/bin/sh
# The last step of the demo: one table from the results of the others. Each is a file here, numbered and named.
cd "$ZAG_CONTEXT_DIR" || exit 1
echo 'folder               files   lines   marks   longest function'
awk '
  FILENAME ~ /lines/ { files[$1] = $2; lines[$1] = $3; all += $3 }
  FILENAME ~ /functions/ { longest[$1] = sprintf("%3d lines  %s", $2, $3) }
  FILENAME ~ /marks/ { marks[$1] = $2 }
  END {
    for (folder in files) {
      printf "%-20s %5d %7d %7d   %s\n", folder, files[folder], lines[folder], marks[folder], longest[folder] | "sort -k3,3nr"
    }
    close("sort -k3,3nr")
    printf "\n%d lines of TypeScript, tests not counted.\n", all
  }' ./*.txt
