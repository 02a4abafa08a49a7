import { chmodSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import t from 'tap'
import { findProgram, programAt } from '../../../lib/process/program.js'

t.test('a program is found as the system would find it', async t => {
  const dir = t.testdir({ first: { both: '', denied: '', shadow: {} }, second: { both: '', shadow: '', only: '', denied: '' } })
  const at = (path: string) => join(dir, path)
  for (const path of ['first/both', 'second/both', 'second/shadow', 'second/only']) chmodSync(at(path), 0o755)
  symlinkSync('only', at('second/link'))
  symlinkSync('nothing', at('second/broken'))
  const path = ['first', 'none', 'first/both', 'second'].map(at).join(':')
  t.same(findProgram('both', path), { path: at('first/both') }, 'the first wins')
  t.same(findProgram('only', path), { path: at('second/only') }, 'folders that are none are passed over')
  t.same(findProgram('shadow', path), { path: at('second/shadow') }, 'a folder is no program')
  t.same(findProgram('link', path), { path: at('second/link') })
  t.same(findProgram('broken', path), {})
  t.same(findProgram('denied', path), { denied: true })
  t.same(findProgram('missing', path), {})
  t.same(findProgram('', path), {})
  t.same(findProgram('bo\0th', path), {})
  t.same(findProgram(at('second/only'), ''), { path: at('second/only') }, 'a path needs no PATH')
  t.same(findProgram('second/only', '', dir), { path: at('second/only') })
  t.same(findProgram(relative(process.cwd(), at('second/only')), ''), { path: at('second/only') })
  t.same(findProgram('only', '', at('second')), { path: at('second/only') }, 'an empty PATH is the folder itself')
  t.same(findProgram('only', 'second', dir), { path: at('second/only') })
  t.match(findProgram('sh', undefined), { path: /\/sh$/ })
})

t.test('or the way out is named', async t => {
  const dir = t.testdir({ denied: '' })
  t.match(programAt('sh', process.env.PATH), /\/sh$/)
  t.throws(() => programAt('denied', dir), { exit: 126, message: "'denied' may not be executed: make it executable" })
  t.throws(() => programAt('missing', dir), { exit: 127, message: "'missing' was not found on PATH" })
})
