/** What reading a text gave: the value, or where (offset from 0, in characters) and why it cannot be read. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly at: number; readonly what: string }

export function parsed<T>(value: T): Parsed<T> {
  return { ok: true, value }
}

export function unreadable(at: number, what: string): Parsed<never> {
  return { ok: false, at, what }
}

/** For texts that stand in the program itself: throws where the text cannot be read. */
export function demand<T>(result: Parsed<T>, text: string): T {
  if (result.ok) return result.value
  throw new SyntaxError(`"${text}" cannot be read at character ${result.at}: ${result.what}`)
}
