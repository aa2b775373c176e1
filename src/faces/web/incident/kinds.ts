/** How a recovery's kind and state are shown, wherever they are. */

export type Tone = 'good' | 'warning' | 'bad' | 'busy'

const TONES: Readonly<Record<string, Tone>> = { done: 'good', failed: 'bad', undone: 'warning', refused: 'warning' }

/** One that has not ended is busy. */
export const toneOf = (state: string): Tone => TONES[state] ?? 'busy'

export const title = (kind: string): string => kind.charAt(0).toUpperCase() + kind.slice(1)
