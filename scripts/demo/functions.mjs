// For functions.sh: the longest function of each folder, as the TypeScript parser sees it. Files are the arguments.

import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import ts from 'typescript'

const longest = new Map()

for (const path of process.argv.slice(2)) {
  const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true)
  const lineAt = position => file.getLineAndCharacterOfPosition(position).line + 1
  const visit = node => {
    if (ts.isFunctionLike(node) && node.name && node.body) note(path, lineAt(node.getStart()), lineAt(node.end))
    ts.forEachChild(node, visit)
  }
  visit(file)
}

function note(path, first, last) {
  const before = longest.get(dirname(path))
  if (!before || last - first + 1 > before.lines) longest.set(dirname(path), { lines: last - first + 1, where: `${path}:${first}` })
}

for (const [folder, { lines, where }] of longest) console.log(folder, lines, where)
