// What the broker's own metrics can tell, without any telemetry of the app: each alert is a threshold that a healthy system stays below.
// And what the app's log tells: the alerts of ../alerts/alerts.json that have an event.
param name string
param location string
param tags object
param emails string[]
param serviceBusId string
param insightsId string

var fromLogs = filter(loadJsonContent('../alerts/alerts.json'), rule => contains(rule, 'logs'))

var rules = [
  {
    name: 'dead-letters-not-collected'
    description: 'Dead messages have lain in the queues for a quarter of an hour, though the collectors take them into the catalogue within seconds. See docs/operations/dead-letters.md.'
    metric: 'DeadletteredMessages'
    aggregation: 'Average'
    threshold: 100
    severity: 1
    window: 'PT15M'
  }
  {
    name: 'service-bus-throttles'
    description: 'The namespace refuses requests: 1,000 credits a second on Standard are used up.'
    metric: 'ThrottledRequests'
    aggregation: 'Total'
    threshold: 50
    severity: 2
    window: 'PT5M'
  }
  {
    name: 'service-bus-errors'
    description: 'The namespace fails by itself.'
    metric: 'ServerErrors'
    aggregation: 'Total'
    threshold: 20
    severity: 2
    window: 'PT5M'
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${name}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'weir'
    enabled: true
    emailReceivers: [for (email, i) in emails: {
      name: 'person-${i}'
      emailAddress: email
      useCommonAlertSchema: true
    }]
  }
}

resource alerts 'Microsoft.Insights/metricAlerts@2018-03-01' = [for rule in rules: {
  name: '${rule.name}-${name}'
  location: 'global'
  tags: tags
  properties: {
    description: rule.description
    severity: rule.severity
    enabled: true
    scopes: [
      serviceBusId
    ]
    evaluationFrequency: 'PT1M'
    windowSize: rule.window
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: rule.metric
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.ServiceBus/namespaces'
          metricName: rule.metric
          timeAggregation: rule.aggregation
          operator: 'GreaterThan'
          threshold: rule.threshold
        }
      ]
    }
    actions: [
      {
        actionGroupId: people.id
      }
    ]
  }
}]

resource logAlerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in fromLogs: {
  name: '${rule.name}-${name}'
  location: location
  tags: tags
  properties: {
    displayName: rule.name
    description: '${rule.meaning} See ${rule.runbook}.'
    severity: rule.severity == 'critical' ? 1 : 2
    enabled: true
    scopes: [
      insightsId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: rule.logs.window
    criteria: {
      allOf: [
        {
          query: 'traces | where tostring(customDimensions.CategoryName) startswith "Weir." and toint(customDimensions.EventId) in (${join(rule.logs.events, ', ')}) and message contains "${rule.logs.contains}"'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: rule.logs.moreThan
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    actions: {
      actionGroups: [
        people.id
      ]
    }
  }
}]
