/** Real servers for the contract of servers. */
import { createWatching } from '../../src/adapters/servers/watching.ts'
import { serverId } from '../../src/model/ids.ts'
import { clock, eventually, flavour, lease, World, words } from './changing-world.ts'
import type { Id, ServersWorld } from './servers.ts'

export async function realServersWorld(): Promise<ServersWorld> {
  const world = await World.start()
  const { sandbox, changing } = world
  const watching = createWatching({ clock, loginOf: () => ({ account: sandbox.users.monitor, tls: { mode: 'off' } }) })
  const frozen = new Set<Id>()
  const thaw = async (id: Id): Promise<void> => {
    frozen.delete(id)
    await sandbox.thaw(id)
  }
  return {
    ...{ flavour, watching, changing, nowhere: { host: '127.0.0.1', port: 1, id: serverId('nobody') } },
    at: (id) => world.at(id),
    door: (id) => world.door(id),
    another: () => world.regent(),
    within: (ms, change, warrant) => world.within(ms, change, warrant),
    lease,
    home: async () => {
      for (const id of frozen) await thaw(id)
      await world.home()
    },
    end: async () => {
      for (const id of frozen) await thaw(id)
      watching.end()
      await world.end()
    },
    insert: (count) => world.insert(count),
    rows: async (id) => Number(await world.rows(id)),
    commit: async () => {
      const client = await world.session('s1', 'app')
      let answered = false
      client.query("INSERT INTO app.t(v) VALUES ('not acknowledged')").then(
        () => {
          answered = true
        },
        () => undefined,
      )
      return { answered: () => answered }
    },
    busy: async () => {
      const holder = await world.session('s1')
      await holder.query('LOCK TABLES app.t WRITE')
      return async () => {
        await holder.query('UNLOCK TABLES')
      }
    },
    stopApplier: (id) => world.run(id, words.stopApplier),
    breakApplier: async (id) => {
      const next = Number(await world.ask('s1', 'SELECT MAX(id) + 1 FROM app.t'))
      const stray = `INSERT INTO app.t VALUES (${next}, 'stray')`
      await world.run(id, 'SET SESSION sql_log_bin=0', ...words.writable, stray, ...words.readOnly)
      await world.run('s1', `INSERT INTO app.t VALUES (${next}, 'duplicate')`)
      await eventually('the applier stops', async () => (await world.threads(id))[1] === 'No')
      const removal = `DELETE FROM app.t WHERE id = ${next}`
      return () => world.run(id, 'SET SESSION sql_log_bin=0', ...words.writable, removal, ...words.readOnly)
    },
    kill: async (id) => void (await sandbox.kill(id)),
    restart: async (id) => void (await sandbox.restart(id)),
    freeze: async (id) => {
      frozen.add(id)
      await sandbox.freeze(id)
    },
    thaw,
    wait: (ms) => clock.sleep(ms),
  }
}
