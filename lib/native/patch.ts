// The tool patch: changes of files, in a form that says what was there before. All of its files change or none.

import { parsePatch, type Section } from '../file/patch.js'
import { change, placeOf } from './files.js'
import type { Tool } from './toolbox.js'

export const patch: Tool = {
  name: 'patch',
  kind: 'edit',
  does: `Changes files. All of them change or none.

*** Begin Patch
*** Update File: path
@@ a line above the place
 a line that stays
-a line that goes
+a line that comes
*** Add File: path
+every line of it
*** Delete File: path
*** End Patch

After '*** Update File: path' there may be '*** Move to: path'. Give three lines that stay around a change, as they are in the file, so that it fits one place only.`,
  input: {
    type: 'object',
    properties: { patch: { type: 'string', description: 'the patch' } },
    required: ['patch'],
    additionalProperties: false,
  },
  prepare(input, workshop) {
    const patch = String(input.patch)
    const paths = [...new Set(parsePatch(patch).flatMap(pathsOf))]
    const places = paths.map(path => placeOf(path, workshop))
    return {
      title: `patch ${paths.join(', ')}`,
      locations: places.map(path => ({ path })),
      run: async () => ({ text: await change(patch, places, workshop) }),
    }
  },
}

function pathsOf(section: Section): string[] {
  return section.kind === 'update' && section.to !== undefined ? [section.path, section.to] : [section.path]
}
