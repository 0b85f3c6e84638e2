// Asks @cloud-copilot/iam-simulate which principals of an account can invoke a
// model: node iam_peer.mjs ACCOUNT SCP ACTION ARN
// It is installed beside this script for the time of a measurement.
import { readFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const [account, scp, action, arn] = process.argv.slice(2)
const details = JSON.parse(readFileSync(account))
const serviceControlPolicies = [{ orgIdentifier: 'r-root', policies: [{ name: 'regions', policy: JSON.parse(readFileSync(scp)) }] }]
const managed = new Map(details.Policies.map((p) => [p.Arn, p.PolicyVersionList[0].Document]))
const region = arn.split(':')[3]
const found = []

for (const e of [...details.UserDetailList, ...details.RoleDetailList]) {
  const accountId = e.Arn.split(':')[4]
  const known = { 'aws:PrincipalArn': e.Arn, 'aws:PrincipalAccount': accountId, 'aws:RequestedRegion': region }
  for (const t of e.Tags ?? []) known['aws:PrincipalTag/' + t.Key] = t.Value
  const boundary = e.PermissionsBoundary?.PermissionsBoundaryArn
  const r = await runSimulation(
    {
      request: { principal: e.Arn, action, resource: { resource: arn, accountId }, contextVariables: known },
      identityPolicies: [
        ...(e.UserPolicyList ?? e.RolePolicyList).map((p) => ({ name: p.PolicyName, policy: p.PolicyDocument })),
        ...(e.AttachedManagedPolicies ?? []).map((p) => ({ name: p.PolicyName, policy: managed.get(p.PolicyArn) }))
      ],
      permissionBoundaryPolicies: boundary ? [{ name: boundary, policy: managed.get(boundary) }] : undefined,
      serviceControlPolicies,
      resourceControlPolicies: []
    },
    {
      simulationMode: 'Discovery',
      discoveryContextKeyConstraints: Object.keys(known).map((keyName) => ({ keyName, presenceIsKnown: true, valueIsKnown: true }))
    }
  )
  if (r.resultType === 'error') throw new Error(JSON.stringify(r.errors))
  if (r.overallResult === 'Allowed') found.push(e.Arn)
}
console.log(found.join('\n'))
