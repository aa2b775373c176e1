import type { Command } from 'commander'

/** For verbs that look. */
export const watchable = (command: Command): Command =>
  command.option('-w, --watch <seconds>', 'again and again, until interrupted')

/** For verbs that change something: behind a daemon the change goes on when nobody waits for its answer any more. */
export const waiting = (command: Command): Command =>
  command.option(
    '--timeout <duration>',
    'how long to wait for a daemon; after it, exit 6 and the id of the recovery',
    '5m',
  )
