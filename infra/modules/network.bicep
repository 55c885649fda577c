// For an isolated system: a subnet for the private endpoints, one for each app (a plan has a subnet to itself), and the private zones.
param name string
param location string
param tags object
param pools string[]

var zones = {
  serviceBus: 'privatelink.servicebus.windows.net'
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  queue: 'privatelink.queue.${environment().suffixes.storage}'
  table: 'privatelink.table.${environment().suffixes.storage}'
}
var endpointSubnet = [
  {
    name: 'endpoints'
    properties: {
      addressPrefix: cidrSubnet('10.80.0.0/16', 24, 0)
      privateEndpointNetworkPolicies: 'Disabled'
    }
  }
]
// /23 for an app, as the samples have it; no underscore may be in the name of such a subnet.
var appSubnets = [for (pool, i) in pools: {
  name: 'app-${pool}'
  properties: {
    addressPrefix: cidrSubnet('10.80.0.0/16', 23, i + 1)
    delegations: [
      {
        name: 'app'
        properties: {
          serviceName: 'Microsoft.App/environments'
        }
      }
    ]
  }
}]

resource vnet 'Microsoft.Network/virtualNetworks@2025-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        '10.80.0.0/16'
      ]
    }
    subnets: concat(endpointSubnet, appSubnets)
  }
}

resource dnsZones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for zone in items(zones): {
  name: zone.value
  location: 'global'
  tags: tags
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (zone, i) in items(zones): {
  parent: dnsZones[i]
  name: name
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: vnet.id
    }
  }
}]

output endpointSubnetId string = '${vnet.id}/subnets/endpoints'
output appSubnetIds array = [for pool in pools: '${vnet.id}/subnets/app-${pool}']
output dnsZoneIds object = toObject(items(zones), zone => zone.key, zone => resourceId('Microsoft.Network/privateDnsZones', zone.value))
