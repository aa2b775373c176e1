/** Channels as an operator sets them up by hand: with names, and from a server that belongs to another cluster. */
import { dirname, join } from 'node:path'
import { type Sandbox, startSandbox } from '../../../src/lab/sandbox/index.ts'
import { flavour, type Stage, until, words } from '../stage.ts'

export type Channels = Readonly<Record<string, string>>

const follow = (name: string, port: number, user: { readonly user: string; readonly password: string }): string =>
  flavour === 'mysql'
    ? `CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=${port}, SOURCE_USER='${user.user}',
 SOURCE_PASSWORD='${user.password}', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1, SOURCE_HEARTBEAT_PERIOD=0.5,
 SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=86400 FOR CHANNEL '${name}'`
    : `CHANGE MASTER '${name}' TO MASTER_HOST='127.0.0.1', MASTER_PORT=${port}, MASTER_USER='${user.user}',
 MASTER_PASSWORD='${user.password}', MASTER_USE_GTID=slave_pos, MASTER_HEARTBEAT_PERIOD=0.5, MASTER_CONNECT_RETRY=1`

const start = (name: string): string =>
  flavour === 'mysql' ? `START REPLICA FOR CHANNEL '${name}'` : `START SLAVE '${name}'`

export async function followBy(stage: Stage, id: string, name: string, port: number): Promise<void> {
  await stage.run(id, follow(name, port, stage.sandbox.users.replication), start(name))
}

export const forget = (stage: Stage, id: string): Promise<void> => stage.run(id, words.stop, words.forget)

/** The server as its own words tell it: name of each channel, where it leads, and what its threads do. */
export async function channelsOf(stage: Stage, id: string): Promise<Channels> {
  const connection = await stage.sandbox.sql(id)
  try {
    const [rows] = await connection.query(words.status)
    const each = (Array.isArray(rows) ? rows : []).map((row): readonly [string, string] => {
      const cell = (name: string): string => String(Reflect.get(row, name) ?? '')
      const port = cell('Source_Port') || cell('Master_Port')
      const source = stage.sandbox.servers.find((s) => s.port === Number(port))?.id ?? 'other'
      return [
        cell('Channel_Name') || cell('Connection_name'),
        `${source} ${cell(words.receiver)}/${cell(words.applier)}`,
      ]
    })
    return Object.fromEntries(each)
  } finally {
    connection.destroy()
  }
}

export async function untilChannels(stage: Stage, id: string, wanted: Channels): Promise<void> {
  let now: Channels = {}
  const print = (channels: Channels): string => JSON.stringify(Object.entries(channels).sort())
  await until(
    `${id} has the channels ${print(wanted)}`,
    async () => {
      now = await channelsOf(stage, id)
      return print(now) === print(wanted)
    },
    { seen: async () => `${print(now)}\n${await stage.story()}` },
  )
}

/** One server that leads a cluster of its own, with a database that nobody else has. */
export class OtherCluster implements AsyncDisposable {
  readonly #box: Sandbox

  private constructor(box: Sandbox) {
    this.#box = box
  }

  static async start(stage: Stage): Promise<OtherCluster> {
    const dir = join(dirname(stage.configPath), 'other')
    // With semi-sync as well: a MySQL replica loses its other link ("could not queue event") where one of its sources has no plugin.
    const box = await startSandbox({ server: flavour, shape: '1+1', semiSync: true, dir })
    await box.stop('s2')
    const other = new OtherCluster(box)
    // Nobody's number is taken twice where two clusters' data meet; MariaDB numbers transactions by domain as well.
    await other.run('SET GLOBAL server_id=99', ...(flavour === 'mariadb' ? ['SET GLOBAL gtid_domain_id=9'] : []))
    await other.run(...words.writable, 'CREATE DATABASE stock', 'CREATE TABLE stock.t (id int PRIMARY KEY)')
    return other
  }

  get port(): number {
    return this.#box.server('s1').port
  }

  async run(...statements: readonly string[]): Promise<void> {
    const connection = await this.#box.sql('s1')
    try {
      for (const statement of statements) await connection.query(statement)
    } finally {
      connection.destroy()
    }
  }

  /** Still writable, and following nobody. */
  async isUntouched(): Promise<boolean> {
    const connection = await this.#box.sql('s1')
    try {
      const [access] = await connection.query({ sql: 'SELECT @@GLOBAL.read_only', rowsAsArray: true })
      const [channels] = await connection.query(words.status)
      return JSON.stringify(access) === '[["0"]]' && Array.isArray(channels) && channels.length === 0
    } finally {
      connection.destroy()
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#box.down()
  }
}

export const stockOf = (stage: Stage, id: string): Promise<string> =>
  stage.ask(id, 'SELECT COUNT(*) FROM stock.t').catch(() => 'none')
