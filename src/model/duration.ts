/** Milliseconds of each unit, smallest first. */
const UNITS = [
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
] as const

export const DURATION_PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/

/** Longest duration that is understood: ten years. Anything above is a slip of the keyboard, and timers would overflow. */
const LONGEST_MS = 3650 * 86_400_000

/**
 * Reads `500ms`, `1.5s`, `10m`, `2h`, `7d`, in milliseconds. Undefined for anything else, a bare number included: 30 read as
 * milliseconds by one and as seconds by the other is how a window of safety gets a thousand times too short.
 */
export function parseDuration(text: string): number | undefined {
  const match = DURATION_PATTERN.exec(text.trim())
  const unit = UNITS.find(([name]) => name === match?.[2])
  if (!match || !unit) return undefined
  // Rounded to microseconds: 1.1 * 1000 is not 1100 in binary fractions.
  const ms = Math.round(Number(match[1]) * unit[1] * 1000) / 1000
  return ms <= LONGEST_MS ? ms : undefined
}

/** The shortest exact form: `500ms`, `1.5s`, `10m`. What it prints, `parseDuration` reads back as the same number. */
export function printDuration(ms: number): string {
  if (ms === 0) return '0s'
  const whole = [...UNITS].reverse().find(([, size]) => ms >= size && ms % size === 0 && (size > 1 || ms < 1000))
  if (whole) return `${ms / whole[1]}${whole[0]}`
  return ms >= 1000 ? `${ms / 1000}s` : `${ms}ms`
}
