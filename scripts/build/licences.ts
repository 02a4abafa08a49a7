// The licences of the packages that the chunks contain: they must go where the code goes.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** All licences as one text, from the paths of the files that were bundled. Throws for a package that has none. */
export function licences(inputs: Iterable<string>): string {
  const folders = new Set<string>()
  for (const input of inputs) {
    const folder = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input.replace(/^.*:/, ''))?.[1]
    if (folder) folders.add(folder)
  }
  return [...folders].sort().map(licence).join('\n')
}

function licence(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const file = readdirSync(folder).find(each => /^(licen[cs]e|copying)/i.test(each))
  if (!file && !license) throw new Error(`${name} has no licence`)
  return `${'-'.repeat(78)}\n${name} ${version}: ${license}\n\n${file ? readFileSync(join(folder, file), 'utf8').trim() : ''}\n`
}
