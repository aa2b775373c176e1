/** A cluster called `shop` on servers of this host, and the desk of whoever looks after it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts, type Sandbox, startSandbox } from '../../../src/lab/sandbox/index.ts'
import { Desk } from '../bad-input/desk.ts'
import { flavour } from '../stage/words.ts'

export interface Shop extends AsyncDisposable {
  readonly box: Sandbox
  readonly desk: Desk
  /** `host:port` of a server of the sandbox. */
  address(id: string): string
}

export interface ShopSettings {
  readonly policy?: Readonly<Record<string, unknown>>
  /** Keys of the configuration beside the clusters. */
  readonly root?: Readonly<Record<string, unknown>>
}

/** Nothing is adopted yet. */
export async function openShop({ policy, root }: ShopSettings = {}): Promise<Shop> {
  const dir = await mkdtemp(join(tmpdir(), 'regent-shop-'))
  const box = await startSandbox({ server: flavour, shape: '1+2', semiSync: false, dir: join(dir, 'box') })
  const address = (id: string): string => `${box.server(id).host}:${box.server(id).port}`
  const desk = await Desk.open()
  const [port = 0] = await freePorts(1)
  const more = {
    routes: [{ proxy: { listen: `127.0.0.1:${port}`, spawn: true } }],
    clients_only_by_routes: true,
    servers_start_read_only: true,
    ...(policy ? { policy } : {}),
  }
  await desk.configure({ shop: { seeds: box.servers.map((s) => address(s.id)), more } }, root)
  return {
    box,
    desk,
    address,
    [Symbol.asyncDispose]: async () => {
      await desk.regent('proxy', 'stop', '--yes')
      await desk[Symbol.asyncDispose]()
      await box.down()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
