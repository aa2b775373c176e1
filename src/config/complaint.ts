/** Keys and list positions from the top of the file. */
export type Path = readonly (string | number)[]

/** One thing that is wrong with the configuration, before it is given its place in the text. */
export interface Complaint {
  readonly path: Path
  /** `key`: the key itself is wrong; else its value. */
  readonly at?: 'key' | 'value'
  /** What is wrong. Never the value of a secret. */
  readonly what: string
  readonly fix: string
}

/** `clusters.shop.seeds[0]` */
export function printPath(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`
    const word = /^[\w.:-]+$/.test(step) ? step : JSON.stringify(step.slice(0, 60))
    return text === '' ? word : `${text}.${word}`
  }, '')
}

export const samePath = (a: Path, b: Path): boolean =>
  a.length === b.length && a.every((step, i) => String(step) === String(b[i]))
