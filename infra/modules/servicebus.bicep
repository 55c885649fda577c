// The namespace, its entities from the one list (docs/decisions/0002), and who may use them.
param name string
param location string
param tags object
param sku string
param messagingUnits int
param zoneRedundant bool
param isolated bool
param endpointSubnetId string
param dnsZoneIds object
param locked bool
param workspaceId string
param principalId string

var entities = loadJsonContent('../servicebus.json').UserConfig.Namespaces[0]
var roles = loadJsonContent('../roles.json')
var subscriptionsOfTopics = flatten(map(range(0, length(entities.Topics)), i => map(entities.Topics[i].Subscriptions, reader => { topic: i, reader: reader })))

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: sku
    tier: sku
    capacity: sku == 'Premium' ? messagingUnits : null
  }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: isolated ? 'Disabled' : 'Enabled'
    zoneRedundant: zoneRedundant
  }
}

// No time to live: when one message of a session expires, the whole session goes with it.
resource queues 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = [for queue in entities.Queues: {
  parent: namespace
  name: queue.Name
  properties: {
    requiresSession: queue.Properties.RequiresSession
    lockDuration: queue.Properties.LockDuration
    maxDeliveryCount: queue.Properties.MaxDeliveryCount
    requiresDuplicateDetection: queue.Properties.RequiresDuplicateDetection
    duplicateDetectionHistoryTimeWindow: queue.Properties.DuplicateDetectionHistoryTimeWindow
    deadLetteringOnMessageExpiration: queue.Properties.DeadLetteringOnMessageExpiration
    maxSizeInMegabytes: 5120
  }
}]

resource topics 'Microsoft.ServiceBus/namespaces/topics@2024-01-01' = [for topic in entities.Topics: {
  parent: namespace
  name: topic.Name
  properties: {
    requiresDuplicateDetection: topic.Properties.RequiresDuplicateDetection
    duplicateDetectionHistoryTimeWindow: topic.Properties.DuplicateDetectionHistoryTimeWindow
    maxSizeInMegabytes: 5120
  }
}]

resource subscriptions 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2024-01-01' = [for item in subscriptionsOfTopics: {
  parent: topics[item.topic]
  name: item.reader.Name
  properties: {
    lockDuration: item.reader.Properties.LockDuration
    maxDeliveryCount: item.reader.Properties.MaxDeliveryCount
    defaultMessageTimeToLive: item.reader.Properties.DefaultMessageTimeToLive
  }
}]

// Owner of the queues, not of the namespace: the host's scaling reads their lengths, which Receiver does not allow. It sends, too.
resource queueOwner 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (queue, i) in entities.Queues: {
  name: guid(queues[i].id, principalId, roles.serviceBusDataOwner)
  scope: queues[i]
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.serviceBusDataOwner)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}]

// Nobody here reads the topic: subscribers bring their own identities.
resource topicSender 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (topic, i) in entities.Topics: {
  name: guid(topics[i].id, principalId, roles.serviceBusDataSender)
  scope: topics[i]
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.serviceBusDataSender)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}]

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (locked) {
  name: 'jobs-lie-here'
  scope: namespace
  properties: {
    level: 'CanNotDelete'
    notes: 'Accepted jobs wait in these queues.'
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: namespace
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'audit'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

module endpoint 'private-endpoint.bicep' = if (isolated) {
  name: 'endpoint-servicebus'
  params: {
    name: 'pe-${name}'
    location: location
    tags: tags
    targetId: namespace.id
    groupId: 'namespace'
    subnetId: endpointSubnetId
    dnsZoneId: dnsZoneIds.serviceBus
  }
}

output id string = namespace.id
output host string = '${namespace.name}.servicebus.windows.net'
