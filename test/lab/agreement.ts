/**
 * What may befall the group of a region, played on real hosts: who leads is cut off, a follower comes and goes, a majority is
 * gone. All check that content is served on as if nothing had happened, that a change is agreed where a majority is and
 * refused with who is missing where it is not, that nothing acknowledged is lost, and that coming back disturbs nobody.
 */
import type { AgreementStatus } from '../../daemon/agreement/status.ts'
import type { HostLook } from '../../netsim/lab/lab.ts'
import type { LabHost } from '../../netsim/lab/topology.ts'
import { objects, type Rig, rigDefaults } from './rig.ts'
import { mend, type Scenario } from './scenarios.ts'

const threeVoters = { regions: { europe: { hosts: 3 }, america: { hosts: 1 } } }
const region = 'europe'

export const agreementScenarios: readonly Scenario[] = [
  {
    name: 'leader-cut',
    title: 'a region whose leader is cut off elects another, and takes it back as a follower',
    topology: threeVoters,
    run: async (rig) => {
      const held = await prepare(rig)
      const before = await oneLeader(rig, rig.hosts(region))
      const leader = rig.hosts(before.leader!.name!)
      const others = rig.hosts(region).filter((host) => !leader.includes(host))
      await cutOff(rig, leader)
      const after = await oneLeader(rig, others, (status) => status.term > before.term)
      rig.say(`${after.leader!.name} leads in place of ${before.leader!.name}`)
      await rig.allRight(rig.lab.hosts, held, 'without the leader', ['hit'])
      await agreeOn(rig, others[1]!, 2)
      await refusal(rig, leader[0]!, others)
      await rig.measureCoordination()
      await comeBack(rig, after, 2, held)
    }
  },
  {
    name: 'follower-flaps',
    title: 'a follower that comes and goes causes no election',
    topology: threeVoters,
    run: async (rig) => {
      const held = await prepare(rig)
      const before = await oneLeader(rig, rig.hosts(region))
      const [follower] = rig.hosts(region).filter(({ name }) => name !== before.leader!.name)
      for (let times = 0; times < 6; times++) {
        await rig.lab.cut(follower!.name, 'others')
        await rig.pause(1_500)
        await rig.lab.heal()
        await rig.pause(500)
      }
      await rig.allRight(rig.lab.hosts, held, 'while a follower comes and goes', ['hit'])
      await agreeOn(rig, rig.hosts(before.leader!.name!)[0]!, 2)
      await comeBack(rig, before, 2, held)
    }
  },
  {
    name: 'majority-cut',
    title: 'a region of which no majority is left serves on and changes nothing, and agrees again after healing',
    topology: threeVoters,
    run: async (rig) => {
      const held = await prepare(rig)
      await oneLeader(rig, rig.hosts(region))
      const [one, two, three] = rig.hosts(region) as [LabHost, LabHost, LabHost]
      await rig.lab.cut(`${one.name}`, `${two.name},${three.name}`)
      await rig.lab.cut(two.name, three.name)
      await rig.expectCut(one, two)
      await rig.until('noticing that nobody leads', rigDefaults.settleTimeoutMs, (looks) => groupsOf(looks, [one, two, three]).every(({ leads }) => !leads))
      await rig.allRight(rig.lab.hosts, held, 'without a majority', ['hit'])
      for (const host of [one, two, three]) await refusal(rig, host, rig.hosts(region).filter((each) => each !== host))
      await rig.lab.heal()
      await mend(rig, held)
      // What was refused has not happened: the next change is the second.
      await agreeOn(rig, two, 2)
      await sameVersion(rig, 2)
    }
  }
]

/** Three voters, a first agreed version, and content that every host holds. */
async function prepare (rig: Rig): Promise<readonly string[]> {
  const held = objects('held', 4, 3_600)
  await rig.allRight(rig.lab.hosts, held, 'before')
  await oneLeader(rig, rig.hosts(region))
  await agreeOn(rig, rig.hosts(region)[0]!, 1)
  await sameVersion(rig, 1)
  return held
}

async function cutOff (rig: Rig, hosts: readonly LabHost[]): Promise<void> {
  await rig.lab.cut(hosts.map(({ name }) => name).join(','), 'others')
  await rig.expectCut(hosts[0]!, rig.others(hosts)[0]!)
}

