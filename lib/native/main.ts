// The program behind the provider native: an agent of the Agent Client Protocol on stdin and stdout, which zag starts as it starts any
// other. Its one operand is a file with what it is to do; where its models are, and whose key opens them, is in the configuration.
//
// The key stays in this process and in those of child sessions: what its tools run does not get it. When stdin ends or a signal comes,
// everything it does is ended before it goes.

import { readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { inside, paths } from '../base/paths.js'
import { loadConfig, nativeIn } from '../config/config.js'
import { endpointOf, type Settings } from '../provider/native.js'
import { makeFolder } from '../store/file.js'
import { NativeAgent } from './agent.js'
import { endBackground } from './bash.js'
import { Model } from './model.js'
import { systemPrompt } from './words.js'

/** It goes at the latest so long after it was told to, in milliseconds. */
const PATIENCE = 4_000

async function main([file = '']: string[]): Promise<void> {
  // stdout is for messages of the protocol alone.
  Object.assign(console, { log: console.error, info: console.error, debug: console.error })
  Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false })
  const settings = JSON.parse(readFileSync(file, 'utf8')) as Settings
  const agent = await agentFor(settings)
  const end = async (then: () => void) => {
    setTimeout(then, PATIENCE).unref()
    await agent.stop()
    // The answer to the prompt is on its way, and says what the turn used.
    await new Promise(done => setImmediate(done))
    if (!settings.keepChildren) await endBackground()
    then()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    let told = false
    process.on(signal, () => {
      // A second one of the same kind changes nothing: it is on its way.
      if (told) return
      told = true
      end(() => {
        process.removeAllListeners(signal)
        process.kill(process.pid, signal)
      })
    })
  }
  const { ndJsonStream } = await import('@agentclientprotocol/sdk')
  await agent.serve(ndJsonStream(Writable.toWeb(process.stdout), Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>))
  await end(() => process.exit())
}

async function agentFor({ session, root, model = '', system, baseUrl, folders, maxTurns }: Settings): Promise<NativeAgent> {
  const config = nativeIn(await loadConfig())
  const endpoint = endpointOf(config, baseUrl)
  const { [endpoint.keyName]: key, ...env } = process.env
  const outputs = join(paths.inSession(session, 'agent'), 'output')
  makeFolder(outputs)
  const cwd = process.cwd()
  const real = [root, ...folders].map(folder => realpathSync(folder))
  const { name, group = root, process: mark = '' } = inside() ?? {}
  const workshop = { session, name, group, root, cwd, folders: real, outputs: realpathSync(outputs), env, baseUrl }
  const words = systemPrompt({ root, cwd, folders }, system)
  const run = Number(mark.split('.')[1] ?? 1)
  return new NativeAgent({ model: new Model(model, endpoint, key || undefined, words, config), workshop, config, maxTurns, run })
}

main(process.argv.slice(2)).catch(error => {
  process.stderr.write(`${error?.message}\n`)
  process.exitCode = error?.exit ?? 70
})
