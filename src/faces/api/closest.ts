const plain = (word: string): string => word.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

function pairs(word: string): ReadonlySet<string> {
  const padded = ` ${plain(word)} `
  return new Set(Array.from({ length: padded.length - 1 }, (_, i) => padded.slice(i, i + 2)))
}

/** The known key that was probably meant: the one that shares most pairs of neighbouring letters; undefined where none is near. */
export function closest(word: string, known: readonly string[]): string | undefined {
  const wanted = pairs(word.slice(0, 60))
  const scored = known.map((candidate) => {
    const has = pairs(candidate)
    const shared = [...wanted].filter((pair) => has.has(pair)).length
    return { candidate, likeness: (2 * shared) / (wanted.size + has.size) }
  })
  const best = scored.toSorted((a, b) => b.likeness - a.likeness)[0]
  return best && best.likeness >= 0.4 ? best.candidate : undefined
}
