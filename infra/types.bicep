// What several files speak of.

@export()
@description('A function app of its own: which groups of functions it runs (infra/functions.json), how many sessions at once, and how far it scales.')
type Pool = {
  @description('Part of the app\'s name, so letters and digits.')
  @minLength(2)
  @maxLength(8)
  name: string

  @description('Groups of infra/functions.json that this app runs; all others are disabled in it. Its HTTP functions run in every app.')
  runs: string[]

  @description('Sessions that an instance serves at once (maxConcurrentSessions of host.json holds where this is null).')
  maxConcurrentSessions: int?

  @description('MB of an instance: 512, 2048 or 4096.')
  instanceMemoryMB: int

  @description('On-demand instances for each function, 40 to 1,000. No limit of concurrency: lanes are.')
  maximumInstanceCount: int

  @description('Instances that are always there: {name: http, durable or function:<NAME>, instanceCount}.')
  alwaysReady: AlwaysReady[]
}

@export()
type AlwaysReady = {
  name: string
  instanceCount: int
}

@export()
@description('A whole Weir behind a front (docs/operations/shards.md): an environment of its own, which is there before the front knows of it.')
type Shard = {
  @description('Small letters, digits and dashes. Tenants are pinned to it: never give it to another shard.')
  @minLength(1)
  @maxLength(32)
  name: string

  @description('Its address: the output SHARD_URL of its own environment.')
  url: string

  @description('It takes no new tenants.')
  closed: bool?
}

@export()
@description('An API key as the app keeps it: the SHA-256 of the key, never the key (docs/operations/access.md).')
type ApiKey = {
  @description('Letters, digits and underscores.')
  name: string
  hash: string
  @description('* is every tenant.')
  tenant: string
  @description('Some of submit, read, operate, with spaces between them.')
  scopes: string
}
