// Writes the generated parts of man/ from what the programs in bin/ say of themselves: npm run man.
//
// With --check nothing is written: it names the pages that are not as they would be written, and exits 1. A program without
// a page gets a first one, to be completed by hand.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Data } from '../lib/command/data.js'
import { refreshed, skeleton } from './man/page.js'

const TOP = process.cwd()

/** What every program says of itself, by name. */
async function programs(): Promise<Data[]> {
  const names = readdirSync(join(TOP, 'bin'))
    .filter(file => file.endsWith('.ts'))
    .map(file => basename(file, '.ts'))
    .sort()
  return Promise.all(names.map(async name => (await import(`../bin/${name}.ts`)).default.data as Data))
}

/** A page as it is and as it should be; `is` is missing for a page to be made, `shouldBe` for one without a program. */
interface Page {
  file: string
  is?: string
  shouldBe?: string
}

function pages(all: readonly Data[]): Page[] {
  const files = readdirSync(join(TOP, 'man'))
  const made = all.map(data => {
    const file = `${data.name}.1`
    const is = files.includes(file) ? readFileSync(join(TOP, 'man', file), 'utf8') : undefined
    return { file, is, shouldBe: is === undefined ? skeleton(data, all, new Date()) : renewed(file, is, data, all) }
  })
  const [zag] = all.filter(({ name }) => name === 'zag')
  const others = files.filter(file => !file.endsWith('.1')).map(file => ({ file, is: readFileSync(join(TOP, 'man', file), 'utf8') }))
  const shown = others.map(({ file, is }) => ({ file, is, shouldBe: renewed(file, is, zag as Data, all) }))
  const orphans = files.filter(file => file.endsWith('.1') && !made.some(page => page.file === file))
  return [...made, ...shown, ...orphans.map(file => ({ file, is: '' }))]
}

function renewed(file: string, is: string, data: Data, all: readonly Data[]): string {
  try {
    return refreshed(is, data, all)
  } catch (error) {
    throw new Error(`man/${file}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}

/** What is wrong with a page as it lies there; nothing if it is right. */
function fault({ file, is, shouldBe }: Page): string | undefined {
  if (shouldBe === undefined) return `man/${file}: there is no bin/${basename(file, '.1')}.ts`
  if (is === undefined) return `man/${file}: missing: npm run man`
  return is === shouldBe ? undefined : `man/${file}: stale: npm run man`
}

async function main(words: readonly string[]): Promise<void> {
  const check = words[0] === '--check'
  if (words.length > 1 || (words[0] !== undefined && !check)) throw new Error('usage: man.ts [--check]')
  for (const page of pages(await programs())) {
    const wrong = fault(page)
    if (!check && page.shouldBe !== undefined) {
      if (wrong) writeFileSync(join(TOP, 'man', page.file), page.shouldBe)
    } else if (wrong) {
      console.error(wrong)
      if (check) process.exitCode = 1
    }
  }
}

await main(process.argv.slice(2))
