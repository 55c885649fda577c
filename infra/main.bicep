// Everything that Weir needs in Azure, in one resource group. `azd up`, or
//   az deployment sub create --location <region> --parameters infra/main.bicepparam
targetScope = 'subscription'

import { Pool, ApiKey, Shard } from 'types.bicep'

@description('Part of every name: one environment, one resource group.')
@minLength(2)
@maxLength(16)
param environmentName string

@description('The region of everything.')
param location string

@description('Added to every resource.')
param tags object = {}

@description('The function apps, in the order in which they are deployed: those that run jobs before the one that takes them in.')
@minLength(1)
param pools Pool[]

@description('The name of the pool whose address clients use.')
param frontPool string = pools[length(pools) - 1].name

@description('Standard has sessions, topics and duplicate detection. Premium is needed for isolation and zone redundancy.')
@allowed([
  'Standard'
  'Premium'
])
param serviceBusSku string = 'Standard'

@description('Messaging units of a Premium namespace.')
@allowed([
  1
  2
  4
  8
  16
])
param messagingUnits int = 1

@description('Three zones for namespace, storage and apps. Needs Premium, and a region that has zones.')
param zoneRedundant bool = false

@description('A virtual network with private endpoints, and no public door to namespace and storage. Needs Premium.')
param isolated bool = false

@description('A storage account of its own for Durable Functions, so that orchestrations and receipts do not share one account\'s limits.')
param ownDurableStorage bool = false

@description('Namespace and storage cannot be deleted while they are locked.')
param locked bool = false

@description('Preview: updates drain instances for up to 60 minutes instead of ending what runs.')
param rollingUpdate bool = false

@description('How long logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Whom alerts are mailed to; nobody when empty.')
param alertEmails string[] = []

@description('Who may call the API. Without a key (or Entra in extraSettings) the app does not start.')
param apiKeys ApiKey[] = []

@description('Signs webhooks: whsec_ and 24 to 64 bytes in base64. Without it a callbackUrl is refused.')
@secure()
param webhookSecret string = ''

@description('The probe job types, for the smoke test.')
param probe bool = false

@description('Further settings of the app, for instance {Weir__Lanes: \'64\'}.')
param extraSettings object = {}

@description('Shards that a front is made for, in an app of its own beside the pools (docs/operations/shards.md); no front when empty. This environment may be one of them.')
@maxLength(64)
param shards Shard[] = []

var token = toLower(uniqueString(subscription().id, environmentName, location))
var allTags = union(tags, { 'azd-env-name': environmentName, app: 'weir' })
var fronted = !empty(shards)
// It runs nothing: each request goes on to a shard.
var shardFront = {
  name: 'shards'
  runs: []
  maxConcurrentSessions: null
  instanceMemoryMB: 2048
  maximumInstanceCount: 100
  alwaysReady: []
}
var allPools = fronted ? concat(pools, [shardFront]) : pools
var premium = serviceBusSku == 'Premium'

resource group 'Microsoft.Resources/resourceGroups@2021-04-01' = {
  name: 'rg-weir-${environmentName}'
  location: location
  tags: allTags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-weir-${token}'
    location: location
    tags: allTags
  }
}

// A front has an identity and an account of its own: where tenants are lies there, and nothing that is the shards' is open to it.
module frontIdentity 'modules/identity.bicep' = if (fronted) {
  name: 'front-identity'
  scope: group
  params: {
    name: 'id-weir-shards-${token}'
    location: location
    tags: allTags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    name: 'weir-${token}'
    location: location
    tags: allTags
    retentionDays: logRetentionDays
    principalIds: concat([
      identity.outputs.principalId
    ], fronted ? [
      frontIdentity!.outputs.principalId
    ] : [])
  }
}

module network 'modules/network.bicep' = if (isolated) {
  name: 'network'
  scope: group
  params: {
    name: 'vnet-weir-${token}'
    location: location
    tags: allTags
    pools: map(allPools, pool => pool.name)
  }
}

module serviceBus 'modules/servicebus.bicep' = {
  name: 'servicebus'
  scope: group
  params: {
    name: 'sb-weir-${token}'
    location: location
    tags: allTags
    sku: serviceBusSku
    messagingUnits: messagingUnits
    zoneRedundant: zoneRedundant && premium
    isolated: isolated && premium
    endpointSubnetId: isolated ? network!.outputs.endpointSubnetId : ''
    dnsZoneIds: isolated ? network!.outputs.dnsZoneIds : {}
    locked: locked
    workspaceId: monitoring.outputs.workspaceId
    principalId: identity.outputs.principalId
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'stweir${token}'
    location: location
    tags: allTags
    containers: map(pools, pool => 'app-package-${pool.name}')
    withQueues: !ownDurableStorage
    zoneRedundant: zoneRedundant
    isolated: isolated
    endpointSubnetId: isolated ? network!.outputs.endpointSubnetId : ''
    dnsZoneIds: isolated ? network!.outputs.dnsZoneIds : {}
    locked: locked
    workspaceId: monitoring.outputs.workspaceId
    principalId: identity.outputs.principalId
  }
}

