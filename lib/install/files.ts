// The check of files of projects: that no change of several was cut short and is still half done.

import { quoted } from '../base/exit.js'
import { allCutShort, undoAll } from '../file/undo.js'
import { count, type Found, fine, REPAIR, someOf, wrong } from './finding.js'

export function lookAtFiles(): Found[] {
  const journals = allCutShort()
  if (journals.size === 0) return [fine('no change of files is half done')]
  const files = [...journals.values()].flatMap(({ edits }) => edits.map(({ path }) => quoted(path)))
  const message = `${count(journals.size, 'change')} of several files that a kill cut short: ${someOf(files)}`
  return [wrong(message, `${REPAIR} undoes it, as reading or writing one of them does`, () => undoAll(allCutShort()))]
}
