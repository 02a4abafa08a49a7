// When a model gets nowhere: it does the same again and again with the same result, or asks for what cannot be.

/** So often the same, one after the other, is too often. */
export const REPEATS = 5
/** What is done in turns counts as the same up to so many steps. */
const LONGEST_CYCLE = 3

/** Whether the last steps are the same few again and again. Each is a text that says what was done and what came of it. */
export function goesRound(steps: readonly string[]): boolean {
  for (let cycle = 1; cycle <= LONGEST_CYCLE; cycle++) if (isCycle(steps.slice(-REPEATS * cycle), cycle)) return true
  return false
}

function isCycle(steps: readonly string[], cycle: number): boolean {
  return steps.length === REPEATS * cycle && steps.every((step, at) => step === steps[at % cycle])
}
