using 'main.bicep'

// Three apps of one package. Deployed in this order: what runs jobs before what takes them in, so that no job of a new contract comes
// before the app that knows it.
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'prod')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param pools = [
  {
    name: 'bulk'
    runs: [
      'bulk'
      'timers'
    ]
    maxConcurrentSessions: 32
    instanceMemoryMB: 2048
    maximumInstanceCount: 40
    alwaysReady: []
  }
  {
    name: 'default'
    runs: [
      'default'
      'durable'
    ]
    maxConcurrentSessions: 64
    instanceMemoryMB: 2048
    maximumInstanceCount: 100
    alwaysReady: [
      {
        name: 'durable'
        instanceCount: 2
      }
    ]
  }
  {
    name: 'front'
    runs: [
      'critical'
    ]
    maxConcurrentSessions: 64
    instanceMemoryMB: 2048
    maximumInstanceCount: 100
    alwaysReady: [
      {
        name: 'http'
        instanceCount: 2
      }
      {
        name: 'function:RunCriticalJobs'
        instanceCount: 2
      }
    ]
  }
]
param serviceBusSku = 'Premium'
param messagingUnits = 1
param zoneRedundant = true
param isolated = true
param ownDurableStorage = true
param locked = true
param logRetentionDays = 90
param alertEmails = filter(split(readEnvironmentVariable('WEIR_ALERT_EMAILS', ''), ','), email => !empty(email))
param apiKeys = [
  {
    name: 'smoke'
    hash: readEnvironmentVariable('WEIR_SMOKE_KEY_HASH')
    tenant: '*'
    scopes: 'submit read operate'
  }
]
param webhookSecret = readEnvironmentVariable('WEIR_WEBHOOK_SECRET', '')
// A probe does what its payload says, to the point of ending the process: not where clients you do not know may submit.
param probe = false
