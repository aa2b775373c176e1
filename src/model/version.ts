export type Flavour = 'mysql' | 'mariadb'

export interface Version {
  readonly flavour: Flavour
  readonly numbers: readonly [major: number, minor: number, patch: number]
  /** As the server says it, for people. */
  readonly text: string
}

/**
 * Reads `@@version` (`10.11.19-MariaDB-0+deb12u1`, `9.7.4-0debian1`, `8.4.3-3` with a comment naming Percona).
 * Undefined when it has no three numbers. Numbers, never strings, are compared: "8.0.9" is older than "8.0.14".
 */
export function parseVersion(text: string, comment: string = ''): Version | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)/.exec(text.replace(/^5\.5\.5-(?=1[0-9]\.)/, ''))
  if (!match) return undefined
  const flavour: Flavour = /mariadb/i.test(text) || /mariadb/i.test(comment) ? 'mariadb' : 'mysql'
  return { flavour, numbers: [Number(match[1]), Number(match[2]), Number(match[3])], text }
}

/** Negative when `a` is older than `b`. Versions of two flavours do not compare: callers check the flavour first. */
export function compareVersions(a: Version, b: Version): number {
  for (let i = 0; i < 3; i++) {
    const difference = (a.numbers[i] ?? 0) - (b.numbers[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

export const atLeast = (version: Version, major: number, minor: number, patch: number = 0): boolean =>
  compareVersions(version, { ...version, numbers: [major, minor, patch] }) >= 0
