import { useStore, type WriterSeen } from './store.ts'
import { count, ms } from './words.ts'

/** The client that writes all the time, where one does: what an application feels. */
export function WriterPanel() {
  const writer = useStore((s) => s.writer)
  if (!writer) return null
  const { acknowledged, unanswered, lastAckAgoMs, longestGapMs, perSecond, gaps } = writer
  const stuck = lastAckAgoMs > 300
  return (
    <section className={`panel writer ${stuck ? 'writer-stuck' : ''}`} aria-label="what an application feels">
      <h2>Writes</h2>
      <dl>
        <div>
          <dt>acknowledged</dt>
          <dd className="large">{count(acknowledged)}</dd>
        </div>
        <div>
          <dt>{stuck ? 'no answer for' : 'per s'}</dt>
          <dd className={stuck ? 'bad' : ''}>{stuck ? ms(lastAckAgoMs) : count(Math.round(perSecond))}</dd>
        </div>
        <div>
          <dt>longest pause</dt>
          <dd>{ms(longestGapMs)}</dd>
        </div>
        <div>
          <dt>unanswered</dt>
          <dd>{count(unanswered)}</dd>
        </div>
      </dl>
      <Pauses gaps={gaps} />
    </section>
  )
}

const WIDTH = 300
const HEIGHT = 34
const SAMPLES = 120

/** Pauses on a logarithmic scale: a usual write and an outage are both seen. */
function Pauses({ gaps }: Pick<WriterSeen, 'gaps'>) {
  const bar = WIDTH / SAMPLES
  const worst = Math.max(0, ...gaps.map((g) => g.ms))
  return (
    <svg
      className="pauses"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`recent pauses between writes; the longest of them was ${ms(worst)}`}
    >
      {gaps.map(({ number, ms: gap }, i) => {
        const height = Math.min(HEIGHT, 2 + (Math.log10(1 + gap) / 4) * (HEIGHT - 2))
        const x = (SAMPLES - gaps.length + i) * bar
        return (
          <rect
            key={number}
            className={gap > 300 ? 'bad' : ''}
            x={x}
            y={HEIGHT - height}
            width={bar * 0.8}
            height={height}
          />
        )
      })}
    </svg>
  )
}
