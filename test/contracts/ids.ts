import { describe, expect, test } from 'vitest'
import type { Ids } from '../../src/ports/ids.ts'

/** What all ids owe, wherever they come from. */
export function idsContract(name: string, make: () => Ids): void {
  describe(`the contract of ids, kept by ${name}`, () => {
    test('recoveries sort in the order in which they were minted, and no two are the same', () => {
      const ids = make()
      const minted = Array.from({ length: 1200 }, () => ids.recovery())
      expect(minted.toSorted()).toEqual(minted)
      expect(new Set(minted).size).toBe(minted.length)
    })

    test('no two clusters are the same', () => {
      const ids = make()
      expect(new Set(Array.from({ length: 50 }, () => ids.cluster())).size).toBe(50)
    })
  })
}
