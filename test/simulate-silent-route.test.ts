import { expect, test } from 'vitest'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'

const OFFSETS_MS = [0, 250, 500, 750]

test.each(['mysql', 'mariadb'] as const)(
  'on %s, a route party that does not answer delays no failover: it is read beside the cycle',
  async (flavour) => {
    for (const offset of OFFSETS_MS) {
      const scene = new Scene({ ...A_SCENE, flavour, routes: ['proxy', 'dns'], writeEveryMs: 5 })
      await scene.steady()
      const { universe, timeline } = scene
      const [, dns] = universe.routes
      if (dns) dns.reachable = false
      await timeline.pass(5000 + offset)
      universe.kill('s1')
      expect(await scene.writable(100), `${offset} ms\n${scene.tell()}`).toBe(true)
      scene.writer.stop()
    }
  },
)
