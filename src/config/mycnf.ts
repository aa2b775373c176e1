/** What the `[client]` section of a my.cnf-style file says, by key; dashes and underscores are the same there. */
export function readClientSection(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  let section = ''
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#') || line.startsWith(';') || line.startsWith('!')) continue
    const heading = /^\[(.+)\]$/.exec(line)
    if (heading) {
      section = (heading[1] ?? '').trim()
      continue
    }
    if (section !== 'client') continue
    const equals = line.indexOf('=')
    const key = (equals < 0 ? line : line.slice(0, equals)).trim().replaceAll('-', '_')
    values.set(key, equals < 0 ? '' : unquote(line.slice(equals + 1).trim()))
  }
  return values
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  b: '\b',
  s: ' ',
  '\\': '\\',
  '"': '"',
  "'": "'",
}

/** As the servers' own programs read it: quotes go; outside them a `#` after a space begins a comment; escapes hold in both. */
function unquote(value: string): string {
  const quoted = /^(["'])((?:\\.|(?!\1).)*)\1\s*(?:#.*)?$/.exec(value)
  const inner = quoted ? (quoted[2] ?? '') : value.replace(/\s#.*$/, '').trimEnd()
  return inner.replaceAll(/\\(.)/g, (whole, letter: string) => ESCAPES[letter] ?? whole)
}
