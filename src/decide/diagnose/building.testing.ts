/**
 * A cluster told as a story: servers that live, die, freeze and lose their network, looked at as the daemon would look, on a clock
 * that only the story moves. Everything that the diagnosis reads comes out of the real folding of looks.
 */
import { type Address, printAddress } from '../../model/address.ts'
import type { Diagnosis } from '../../model/diagnosis.ts'
import { clusterId, epoch, instant, type ServerId, wallTime } from '../../model/ids.ts'
import type { Denial, Knock, Look } from '../../model/look.ts'
import { DEFAULT_POLICY, type Policy } from '../../model/policy.ts'
import type { Reign } from '../../model/reign.ts'
import type { Access, Channel, ServerStatus } from '../../model/server.ts'
import type { Sighting } from '../../model/sighting.ts'
import type { Declared, Topology } from '../../model/topology.ts'
import { assemble } from '../discover/assemble.ts'
import { sight } from '../discover/sight.ts'
import { diagnose } from './diagnose.ts'
import { type Explanation, explain } from './explain.ts'
import { type Folded, foldPrimary } from './fold.ts'
import type { Snapshot } from './snapshot.ts'
import { aChannel, aStatus, type Has, historyOf, idOf, joined, REFUSED, RESET, textOf } from './status.testing.ts'

/** How a server meets what comes to it: us by looks, its replicas by their receivers. */
type Life = 'up' | 'killed' | 'frozen' | 'gone'
type ToUs = 'open' | 'cut' | 'refusing' | { readonly denial: Denial; readonly errno: number }

interface Actor {
  readonly name: string
  readonly address: Address
  readonly life: Life
  readonly toUs: ToUs
  readonly access: Access
  readonly startedAt: number
  readonly executed: Has
  readonly received: Has
  readonly channel?: Channel
  /** Whether its packets reach its source. */
  readonly link: 'open' | 'cut'
  readonly extra: Partial<ServerStatus>
}

const LOOK_MS = 1
const START = 100_000

export const aCluster = (): Story => new Story()

export class Story {
  now = START
  private actors = new Map<string, Actor>()
  private sightings = new Map<string, Sighting>()
  private policy: Policy = DEFAULT_POLICY
  private declared = new Map<string, Declared>()
  private reign: Reign | undefined
  private knocks: Knock[] = []
  private untrusted: Address[] = []
  private former = new Set<ServerId>()
  private known: string[] = []
  private writers = new Set<string>()
  private silentLookMs = 0

  primary(name: string): this {
    this.add(name, 'writable')
    return this.reigns(name)
  }

  /** Follows the reign's primary, or whom it is told to. */
  replica(name: string, source = this.nameOfPrimary(), channel: Partial<Channel> = {}): this {
    this.add(name, 'closed_to_all')
    return this.change(name, { channel: aChannel(this.actor(source).address, this.numericId(source), channel) })
  }

  /** A server that follows nobody. */
  loner(name: string, access: Access = 'closed_to_all'): this {
    return this.add(name, access)
  }

  reigns(name: string, state: Reign['state'] = 'open', number = 1): this {
    const semiSync = { kind: 'off' } as const
    const at = wallTime(0)
    this.reign = {
      cluster: clusterId('c1'),
      epoch: epoch(number),
      primary: idOf(name),
      state,
      semiSync,
      openedAt: '',
      at,
    }
    return this
  }

  withoutReign(): this {
    this.reign = undefined
    return this
  }

  reignedBefore(name: string): this {
    this.former.add(idOf(name))
    return this
  }

  with(policy: Partial<Policy>): this {
    this.policy = { ...this.policy, ...policy }
    return this
  }

  distrust(name: string): this {
    this.untrusted.push(this.actor(name).address)
    return this
  }

  downtime(name: string): this {
    this.declared.set(printAddress(this.actor(name).address), { site: '', preference: 'neutral', downtimed: true })
    return this
  }

  /** Its address is configured or remembered; that it is looked at is another matter. */
  knows(name: string): this {
    this.known.push(name)
    return this
  }

  /** Looks that nothing comes back from are given up after this long, and nobody else is looked at meanwhile. */
  givesUpAfter(ms: number): this {
    this.silentLookMs = ms
    return this
  }

  /** From now on it writes at every step while it lives. */
  busy(name: string): this {
    this.writers.add(name)
    return this
  }

  idle(name: string): this {
    this.writers.delete(name)
    return this
  }

  /** What it reports beside, for example other aliases or server_id. */
  says(name: string, extra: Partial<ServerStatus>): this {
    return this.change(name, { extra: { ...this.actor(name).extra, ...extra } })
  }

