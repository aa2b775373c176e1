/** The client of a verb that runs without a daemon: what it shows, it has looked at just now. */
import type { CommandJson } from './faces/api/contract.ts'
import { LocalClient } from './faces/api/local.ts'
import type { Daemon, Keeper } from './run/daemon/index.ts'

/** Of a daemon that keeps nothing: without these looks `-w` would show the first one for ever, and no member's name would be known. */
export class OneShot extends LocalClient {
  readonly #regent: Daemon

  constructor(daemon: Daemon, end: () => Promise<void>) {
    super(daemon, end)
    this.#regent = daemon
  }

  override async clusters() {
    await lookAt(this.#regent.keepers())
    return super.clusters()
  }

  override async cluster(name: string) {
    await this.#look(name)
    return super.cluster(name)
  }

  override async explain(name: string) {
    await this.#look(name)
    return super.explain(name)
  }

  override async plan(name: string, command: CommandJson) {
    await this.#look(name)
    return super.plan(name, command)
  }

  override async run(name: string, command: CommandJson) {
    await this.#find(name)
    return super.run(name, command)
  }

  override async pause(name: string, order: { reason: string; by: string; forMs: number }) {
    await this.#find(name)
    return super.pause(name, order)
  }

  override async resume(name: string) {
    await this.#find(name)
    return super.resume(name)
  }

  override async forget(name: string, server: string) {
    await this.#find(name)
    return super.forget(name, server)
  }

  /** Looked at first: the names of the servers come from the looks. */
  override async history(name: string, limit: number) {
    await this.#look(name)
    return super.history(name, limit)
  }

  override async recovery(id: string) {
    await lookAt(this.#regent.keepers())
    return super.recovery(id)
  }

  async #look(name: string): Promise<void> {
    const found = this.#known(name)
    await lookAt(found ? [found] : this.#regent.keepers())
  }

  /** A cluster that is named by one of its servers is found by looking at all of them. */
  async #find(name: string): Promise<void> {
    if (!this.#known(name)) await lookAt(this.#regent.keepers())
  }

  #known(name: string): Keeper | undefined {
    const all = this.#regent.keepers()
    return name === '' && all.length === 1 ? all[0] : this.#regent.keeper(name)
  }
}

/** Each within its own deadlines: a cluster that is silent delays no other. */
async function lookAt(keepers: readonly Keeper[]): Promise<void> {
  await Promise.all(keepers.map((keeper) => keeper.once()))
}
