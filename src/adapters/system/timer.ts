/** Above this setTimeout fires at once instead of late: longer waits are made of several. */
const LONGEST_MS = 2_147_483_647

/** Monotonic milliseconds since this machine's boot (CLOCK_MONOTONIC): the same for every process of one boot, so a lease's deadline can be compared. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6

/** Calls `fire` once, never before `ms` have passed (Node's own timers may come up to a millisecond early). */
export function startTimer(ms: number, fire: () => void): Disposable {
  const due = monotonicMs() + Math.max(0, ms)
  let timer: NodeJS.Timeout
  const arm = (): void => {
    const left = due - monotonicMs()
    if (left <= 0) fire()
    else timer = setTimeout(arm, Math.min(Math.ceil(left), LONGEST_MS))
  }
  timer = setTimeout(arm, Math.min(Math.ceil(Math.max(0, ms)), LONGEST_MS))
  return { [Symbol.dispose]: () => clearTimeout(timer) }
}
