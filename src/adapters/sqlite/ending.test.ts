import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { testDir } from './world.testing.ts'

test('a store that is ended while it is still asked something ends; a process that does nothing else waits for that', () => {
  using dir = testDir()
  const world = new URL('./world.testing.ts', import.meta.url).href
  const script = `
    import { open } from ${JSON.stringify(world)}
    const opened = await open(${JSON.stringify(dir.path)})
    const asked = opened.store.clusters()
    await opened.end()
    console.log('ended with', await asked)`
  const file = join(dir.path, 'ending.mjs')
  writeFileSync(file, script)
  const node = ['--disable-warning=ExperimentalWarning', file]
  const { status, stdout, stderr } = spawnSync(process.execPath, node, { encoding: 'utf8', timeout: 30_000 })
  expect({ status, stdout }, stderr).toEqual({ status: 0, stdout: 'ended with []\n' })
})
