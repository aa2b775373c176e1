import type { Announcer } from './ports/announcers.ts'

export async function openAnnouncers(_: unknown): Promise<ReadonlyMap<string, Announcer>> {
  return new Map()
}
