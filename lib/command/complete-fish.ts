// The completion script for fish (3.1 and later).
//
// fish completes `zag-wait` as `zag wait`; __zag_place says where the cursor is whichever of both it is shown. It quotes what
// it inserts by itself, and no word is ever evaluated.

import { type FlagSpot, flagsBelow, type Meant, type Spot } from './complete.js'

/** The script. `programs` are the names by which it is to be called. */
export function fishScript(spots: readonly Spot[], programs: readonly string[]): string {
  const wraps = programs.filter(name => name !== 'zag').map(name => `complete -c ${name} -w ${fishQuoted(name.replace('-', ' '))}`)
  return `# fish completion for zag, made by zag-completion from what its programs say of themselves.

# What is below a place: its words, the one that is meant when none is named, and the flags that take the next word.
function __zag_below --no-scope-shadowing
    switch "$argv[1]"
${spots
  .filter(({ children }) => children.length > 0)
  .map(spot => belowCase(spot, spots))
  .join('\n')}
    end
end

${FIXED}
complete -c zag -f
${spots.flatMap(linesOf).join('\n')}
${wraps.join('\n')}
`
}

function belowCase(spot: Spot, spots: readonly Spot[]): string {
  const valued = flagsBelow(spots, spot.path).flatMap(flag => (flag.valued ? flag.spelt : []))
  return [
    `        case ${fishQuoted(spot.path)}`,
    `            set children ${spot.children.map(({ word }) => word).join(' ')}`,
    `            set fallback ${spot.fallback ?? ''}`.trimEnd(),
    `            set valued ${valued.join(' ')}`.trimEnd(),
  ].join('\n')
}

function linesOf({ path, children, flags, operand, after }: Spot): string[] {
  const at = `complete -c zag -n ${fishQuoted(`__zag_at ${fishQuoted(path)}`)}`
  return [
    ...children.map(({ word, does }) => `${at} -a ${word} -d ${fishQuoted(does)}`),
    ...flags.map(flag => `${at} ${flagWords(flag)} -d ${fishQuoted(flag.does)}`),
    ...(operand.kind === 'none' ? [] : [`${at} ${meantWords(operand)}`]),
    ...(after && after.kind !== 'none' ? [`complete -c zag -n ${fishQuoted(`__zag_after ${fishQuoted(path)}`)} ${meantWords(after)}`] : []),
  ]
}

function flagWords(flag: FlagSpot): string {
  const spelt = flag.spelt.map(word => (word.startsWith('--') ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`)).join(' ')
  if (!flag.valued) return spelt
  return `${spelt} ${flag.kind === 'file' ? '-r -F' : flag.kind === 'none' ? '-x' : `-x ${meantWords(flag)}`}`
}

function meantWords({ kind, choices }: Meant): string {
  if (kind === 'choice') return `-a ${fishQuoted(choices.join(' '))}`
  if (kind === 'file') return '-F'
  if (kind === 'folder') return "-a '(__fish_complete_directories (commandline -ct))'"
  if (kind === 'command') return "-a '(__zag_dashed)'"
  return `-k -a '(__zag_words ${kind})'`
}

function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}

const FIXED = `# The words of a kind, each with what is said of it, in the order in which they come.
function __zag_words
    set -l typed (commandline -ct | string replace -r '^--[a-z-]+=' '' | string unescape 2>/dev/null)
    zag-completion words $argv[1] -- "$typed" 2>/dev/null </dev/null
end

# Where the cursor is: the path of the place, and the words that stand behind --.
function __zag_place
    set -l words (commandline -opc)
    set -l place (string replace -r '^.*/' '' -- $words[1] | string replace -r '^zag-?' '')
    set -l children
    set -l fallback
    set -l valued
    __zag_below "$place"
    set -l skip 0
    for i in (seq 2 (count $words))
        set -l word $words[$i]
        if test $skip = 1
            set skip 0
        else if test "$word" = --
            echo "$place"
            echo --
            string escape -- $words[$i..-1]
            return
        else if string match -q -- '-?*' "$word"
            contains -- "$word" $valued; and set skip 1
        else if set -q children[1]
            if contains -- "$word" $children
                set place (string trim -l -c / -- "$place/$word")
            else
                set place "$place/$fallback"
            end
            set children
            set fallback
            set valued
            __zag_below "$place"
        end
    end
    echo "$place"
end

function __zag_at
    set -l place (__zag_place)
    test "$place[1]" = "$argv[1]"; and not set -q place[2]
end

function __zag_after
    set -l place (__zag_place)
    test "$place[1]" = "$argv[1]"; and set -q place[2]
end

# What may follow --: a command line of its own.
function __zag_dashed
    set -l place (__zag_place)
    complete -C (string join ' ' -- $place[4..-1] (commandline -ct))
end
`
