// The sessions whose results are given to another: they have to be over.

import { EXIT, Fault } from '../base/exit.js'
import { shortId } from '../base/id.js'
import { settle } from '../run/settle.js'
import { waitFor } from '../run/wait.js'

/** The same ids, once all of them are over. Without `wait` one that is not is a Fault (4). */
export async function sourcesOf(ids: string[], wait: boolean): Promise<string[]> {
  if (wait) await waitFor(ids)
  for (const id of ids) {
    const { over, state } = await settle(id)
    if (!over) throw new Fault(`session ${id} is ${state}: give --wait, or run zag wait ${shortId(id)} first`, EXIT.notNow)
  }
  return ids
}
