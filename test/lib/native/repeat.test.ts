import t from 'tap'
import { goesRound } from '../../../lib/native/repeat.js'

t.test('the same five times, or the same few in turns', async t => {
  for (const [steps, round] of [
    ['', false],
    ['aaaa', false],
    ['aaaaa', true],
    ['xyaaaaa', true],
    ['aaaaab', false],
    ['abababab', false],
    ['ababababab', true],
    ['abcabcabcabcabc', true],
    ['abcabcabcabcabd', false],
    ['abacadaeaf', false],
    ['abcdabcdabcdabcdabcd', false],
  ] as const)
    t.equal(goesRound([...steps]), round, steps)
})
