// The tables of groups on disk, for whoever looks through all of them.

import { join } from 'node:path'
import { type GroupTable, paths } from '../base/paths.js'
import { listIfThere } from '../store/file.js'

/** The folders of one table of every group. They need not be there. */
export function foldersOf(table: GroupTable): string[] {
  return foldersIn(paths.groups(), table)
}

/** What is too long for the name of one folder goes on in those whose names end in `+`. */
function foldersIn(folder: string, table: GroupTable): string[] {
  return listIfThere(folder).flatMap(name => {
    const path = join(folder, name)
    return name.endsWith('+') ? foldersIn(path, table) : [join(path, table)]
  })
}
