// Questions at the terminal: what is there at the moment at which one is seen.

import { PassThrough } from 'node:stream'
import t from 'tap'
import { Talk } from '../../../lib/command/output.js'
import { GONE, Prompt } from '../../../lib/command/prompt.js'

t.test('who sees a question may stop this process at once, and is asked again on coming back', async t => {
  // A file, as a test has it, is no terminal.
  t.intercept(process, 'stdin', { value: Object.assign(new PassThrough(), { ref() {}, unref() {} }) })
  const seen: string[] = []
  const text = (words: string) => {
    seen.push(words)
    // As of a stop just then: the process has the signal when it goes on.
    if (seen.length === 1) process.emit('SIGCONT')
  }
  const prompt = new Prompt(Object.assign(new Talk('x'), { text }))
  const back = new AbortController()
  const answer = prompt.ask('well? ', back.signal)
  t.same(seen, ['well? ', 'well? '])
  back.abort()
  t.equal(await answer, GONE)
  t.equal(process.listenerCount('SIGCONT'), 0)
  prompt.close()
})
