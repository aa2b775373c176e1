import type { Command } from 'commander'
import type { Context } from './context.ts'

/** What a verb does once its command line has been read. */
export type VerbAction = (context: Context, args: readonly (string | undefined)[], command: Command) => Promise<void>
/** Gives a command its description, its examples, the common options, and its action. */
export type DefineVerb = (command: Command, says: string, example: string, action: VerbAction) => void
export type Register = (program: Command, verb: DefineVerb) => void
