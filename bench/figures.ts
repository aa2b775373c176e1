/** What every bench prints and keeps: distributions, a table, and rows in `bench/results/<name>.json`. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface Spread {
  readonly min: number
  readonly median: number
  readonly p95: number
  readonly max: number
}

/** By nearest rank: every figure is one that was measured. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number): number => round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN)
  return { min: at(0), median: at(0.5), p95: at(0.95), max: at(1) }
}

export const medianOf = (values: readonly number[]): number => spreadOf(values).median
export const round = (value: number): number => Math.round(value * 10) / 10

export function printTable(titles: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const cells = [titles, ...rows].map((row) => row.map(String))
  const widths = titles.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  for (const row of cells) console.log(row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  '))
}

export async function keepResults(name: string, rows: readonly unknown[]): Promise<void> {
  const dir = join(import.meta.dirname, 'results')
  await mkdir(dir, { recursive: true })
  const path = join(dir, `${name}.json`)
  await writeFile(path, `${JSON.stringify(rows, null, 2)}\n`)
  console.log(`kept in ${path}`)
}

/** Wall time of this machine with fractions of a millisecond: processes on one host may compare it. */
export const wallNow = (): number => performance.timeOrigin + performance.now()
