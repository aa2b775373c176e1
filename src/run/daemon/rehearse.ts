import { planFailoverAct1 } from '../../decide/recover/failover-act1.ts'
import { planFailoverAct2 } from '../../decide/recover/failover-act2.ts'
import { followers } from '../../decide/recover/situation.ts'
import type { ServerId } from '../../model/ids.ts'
import type { Office } from './office.ts'
import { situationFor } from './situation.ts'

/**
 * Plans both acts as if the primary died now, and changes nothing. The first planning of a process costs ten times what the second
 * does (its code is compiled then): that is paid here, while nobody waits for it.
 */
export async function rehearse(office: Office, primary: ServerId): Promise<void> {
  const situation = await situationFor(
    office,
    { subject: primary, subjectState: 'refused', stopped: true, automatic: true },
    office.ids.recovery(),
  )
  planFailoverAct1(situation)
  planFailoverAct2(situation, new Map(followers(situation).map((f) => [f.id, f.status])))
}
