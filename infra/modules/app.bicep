// One pool: a Flex Consumption plan (it takes one app only) and the function app. Every pool runs the same package; its settings say which functions.
import { Pool, ApiKey, Shard } from '../types.bicep'

@maxLength(32)
param name string
param location string
param tags object
param pool Pool
param identityId string
param identityClientId string
param storageName string
param packageContainerUrl string

@description('Where Durable Functions keep their work; empty: with the rest.')
param durableStorageName string

@description('Empty: the app has nothing to do with Service Bus.')
param serviceBusHost string
param insightsConnectionString string

@description('Empty: no virtual network.')
param subnetId string
param zoneRedundant bool
param rollingUpdate bool
param workspaceId string
param apiKeys ApiKey[]
@secure()
param webhookSecret string
param probe bool
param extraSettings object

@description('Whose front this app is; of none when empty.')
param shards Shard[]

var groups = loadJsonContent('../functions.json')
var others = flatten(map(filter(items(groups), group => !contains(pool.runs, group.key)), group => group.value))
var disabled = toObject(others, function => 'AzureWebJobs.${function}.Disabled', function => 'true')

// The connections by identity, never by a string with a secret in it.
var connections = {
  AzureWebJobsStorage__accountName: storageName
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
}
var broker = empty(serviceBusHost) ? {} : {
  ServiceBus__fullyQualifiedNamespace: serviceBusHost
  ServiceBus__credential: 'managedidentity'
  ServiceBus__clientId: identityClientId
}
var durable = empty(durableStorageName) ? {} : {
  AzureFunctionsJobHost__extensions__durableTask__storageProvider__connectionName: 'DurableStorage'
  DurableStorage__accountName: durableStorageName
  DurableStorage__credential: 'managedidentity'
  DurableStorage__clientId: identityClientId
}
var sessions = pool.?maxConcurrentSessions == null ? {} : {
  AzureFunctionsJobHost__extensions__serviceBus__maxConcurrentSessions: string(pool.?maxConcurrentSessions)
}
var keyHashes = toObject(apiKeys, key => 'Weir__Keys__${key.name}__Hash', key => key.hash)
var keyTenants = toObject(apiKeys, key => 'Weir__Keys__${key.name}__Tenant', key => key.tenant)
var keyScopes = toObject(apiKeys, key => 'Weir__Keys__${key.name}__Scopes', key => key.scopes)
var shardNames = toObject(range(0, length(shards)), i => 'Weir__Shards__${i}__Name', i => (shards[i].name))
var shardUrls = toObject(range(0, length(shards)), i => 'Weir__Shards__${i}__Url', i => (shards[i].url))
var shardsClosed = toObject(range(0, length(shards)), i => 'Weir__Shards__${i}__Closed', i => (shards[i].?closed == true ? 'true' : 'false'))
var webhooks = empty(webhookSecret) ? {} : {
  Weir__Webhooks__Secret: webhookSecret
}
var probes = probe ? {
  Weir__Probe__Enabled: 'true'
} : {}

var drained = rollingUpdate ? {
  // Preview, and not in the published types.
  siteUpdateStrategy: {
    type: 'RollingUpdate'
  }
} : {}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource site 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { pool: pool.name })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
    }
    functionAppConfig: union({
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'dotnet-isolated'
        version: '10.0'
      }
      scaleAndConcurrency: {
        maximumInstanceCount: pool.maximumInstanceCount
        instanceMemoryMB: pool.instanceMemoryMB
        alwaysReady: pool.alwaysReady
      }
    }, drained)
  }
}

resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: site
  name: 'appsettings'
  properties: union(extraSettings, disabled, sessions, durable, keyHashes, keyTenants, keyScopes, webhooks, probes, shardNames, shardUrls, shardsClosed, broker, connections)
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: site
  properties: {
    workspaceId: workspaceId
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

output name string = site.name
output host string = site.properties.defaultHostName
