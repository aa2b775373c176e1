import { expect, test } from 'vitest'
import { recoveryId } from '../../model/ids.ts'
import { child } from './spawn.testing.ts'
import { open, SHOP, take, testDir, until } from './world.testing.ts'

test('after kill -9 every intent that was reported durable is there, with its reign, and the lease is free at once', async () => {
  using dir = testDir()
  let epochs = 0
  for (let round = 0; round < 4; round++) {
    const writer = child(['intend', dir.path, String(epochs)])
    await until(() => (writer.lines.length >= 10 + 17 * round ? true : undefined))
    await writer.kill()
    await using opened = await open(dir.path)
    const lease = await take(opened)
    for (const id of writer.lines) {
      const found = await opened.journal.read(recoveryId(id))
      expect([id, found?.plans.length]).toEqual([id, 2])
    }
    const reigns = await opened.store.reigns(SHOP)
    const recorded = new Set<string | undefined>(reigns.map((reign) => reign.recovery))
    expect(writer.lines.filter((id) => !recorded.has(id))).toEqual([])
    epochs = reigns[0]?.epoch ?? 0
    await endWhatIsOpen(opened, lease.token)
    await lease[Symbol.asyncDispose]()
  }
})

async function endWhatIsOpen(opened: Awaited<ReturnType<typeof open>>, token: number): Promise<void> {
  const left = await opened.journal.open(SHOP)
  if (left !== undefined) await opened.journal.setState(left.id, 'failed', left.startedAt, token)
}
