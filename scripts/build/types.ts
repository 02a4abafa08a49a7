// The types of the library, for whoever builds on it: dist/types, one file for each module that they need. npm run build leaves them
// out, because only a package has a use for them.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
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
