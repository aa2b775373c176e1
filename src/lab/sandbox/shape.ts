/** `1+N`: s1 is the coming primary and the N others replicate from it. `2x`: two co-primaries replicating from each other. */
export type Shape = '1+1' | '1+2' | '1+3' | '2x'

export interface Link {
  readonly replica: string
  readonly source: string
}

export interface Layout {
  readonly ids: readonly string[]
  readonly links: readonly Link[]
}

const oneWith = (replicas: readonly string[]): Layout => ({
  ids: ['s1', ...replicas],
  links: replicas.map((replica) => ({ replica, source: 's1' })),
})

export const LAYOUTS: { readonly [S in Shape]: Layout } = {
  '1+1': oneWith(['s2']),
  '1+2': oneWith(['s2', 's3']),
  '1+3': oneWith(['s2', 's3', 's4']),
  '2x': {
    ids: ['s1', 's2'],
    links: [
      { replica: 's2', source: 's1' },
      { replica: 's1', source: 's2' },
    ],
  },
}

export const SHAPES: readonly Shape[] = ['1+1', '1+2', '1+3', '2x']
