// Builds a program for the tests of the edge: its data and `run` are the text given, its bundle is like those of bin/.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run, TOP } from '../../help/run.js'

/** Bundles `data`, the second argument of command(), as dist/bin/zag-probe in `home`; returns its path. */
export async function buildProbe(home: string, data: string): Promise<string> {
  const from = (module: string) => JSON.stringify(join(TOP, 'lib', module))
  writeFileSync(join(home, 'package.json'), '{"type":"module","version":"9.8.7","bin":{"zag-probe":"dist/bin/zag-probe"}}')
  writeFileSync(
    join(home, 'bin/zag-probe.ts'),
    `#!/usr/bin/env node
import { command } from ${from('command/command.js')}
import { pickFlags } from ${from('command/flags.js')}
import { Fault } from ${from('base/exit.js')}
void [pickFlags, Fault]
export default command(import.meta, ${data})
`,
  )
  const built = await run(process.execPath, [join(TOP, 'scripts/run.mjs'), join(TOP, 'scripts/build/build.ts')], { home })
  if (built.code !== 0) throw new Error(built.stderr)
  return join(home, 'dist/bin/zag-probe')
}
