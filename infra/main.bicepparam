using 'main.bicep'

// The small one, which `azd up` takes: one app runs everything, scaled to zero when idle.
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'dev')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param pools = [
  {
    name: 'all'
    runs: [
      'critical'
      'default'
      'bulk'
      'timers'
      'durable'
    ]
    maxConcurrentSessions: null
    instanceMemoryMB: 2048
    maximumInstanceCount: 40
    alwaysReady: []
  }
]
param apiKeys = [
  {
    name: 'smoke'
    hash: readEnvironmentVariable('WEIR_SMOKE_KEY_HASH')
    tenant: '*'
    scopes: 'submit read operate'
  }
]
param probe = true
