/** How numbers and times are written on the page. */
import type { OrderJson } from '../api/contract.ts'

export function ms(value: number): string {
  if (value < 1) return '<1 ms'
  if (value < 1000) return `${Math.round(value)} ms`
  if (value < 60_000) return `${(value / 1000).toFixed(value < 10_000 ? 1 : 0)} s`
  const minutes = Math.round(value / 60_000)
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`
}

const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})
const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })

export const clock = (at: number): string => CLOCK.format(at)

/** The day too, unless it is today. */
export function when(at: number): string {
  const today = new Date().toDateString() === new Date(at).toDateString()
  return today ? clock(at) : `${DAY.format(at)} ${clock(at)}`
}

/** A standing order with its end, its giver and its reason. */
export const orderText = (order: Pick<OrderJson, 'kind' | 'until' | 'by' | 'reason'>): string =>
  `${orderUntil(order)} by ${order.by}: ${order.reason}`

export const orderUntil = ({ kind, until }: Pick<OrderJson, 'kind' | 'until'>): string =>
  `${ORDERS[kind]} until ${when(until)}`

const ORDERS: { readonly [K in OrderJson['kind']]: string } = {
  pause: 'paused',
  downtime: 'in downtime',
  unfence: 'unfenced',
  prefer: 'preferred',
}

export const iso = (at: number): string => new Date(at).toISOString()

export const count = (value: number): string => value.toLocaleString('en').replaceAll(',', ' ')

/** `dead_with_some_replicas` as people write it. */
export const plain = (word: string): string => word.replaceAll('_', ' ')

/** Ids of servers in a text become their addresses; a GTID, which begins with one, stays as it is. */
export function named(text: string, names: Readonly<Record<string, string>>): string {
  return Object.entries(names).reduce(
    (said, [id, name]) =>
      id === '' ? said : said.replace(new RegExp(`${id}(?!:(?:[a-z_]\\w*:)?\\d)`, 'g'), () => name),
    text,
  )
}

export const shortVersion = (version: string): string => {
  const number = /^\d+\.\d+(\.\d+)?/.exec(version)?.[0] ?? version
  return `${/mariadb/i.test(version) ? 'MariaDB' : 'MySQL'} ${number}`
}
