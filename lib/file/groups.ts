// The folders of one table in all groups, for those who clean up.

import { join } from 'node:path'
import { type GroupTable, paths } from '../base/paths.js'
import { listIfThere } from '../store/file.js'

export function foldersOf(table: GroupTable, folder = paths.groups()): string[] {
  return listIfThere(folder).flatMap(name => {
    const path = join(folder, name)
    // What is too long for the name of one folder goes on in those whose names end in `+`.
    return name.endsWith('+') ? foldersOf(table, path) : [join(path, table)]
  })
}
