#!/bin/sh
# A step of the demo. A row a folder: folder, files, lines.
find bin lib scripts -name '*.ts' | sort | while read -r file; do
  echo "$(dirname "$file") $(wc -l <"$file")"
done | awk '{ files[$1]++; lines[$1] += $2 } END { for (folder in files) print folder, files[folder], lines[folder] }' | sort