  dies(name: string): this {
    return this.change(name, { life: 'killed' })
  }

  freezes(name: string): this {
    return this.change(name, { life: 'frozen' })
  }

  /** Host and all: nothing answers, not even a kernel. */
  vanishes(name: string): this {
    return this.change(name, { life: 'gone' })
  }

  /** Comes up again, read-only as servers are to start, unless told otherwise. */
  restarts(name: string, access: Access = 'closed_to_all', executed: Has = this.actor(name).executed): this {
    return this.change(name, { life: 'up', access, startedAt: this.now, executed, received: executed })
  }

  becomes(name: string, access: Access): this {
    return this.change(name, { access })
  }

  toUs(name: string, toUs: ToUs): this {
    return this.change(name, { toUs })
  }

  /** The replica's own way to its source. */
  link(name: string, link: Actor['link']): this {
    return this.change(name, { link })
  }

  /** Something is done to the replica's channel. */
  channel(name: string, channel: Partial<Channel>): this {
    return this.change(name, { channel: { ...this.channelOf(name), ...channel } })
  }

  follows(name: string, source: string): this {
    return this.change(name, { channel: aChannel(this.actor(source).address, this.numericId(source), {}) })
  }

  followsNobody(name: string): this {
    const { channel: _, ...rest } = this.actor(name)
    this.actors.set(name, rest)
    return this
  }

  /** It executed something that nobody gave it. */
  has(name: string, writer: string, count: number): this {
    const { executed, received } = this.actor(name)
    return this.change(name, { executed: { ...executed, [writer]: count }, received: { ...received, [writer]: count } })
  }

  /** Time passes and every server is looked at; `skip` are not looked at. */
  pass(ms: number, everyMs = 100, skip: readonly string[] = []): this {
    for (const end = this.now + ms; this.now < end; ) {
      this.sleep(Math.min(everyMs, end - this.now))
      this.look(...[...this.actors.keys()].filter((name) => !skip.includes(name)))
    }
    return this
  }

  /** Time passes and nobody is looked at: this process is paused. */
  sleep(ms: number): this {
    this.now += ms
    this.replicate()
    return this
  }

  /** One look at each of these now. They are answered in the order given. */
  look(...names: readonly string[]): this {
    this.replicate()
    for (const name of names) {
      const { address } = this.actor(name)
      const key = printAddress(address)
      this.sightings.set(key, sight(this.sightings.get(key), address, this.meet(name), wallTime(this.now)))
    }
    return this
  }

  /** A standing connection ends: news without a look. */
  closes(name: string): this {
    const at = instant(this.now)
    const { address } = this.actor(name)
    const key = printAddress(address)
    const look: Look = { kind: 'closed', sentAt: at, at, code: 'ECONNRESET' }
    this.sightings.set(key, sight(this.sightings.get(key), address, look, wallTime(this.now)))
    return this
  }

  /** New connections to an address of the server, by default its own. */
  knock(name: string, outcome: Knock['outcome'], address = this.actor(name).address): this {
    this.now += 1
    this.knocks.push({ address, outcome, at: instant(this.now) })
    return this
  }

  /** How many transactions it has of what it wrote itself. */
  written(name: string): number {
    return this.actor(name).executed[name] ?? 0
  }

  sighting(name: string): Sighting {
    return found(this.sightings.get(printAddress(this.actor(name).address)), name)
  }

  addressOf(name: string): Address {
    return this.actor(name).address
  }

  /** In truth: its receiver runs, its way is open, and its source lives. */
  hearsInTruth(name: string): boolean {
    const { channel, link, life } = this.actor(name)
    if (channel === undefined || life !== 'up' || link === 'cut' || channel.receiver !== 'running') return false
    return this.sourceOf(channel)?.life === 'up'
  }

  names(): readonly string[] {
    return [...this.actors.keys()]
  }

  topology(): Topology {
    const { declared, reign } = this
    const sightings = [...this.sightings.values()]
    return assemble({ cluster: clusterId('c1'), alias: 'shop', sightings, declared, reign, at: instant(this.now) })
  }

  snapshot(): Snapshot {
    const { policy, knocks } = this
    return {
      topology: this.topology(),
      policy,
      knocks,
      untrustedAddresses: this.untrusted,
      unlooked: this.known
        .map((name) => this.actor(name).address)
        .filter((address) => !this.sightings.has(printAddress(address))),
      downtimedAddresses: [...this.actors.values()]
        .map((actor) => actor.address)
        .filter((address) => this.declared.get(printAddress(address))?.downtimed),
      formerPrimaries: this.former,
    }
  }

