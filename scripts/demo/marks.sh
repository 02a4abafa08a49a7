#!/bin/sh
# A step of the demo. A row a folder in which something is marked as left to do: folder, marks.
# The brackets keep this file from finding itself.
grep -rcE 'TO[D]O|FIX[M]E|XX[X]' --include='*.ts' bin lib scripts | awk -F: '
  { folder = $1; sub("/[^/]*$", "", folder); marks[folder] += $2; all += $2 }
  END { for (folder in marks) if (marks[folder]) print folder, marks[folder]; if (!all) print "(nothing is marked)" }' | sort
