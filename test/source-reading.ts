/** Reads TypeScript just well enough for the architecture test: what a file imports, and its code without comments and strings. */

export interface Import {
  /** As written: `./x.ts`, `node:fs`, `zod`. */
  readonly target: string
  /** `import type` or `export type … from`: gone at run time. */
  readonly typeOnly: boolean
}

const IMPORTS: readonly RegExp[] = [
  /\b(?:import|export)\s+(?<type>type\s)?[\w\s{},*$]+?\bfrom\s*'(?<target>[^']+)'/g,
  /\bimport\s*'(?<target>[^']+)'/g,
  /\bimport\(\s*'(?<target>[^']+)'\s*[,)]/g,
  /\bnew URL\(\s*'(?<target>\.[^']+\.ts)'\s*,\s*import\.meta\.url/g,
]

/** An import whose target is computed cannot be checked, so there are none. */
const COMPUTED_IMPORT = /\bimport\(\s*(?!['\s])|\brequire\(/

export function importsOf(source: string): readonly Import[] {
  const code = blank(source, 'comments')
  return IMPORTS.flatMap((pattern) =>
    [...code.matchAll(pattern)].flatMap(({ groups }) =>
      groups?.['target'] === undefined ? [] : [{ target: groups['target'], typeOnly: groups['type'] !== undefined }],
    ),
  )
}

export const hasComputedImport = (source: string): boolean => COMPUTED_IMPORT.test(codeOf(source))

/** Without comments and without the text of strings; what stands inside `${…}` is code and stays. */
export const codeOf = (source: string): string => blank(source, 'comments and strings')

const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y
const STRING = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/y
const REGEX = /\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y
const TEMPLATE_TEXT = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*/y
const PLAIN = /[\w$]+|[^\w$]/y

/** A slash after one of these begins a regular expression, not a division. */
const BEFORE_REGEX = /(?:^|[=(,:!&|?{};[+>]|\breturn|\bcase)\s*$/

const matchAt = (pattern: RegExp, text: string, at: number): string => {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? ''
}

function blank(source: string, what: 'comments' | 'comments and strings'): string {
  const kept: string[] = []
  const strings = what === 'comments and strings'
  /** For each open template, how many braces are open inside its `${`. */
  const templates: number[] = []
  let at = 0
  const templateText = (): void => {
    const text = matchAt(TEMPLATE_TEXT, source, at)
    at += text.length
    kept.push(strings ? '' : text)
    if (source.startsWith('${', at)) templates.push(0)
    const end = source.startsWith('${', at) ? '${' : '`'
    kept.push(end)
    at += end.length
  }
  while (at < source.length) {
    const comment = matchAt(COMMENT, source, at)
    const string = comment === '' ? matchAt(STRING, source, at) : ''
    const opens = source[at] === '/' && comment === '' && BEFORE_REGEX.test(kept.slice(-4).join(''))
    const regex = opens ? matchAt(REGEX, source, at) : ''
    const plain = matchAt(PLAIN, source, at)
    const taken = [comment, string, regex].find((token) => token !== '') ?? plain
    at += taken.length
    if (comment !== '') kept.push(' ')
    else if (string !== '') kept.push(strings ? "''" : string)
    else if (regex !== '') kept.push(strings ? '/ /' : regex)
    else if (taken === '}' && templates.at(-1) === 0) {
      templates.pop()
      kept.push('}')
      templateText()
    } else {
      kept.push(taken)
      if (taken === '`') templateText()
      const open = templates.length - 1
      if (open >= 0 && (taken === '{' || taken === '}'))
        templates[open] = (templates[open] ?? 0) + (taken === '{' ? 1 : -1)
    }
  }
  return kept.join('')
}