  folded(): Folded {
    return foldPrimary(this.snapshot())
  }

  diagnosis(): Diagnosis {
    return diagnose(this.snapshot())
  }

  explanation(): Explanation {
    return explain(this.folded())
  }

  /** The row that holds for the primary. */
  row(): string {
    return this.diagnosis().primary.row
  }

  /** What is found about one replica. */
  findings(name: string): readonly string[] {
    return this.diagnosis()
      .replicas.filter((r) => r.server === idOf(name))
      .map((r) => r.finding)
  }

  private add(name: string, access: Access): this {
    const address = { host: '127.0.0.1', port: 3300 + this.actors.size + 1 }
    const executed = { s1: 100 }
    const common = { life: 'up', toUs: 'open', link: 'open', startedAt: -1e9, extra: {} } as const
    this.actors.set(name, { name, address, access, executed, received: executed, ...common })
    return this
  }

  private actor(name: string): Actor {
    return found(this.actors.get(name), name)
  }

  private change(name: string, change: Partial<Actor>): this {
    this.actors.set(name, { ...this.actor(name), ...change })
    return this
  }

  private channelOf(name: string): Channel {
    return found(this.actor(name).channel, `the channel of ${name}`)
  }

  private nameOfPrimary(): string {
    return found(
      this.names().find((name) => idOf(name) === this.reign?.primary),
      'a primary',
    )
  }

  private numericId(name: string): number {
    return this.names().indexOf(name) + 1
  }

  private sourceOf(channel: Channel): Actor | undefined {
    return [...this.actors.values()].find((actor) => printAddress(actor.address) === printAddress(channel.source))
  }

  /** What the servers do among themselves at this instant. */
  private replicate(): void {
    for (const name of this.writers) this.write(name)
    for (const actor of this.actors.values()) {
      if (actor.channel !== undefined && actor.life === 'up') this.receive(actor, actor.channel)
    }
  }

  private write(name: string): void {
    const { life, executed } = this.actor(name)
    if (life === 'up') this.has(name, name, (executed[name] ?? 0) + 1)
  }

  private receive(actor: Actor, channel: Channel): void {
    const source = this.sourceOf(channel)
    if (channel.receiver === 'stopped' || source === undefined || actor.link === 'cut') return
    if (source.life === 'frozen' || source.life === 'gone') return
    if (source.life === 'killed') {
      const error = channel.receiverError ?? (this.numericId(actor.name) % 2 === 0 ? REFUSED : RESET)
      this.change(actor.name, { channel: { ...channel, receiver: 'connecting', receiverError: error } })
      return
    }
    if (channel.receiver === 'connecting' && channel.receiverError?.code === 1045) return
    const { receiverError: _, ...healed } = channel
    const received = joined(actor.received, source.executed)
    const executed = channel.applier === 'running' ? joined(actor.executed, received) : actor.executed
    const heartbeats = channel.heartbeatPeriodMs === 0 ? 0 : Math.floor(this.now / channel.heartbeatPeriodMs)
    const receivedText = textOf(received)
    this.change(actor.name, {
      received,
      executed,
      channel: { ...healed, receiver: 'running', heartbeats, receivedText },
    })
  }

  private meet(name: string): Look {
    const { life, toUs } = this.actor(name)
    const sentAt = instant(this.now)
    if (life === 'frozen' || life === 'gone' || toUs === 'cut') {
      this.sleep(this.silentLookMs)
      return { kind: 'silent', sentAt, at: instant(this.now), code: 'ETIMEDOUT' }
    }
    const at = instant(this.now + LOOK_MS)
    if (life === 'killed' || toUs === 'refusing') return { kind: 'refused', sentAt, at, code: 'ECONNREFUSED' }
    if (toUs !== 'open') return { kind: 'denied', sentAt, at, ...toUs, message: 'no' }
    this.now += LOOK_MS
    return { kind: 'answered', sentAt, at, status: this.statusOf(name) }
  }

  private statusOf(name: string): ServerStatus {
    const { access, startedAt, channel, executed, received, extra } = this.actor(name)
    const own = { numericId: this.numericId(name), access, history: historyOf(executed, received) }
    const uptimeS = Math.floor((this.now - startedAt) / 1000)
    return aStatus(name, { ...own, uptimeS, channels: channel === undefined ? [] : [channel], ...extra })
  }
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the story knows no ${what}`)
  return value
}
