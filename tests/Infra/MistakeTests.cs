namespace Infra.Tests;

/// <summary>The checks are worth something: each of these mistakes, made in a copy of infra/, is found.</summary>
public sealed class MistakeTests
{
    private static readonly Lazy<int> Prepared = new(() =>
    {
        var bicep = Mistakes.Select(row => row.Data).Where(mistake => mistake.Item1.Contains(".bicep", StringComparison.Ordinal)).ToArray();
        Grammar.Prepare(bicep.Select(mistake => (Path.GetExtension(mistake.Item1), InfraFolder.Text(mistake.Item1, mistake.Item2, mistake.Item3))));
        return bicep.Length;
    });

    public static TheoryData<string, string, string, string> Mistakes => new()
    {
        { "main.bicep", "param location string", "param location string =", "makes no sense" },
        { "main.bicep", "name: 'rg-weir-${environmentName}'", "name: 'rg-weir-${enviromentName}'", "'enviromentName' is not declared" },
        { "modules/identity.bicep", "param tags object", "param tags object\nparam lonely string = ''", "'lonely' is never used" },
        { "main.bicep", "    sku: serviceBusSku\n", "", "needs the parameter 'sku'" },
        { "main.bicep", "    locked: locked\n", "    lock: locked\n", "has no parameter 'lock'" },
        { "main.bicep", "identity.outputs.clientId", "identity.outputs.appId", "has no output 'appId'" },
        { "main.bicep", "'modules/alerts.bicep'", "'modules/alarms.bicep'", "no file 'modules/alarms.bicep'" },
        { "modules/app.bicep", "'../functions.json'", "'../function.json'", "names the file '../function.json'" },
        { "modules/servicebus.bicep", "namespaces/queues@2024-01-01", "namespaces/queues@2024-13-01", "not among the known types" },
        { "modules/servicebus.bicep", "    requiresSession:", "    requireSession:", "has no property 'requireSession'" },
        { "modules/servicebus.bicep", "disableLocalAuth: true", "disableLocalAuth: 'true'", "disableLocalAuth (line" },
        { "modules/storage.bicep", "minimumTlsVersion: 'TLS1_2'", "minimumTlsVersion: '1.2'", "is '1.2', and takes" },
        { "modules/storage.bicep", "  kind: 'StorageV2'\n", "", "needs the property 'kind'" },
        { "modules/app.bicep", "instanceMemoryMB: pool", "instanceMemory: pool", "has no property 'instanceMemory'" },
        { "modules/app.bicep", "name: 'dotnet-isolated'", "name: 'dotnet'", "is 'dotnet', and takes" },
        { "modules/alerts.bicep", "timeAggregation:", "aggregation:", "needs the property 'timeAggregation'" },
        { "modules/network.bicep", "addressPrefix: cidrSubnet('10.80.0.0/16', 24, 0)", "addressRange: '10.80.0.0/24'", "has no property 'addressRange'" },
        { "servicebus.json", "\"weir-bulk\"", "\"weir-bulky\"", "The code uses 'weir-bulk'" },
        { "servicebus.json", "\"RequiresSession\": true", "\"RequiresSession\": false", "expects the contrary" },
        { "servicebus.json", "\"LockDuration\": \"PT1M\"", "\"LockDuration\": \"PT1M\", \"MaxMessageSizeInKilobytes\": 1024", "do not take MaxMessageSizeInKilobytes" },
        { "modules/servicebus.bicep", "    maxDeliveryCount: queue.Properties.MaxDeliveryCount\n", "", "queues do not take MaxDeliveryCount" },
        { "functions.json", "\"RunBulkJobs\"", "\"RunBulkJob\"", "RunBulkJobs is missing" },
        { "functions.json", ", \"SweepWorkflows\"", "", "SweepWorkflows is missing in 'timers'" },
        { "prod.bicepparam", "      'timers'\n", "", "'timers' runs in 0 pools" },
        { "prod.bicepparam", "      'critical'\n", "      'critical'\n      'bulk'\n", "'bulk' runs in 2 pools" },
        { "prod.bicepparam", "function:RunCriticalJobs", "function:RunBulkJobs", "which it does not run" },
        { "prod.bicepparam", "param serviceBusSku = 'Premium'", "param serviceBusSku = 'Standard'", "isolated needs" },
        { "main.bicepparam", "param probe", "param probes", "sets 'probes'" },
        { "modules/app.bicep", "ServiceBus__fullyQualifiedNamespace", "Servicebus__fullyQualifiedNamespace", "does not set ServiceBus__fullyQualifiedNamespace" },
        { "modules/app.bicep", "Weir__Webhooks__Secret", "Weir__Webhook__Secret", "sets Weir__Webhook__Secret, which nothing reads" },
        { "modules/app.bicep", "'Weir__Keys__${key.name}__Hash'", "'Weir__ApiKeys__${key.name}__Hash'", "which nothing reads" },
        { "modules/app.bicep", "__maxConcurrentSessions: string", "__maxConcurentSessions: string", "which nothing reads" },
        { "modules/app.bicep", "  AzureWebJobsStorage__credential", "  FUNCTIONS_WORKER_RUNTIME: 'dotnet-isolated'\n  AzureWebJobsStorage__credential", "Flex Consumption refuses" },
        { "modules/app.bicep", "AzureWebJobsStorage__accountName: storageName", "AzureWebJobsStorage: storageName", "connection string" },
        { "roles.json", "0a9a7e1f", "0a9a7e1e", "storageTableDataContributor is not" },
        { "modules/servicebus.bicep", "roles.serviceBusDataSender)\n    principalId", "roles.serviceBusDataOwner)\n    principalId", "gives topics:listen, and nothing needs it" },
        { "modules/servicebus.bicep", "scope: queues[i]", "scope: namespace", "roles are given on queues" },
        { "modules/storage.bicep", "roles.storageTableDataContributor)\n    principalId", "roles.storageQueueDataContributor)\n    principalId", "needs storage:tables" },
        { "modules/servicebus.bicep", "disableLocalAuth: true", "disableLocalAuth: false", "disableLocalAuth must be true" },
        { "modules/storage.bicep", "allowSharedKeyAccess: false", "allowSharedKeyAccess: true", "allowSharedKeyAccess must be false" },
        { "modules/app.bicep", "httpsOnly: true", "httpsOnly: false", "httpsOnly must be true" },
        { "modules/app.bicep", "@secure()\nparam webhookSecret string", "param webhookSecret string", "webhookSecret must be @secure()" },
        { "modules/app.bicep", "'Weir__Shards__${i}__Url'", "'Weir__Shards__${i}__Uri'", "does not read from its settings the shards" },
        { "modules/app.bicep", "i => (shards[i].url)", "i => (shards[i].name)", "does not read from its settings the shards" },
        { "modules/app.bicep", "closed == true ? 'true' : 'false'", "closed == true ? 'false' : 'true'", "does not read from its settings the shards" },
        { "main.bicep", "principalId: identity.outputs.principalId\n  }\n}\n\nmodule storage", "principalId: frontIdentity!.outputs.principalId\n  }\n}\n\nmodule storage", "serviceBus is opened to the front's identity" },
        { "main.bicep", "principalId: frontIdentity!.outputs.principalId\n  }\n}\n\nmodule apps", "principalId: identity.outputs.principalId\n  }\n}\n\nmodule apps", "frontStorage has the pools' identity" },
        { "main.bicep", "    serviceBusHost: ''", "    serviceBusHost: serviceBus.outputs.host", "the front's serviceBusHost must be ''" },
        { "main.bicep", "  runs: []", "  runs: ['bulk']", "the front runs functions" },
        { "main.bicep", "    shards: []", "    shards: shards", "they would be fronts" },
        { "modules/storage.bicep", "    principalType: 'ServicePrincipal'\n", "", "fails while the identity is new" },
    };

    [Theory, MemberData(nameof(Mistakes))]
    public void A_mistake_is_found(string file, string text, string instead, string complaint)
    {
        _ = Prepared.Value;
        var infra = InfraFolder.With(file, text, instead);
        string[] complaints =
        [
            .. FileChecks.Syntax(infra), .. FileChecks.Names(infra), .. FileChecks.Modules(infra), .. FileChecks.Files(infra), .. FileChecks.ResourceTypes(infra), .. PropertyChecks.Check(infra),
            .. AgreementChecks.Entities(infra), .. AgreementChecks.Groups(infra), .. AgreementChecks.Pools(infra), .. AgreementChecks.Settings(infra), .. PermissionChecks.Check(infra), .. SecurityChecks.Check(infra), .. FrontChecks.Check(infra),
        ];
        Assert.Contains(complaints, one => one.Contains(complaint, StringComparison.Ordinal));
    }
}
