import { isIPv6 } from 'node:net'
import { z } from 'zod'
import { parseAddress } from '../model/address.ts'
import { DURATION_PATTERN, parseDuration, printDuration } from '../model/duration.ts'

/** The small values that the file is made of. Each says in `description` what to write; errors quote it. */

type Issue = { readonly what: string; readonly fix: string }

/** Where a value has the right type and still cannot be used: what is wrong, and what to write instead. */
export const complain = (context: z.RefinementCtx, { what, fix }: Issue): void =>
  context.addIssue({ code: 'custom', message: what, params: { fix } })

export const address = z
  .string()
  .meta({
    title: 'address',
    description: 'host:port; an IPv6 host in brackets, the whole in quotes',
    examples: ['db1:3306'],
  })
  .transform((text, context) => {
    const read = parseAddress(text)
    if (read) return read
    complain(context, { what: `"${text}" is not an address`, fix: addressFix(text) })
    return z.NEVER
  })

/** Without brackets nobody can tell where an IPv6 host ends and its port begins. */
export const addressFix = (text: string): string =>
  isIPv6(text.trim())
    ? `an IPv6 host stands in brackets, the whole in quotes: "[${text.trim()}]:3306"`
    : 'write host:port, for example db1:3306'

interface Bounds {
  readonly min: number
  readonly max: number
  readonly description: string
  /** The server takes whole seconds only. */
  readonly wholeSeconds?: true
}

/** A duration in ms, within bounds that are inclusive. */
export const duration = ({ min, max, description, wholeSeconds }: Bounds) =>
  z
    .string()
    .meta({ title: 'duration', description, pattern: DURATION_PATTERN.source, examples: ['500ms', '1.5s', '10m'] })
    .transform((text, context) => {
      const ms = parseDuration(text)
      if (ms === undefined) {
        complain(context, { what: `"${text}" is not a duration`, fix: durationFix(text) })
        return z.NEVER
      }
      if (ms < min || ms > max) {
        const range = `${printDuration(min)} to ${printDuration(max)}`
        complain(context, { what: `${text} is out of range`, fix: `write a duration from ${range}` })
        return z.NEVER
      }
      if (wholeSeconds && ms % 1000 !== 0) {
        complain(context, {
          what: `${text} is not a whole number of seconds`,
          fix: 'write whole seconds: servers take no fractions here',
        })
        return z.NEVER
      }
      return ms
    })

export function durationFix(text: string): string {
  if (/^\d+(\.\d+)?$/.test(text)) return `name the unit: ${text}s or ${text}ms`
  return 'write a number and a unit (ms, s, m, h, d) without a space: 500ms, 1.5s, 10m'
}

export const path = (description: string) =>
  z
    .string()
    .min(1)
    .meta({ title: 'path', description: `${description}; relative to the configuration file` })

/** Names appear in commands, labels of metrics and file names: nothing in them needs quoting. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

export const name = (description: string) =>
  z
    .string()
    .meta({ description, pattern: NAME_PATTERN.source })
    .refine((text) => NAME_PATTERN.test(text), {
      error: 'this name cannot be used',
      params: { fix: 'use letters, digits, ".", "_" and "-", at most 64, beginning with a letter or digit' },
    })

/** A program with its arguments; no shell ever sees it. */
export const program = (description: string) =>
  z
    .array(z.string(), { error: 'this is not a program with its arguments' })
    .min(1, { error: 'the list is empty' })
    .meta({
      description: `${description}: the program and its arguments as a list; no shell`,
      examples: [['/usr/local/bin/route', 'off']],
    })