/** Heals; nobody was elected for it, and everybody has what was agreed. */
async function comeBack (rig: Rig, { term, leader }: AgreementStatus, version: number, held: readonly string[]): Promise<void> {
  await mend(rig, held)
  const now = await oneLeader(rig, rig.hosts(region))
  if (now.term !== term || now.leader?.peer !== leader?.peer) throw new Error(`${now.leader?.name} leads in term ${now.term} after healing, where ${leader?.name} did in term ${term}`)
  await sameVersion(rig, version)
}

function groupsOf (looks: readonly HostLook[], hosts: readonly LabHost[]): AgreementStatus[] {
  return looks.filter(({ host }) => hosts.includes(host)).flatMap(({ status }) => status?.raft.find(({ scope }) => scope === 'region') ?? [])
}

/** Waits until these hosts name the same leader, one of them, of the same term, and three voters. */
async function oneLeader (rig: Rig, hosts: readonly LabHost[], holds: (status: AgreementStatus) => boolean = () => true): Promise<AgreementStatus> {
  let found: AgreementStatus | undefined
  await rig.until('agreeing on a leader', rigDefaults.settleTimeoutMs, (looks) => {
    const groups = groupsOf(looks, hosts)
    const leaders = new Set(groups.map(({ group, term, leader }) => `${group} ${term} ${leader?.name}`))
    found = groups.find(({ leads }) => leads)
    return groups.length === hosts.length && leaders.size === 1 && found !== undefined && groups.every(({ voters }) => voters.length === 3) && holds(found)
  })
  return found!
}

const documentOf = (version: number): object => ({ sites: { shop: { hosts: ['shop.example'], origins: ['http://origin.example'], ttl: { default: `${version}s` } } } })

interface Answered { readonly status: number, readonly body: Record<string, any> }

async function put (rig: Rig, host: LabHost, version: number, key: string): Promise<Answered> {
  return await rig.admin(host, '/v1/config?scope=regional&plan=now&author=ann', {
    method: 'PUT',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(documentOf(version))
  })
}

/** The same change until it is done: answers that say that it is not known yet are answered by asking again. */
async function agreeOn (rig: Rig, host: LabHost, version: number): Promise<void> {
  for (let tries = 0; ; tries++) {
    const { status, body } = await put(rig, host, version, `version-${version}`)
    if (status === 201 && body.version === version) return
    if (status < 500 || tries === rigDefaults.changeTriesMax) throw new Error(`${host.name} answers the change to version ${version} with ${status}: ${JSON.stringify(body)}`)
    await rig.pause(500)
  }
}

/** A change is refused where it cannot be agreed, and names who is missing as soon as they have been silent for long enough; what is read says that it is old. */
async function refusal (rig: Rig, host: LabHost, missing: readonly LabHost[]): Promise<void> {
  const expected = missing.map(({ name }) => name).sort().join()
  for (let tries = 0; ; tries++) {
    const { status, body } = await put(rig, host, 99, `refused-by-${host.name}`)
    if (status !== 503 && status !== 504) throw new Error(`${host.name} answers a change with ${status}, where no majority is`)
    const named = (body.missing as Array<{ readonly name?: string }>).map(({ name }) => name).sort().join()
    if (status === 503 && named === expected) break
    if (tries === rigDefaults.changeTriesMax) throw new Error(`${host.name} answers ${status} and names ${named} as missing, where ${expected} are`)
  }
  const read = await rig.admin(host, '/v1/config?scope=regional')
  if (read.status !== 200 || read.body.current !== false || !(read.body.ageMs > 0)) throw new Error(`${host.name} reads ${JSON.stringify(read.body)} and does not say how old that is`)
}

/** Every host of the region runs that version, whole. */
async function sameVersion (rig: Rig, version: number): Promise<void> {
  for (const host of rig.hosts(region)) {
    for (let tries = 0; ; tries++) {
      const { status, body } = await rig.admin(host, '/v1/config?scope=regional')
      if (status === 200 && body.version === version && body.document?.sites?.shop?.ttl?.default === version * 1_000) break
      if (tries === rigDefaults.changeTriesMax) throw new Error(`${host.name} has ${JSON.stringify(body)}, where version ${version} was agreed`)
      await rig.pause(500)
    }
  }
}
