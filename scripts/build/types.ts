// The types of the library, for whoever builds on it: dist/types, one file for each module that they need. npm run build leaves them
// out, because only a package has a use for them.

import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'

const TOP = process.cwd()
const OUT = join(TOP, 'dist/types')

const { config } = ts.readConfigFile(join(TOP, 'tsconfig.json'), ts.sys.readFile)
const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, TOP)
const program = ts.createProgram([join(TOP, 'lib/library/zag.ts')], {
  ...options,
  noEmit: false,
  declaration: true,
  emitDeclarationOnly: true,
  rootDir: TOP,
  outDir: OUT,
})
rmSync(OUT, { recursive: true, force: true })
const { diagnostics } = program.emit()
for (const { messageText } of diagnostics) console.error(`types: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`)
if (diagnostics.length > 0) process.exitCode = 1

removeUnnamed(join(OUT, 'lib/library/zag.d.ts'))

/** Removes the types of modules that those of the library do not lead to: the compiler writes them for all that it looked at. */
function removeUnnamed(entry: string): void {
  const named = new Set([entry])
  for (const path of named) {
    const { importedFiles } = ts.preProcessFile(readFileSync(path, 'utf8'))
    const own = importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
    for (const { fileName } of own) named.add(join(dirname(path), fileName.replace(/\.js$/, '.d.ts')))
  }
  const written = readdirSync(OUT, { recursive: true, withFileTypes: true }).filter(file => file.isFile())
  for (const { parentPath, name } of written) if (!named.has(join(parentPath, name))) rmSync(join(parentPath, name))
}