module durableStorage 'modules/storage.bicep' = if (ownDurableStorage) {
  name: 'durable-storage'
  scope: group
  params: {
    name: 'stdur${token}'
    location: location
    tags: allTags
    containers: []
    withQueues: true
    zoneRedundant: zoneRedundant
    isolated: isolated
    endpointSubnetId: isolated ? network!.outputs.endpointSubnetId : ''
    dnsZoneIds: isolated ? network!.outputs.dnsZoneIds : {}
    locked: locked
    workspaceId: monitoring.outputs.workspaceId
    principalId: identity.outputs.principalId
  }
}

module frontStorage 'modules/storage.bicep' = if (fronted) {
  name: 'front-storage'
  scope: group
  params: {
    name: 'stfrt${token}'
    location: location
    tags: allTags
    containers: [
      'app-package-${shardFront.name}'
    ]
    withQueues: true
    zoneRedundant: zoneRedundant
    isolated: isolated
    endpointSubnetId: isolated ? network!.outputs.endpointSubnetId : ''
    dnsZoneIds: isolated ? network!.outputs.dnsZoneIds : {}
    locked: locked
    workspaceId: monitoring.outputs.workspaceId
    principalId: frontIdentity!.outputs.principalId
  }
}

module apps 'modules/app.bicep' = [for (pool, i) in pools: {
  name: 'app-${pool.name}'
  scope: group
  params: {
    // Below 32 characters: the host takes its id from as many.
    name: 'weir-${pool.name}-${token}'
    location: location
    tags: allTags
    pool: pool
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageName: storage.outputs.name
    packageContainerUrl: '${storage.outputs.blobEndpoint}app-package-${pool.name}'
    durableStorageName: ownDurableStorage ? durableStorage!.outputs.name : ''
    serviceBusHost: serviceBus.outputs.host
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    subnetId: isolated ? network!.outputs.appSubnetIds[i] : ''
    zoneRedundant: zoneRedundant
    rollingUpdate: rollingUpdate
    workspaceId: monitoring.outputs.workspaceId
    apiKeys: apiKeys
    webhookSecret: webhookSecret
    probe: probe
    extraSettings: extraSettings
    shards: []
  }
}]

module front 'modules/app.bicep' = if (fronted) {
  name: 'app-${shardFront.name}'
  scope: group
  params: {
    name: 'weir-${shardFront.name}-${token}'
    location: location
    tags: allTags
    pool: shardFront
    identityId: frontIdentity!.outputs.id
    identityClientId: frontIdentity!.outputs.clientId
    storageName: frontStorage!.outputs.name
    packageContainerUrl: '${frontStorage!.outputs.blobEndpoint}app-package-${shardFront.name}'
    durableStorageName: ''
    serviceBusHost: ''
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    subnetId: isolated ? network!.outputs.appSubnetIds[length(pools)] : ''
    zoneRedundant: zoneRedundant
    rollingUpdate: rollingUpdate
    workspaceId: monitoring.outputs.workspaceId
    apiKeys: apiKeys
    webhookSecret: ''
    probe: false
    extraSettings: extraSettings
    shards: shards
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    name: 'weir-${token}'
    tags: allTags
    emails: alertEmails
    serviceBusId: serviceBus.outputs.id
    location: location
    insightsId: monitoring.outputs.insightsId
  }
}

@description('For the deploy step (infra/deploy.mjs): the apps in the order in which they are deployed.')
output FUNCTION_APPS array = [for (pool, i) in allPools: {
  pool: pool.name
  runs: pool.runs
  name: i < length(pools) ? apps[i].outputs.name : front!.outputs.name
  host: i < length(pools) ? apps[i].outputs.host : front!.outputs.host
}]
output AZURE_RESOURCE_GROUP string = group.name
output SERVICE_BUS_NAMESPACE string = serviceBus.outputs.host
output STORAGE_ACCOUNT string = storage.outputs.name
@description('What clients use: the front, where there is one.')
output WEIR_URL string = fronted ? 'https://${front!.outputs.host}' : 'https://${apps[indexOf(map(pools, pool => pool.name), frontPool)].outputs.host}'
@description('What a front lists as this environment\'s address.')
output SHARD_URL string = 'https://${apps[indexOf(map(pools, pool => pool.name), frontPool)].outputs.host}'
