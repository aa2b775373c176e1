/** Each run takes other moments; SEED repeats one. */
export const SEED = Number(process.env['REGENT_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000))

/** mulberry32: small, and the same everywhere. */
export function randomOf(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
